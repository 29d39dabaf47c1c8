import inspect
import json
import random
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from bot.playground.messages_api import MessagesApi
from engine import schemas
from engine.adapters.anthropic_model import AnthropicModel
from engine.ports import ModelAnswer, ModelCall, Tier, ToolSpec
from engine.settings import default_tiers
from tests.random_model import Inventor, RandomResponder

ANSWERS = [
    it
    for _, it in inspect.getmembers(schemas, inspect.isclass)
    if issubclass(it, schemas.Answer) and it is not schemas.Answer
]
TREE: dict[str, Any] = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 3, "maxLength": 5},
                "kind": {"enum": ["a", 1, None]},
                "size": {"anyOf": [{"type": "integer", "minimum": 3, "maximum": 4}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}, "minItems": 0},
            },
            "required": ["name", "kind", "size", "children"],
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize("careful", [True, False])
def test_values_are_valid_for_their_schema_and_differ(careful: bool) -> None:
    generators = [random.Random(seed) for seed in range(20)]  # noqa: S311 - test data
    values = [Inventor(generator, careful=careful).value(TREE) for generator in generators]
    for value in values:
        jsonschema.validate(value, TREE)
    assert len({str(value) for value in values}) > 15


async def answered(seed: int, care: float, answer: type[BaseModel]) -> tuple[ModelAnswer, dict[str, Any]]:
    """A structured answer over the wire, with the schema as it was sent."""
    api = MessagesApi(responder=RandomResponder(seed, care))
    await api.start()
    model = AnthropicModel(default_tiers(), timeout_s=5, api_key="sk-ant-fake-rehearsal", base_url=api.url)
    call = ModelCall(
        role="assess",
        request="r",
        tier=Tier.HAIKU,
        system="s",
        messages=({"role": "user", "content": "databricks-genius does AC1, AC2 and t1"},),
        schema_=answer.model_json_schema(),
    )
    reply = await model.answer(call)
    await model.close()
    await api.close()
    return reply, dict(api.calls[0].body["output_config"]["format"]["schema"])


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_answer_is_valid_for_the_schema_that_was_sent(answer: type[BaseModel]) -> None:
    for seed in range(3):
        reply, sent = await answered(seed, 0.0, answer)
        jsonschema.validate(json.loads(reply.text), sent)


async def test_with_care_answers_often_pass_the_local_checks_too() -> None:
    passed = 0
    for seed in range(20):
        reply, _ = await answered(seed, 1.0, schemas.Assessment)
        try:
            schemas.Assessment.model_validate_json(reply.text)
        except ValidationError:
            continue
        passed += 1
    assert passed > 15


async def test_calls_tools_for_a_few_turns_and_then_answers_the_same_for_the_same_call() -> None:
    api = MessagesApi(responder=RandomResponder(7))
    await api.start()
    model = AnthropicModel(default_tiers(), timeout_s=5, api_key="sk-ant-fake-rehearsal", base_url=api.url)
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    tools = (ToolSpec(name="read", description="Read", input_schema=schema),)
    call = ModelCall(
        role="task:a",
        request="r",
        tier=Tier.HAIKU,
        system="s",
        tools=tools,
        messages=({"role": "user", "content": "x"},),
    )
    used = 0
    for _ in range(5):
        answer = await model.answer(call)
        assert (await model.answer(call)).content == answer.content
        if not answer.tool_uses:
            break
        used += 1
        results = [
            {"type": "tool_result", "tool_use_id": use.id, "content": "ok"} for use in answer.tool_uses
        ]
        for use in answer.tool_uses:
            jsonschema.validate(use.input, schema)
        more = ({"role": "assistant", "content": list(answer.content)}, {"role": "user", "content": results})
        call = call.model_copy(update={"messages": (*call.messages, *more)})
    await model.close()
    await api.close()
    assert 1 <= used <= 3
    assert answer.stop_reason == "end_turn"
