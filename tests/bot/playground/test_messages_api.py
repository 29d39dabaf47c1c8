import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from bot.playground.messages_api import MessagesApi
from bot.playground.script import Fault, Scenario, ScenarioInvalid, load_scenarios

REQUEST = "Add a new metric to track conversation resolution time"
WRITE = {"name": "write", "description": "Write a file", "input_schema": {"type": "object"}}
EXAMPLE = {
    "title": "Resolution time",
    "request": REQUEST,
    "also": ["Track how long conversations take"],
    "entries": [
        {
            "role": "assess",
            "turns": [
                {"answer": {"verdict": "specific", "commit": "{{ found('Commit: (\\\\w+)') }}", "gaps": []}}
            ],
        },
        {
            "role": "task:writer",
            "when": ["Round 1 of 3"],
            "turns": [
                {
                    "text": "I will write it.",
                    "calls": [
                        {"tool": "write", "input": {"path": "a.sql", "content": {"file": "files/a.sql"}}},
                        {"tool": "write", "input": {"path": "b.sql", "content": "SELECT {{ 1 + 1 }}"}},
                    ],
                },
                {"answer": {"cites": "{{ receipt('write') }} {{ receipt('write', 0) }}", "n": "{{ 2 + 3 }}"}},
            ],
        },
        {
            "role": "task:writer",
            "when": [{"regex": "Round [23]"}],
            "unless": ["Round 3"],
            "turns": [{"text": "second round"}],
        },
        {"role": "flaky", "fault": 529, "times": 2, "turns": [{"text": "at last"}]},
        {"role": "refuses", "turns": [{"fault": "refusal"}]},
    ],
    "variants": {"vague": {"replace": [{"role": "assess", "turns": [{"answer": {"verdict": "vague"}}]}]}},
}


def write_scenario(root: Path, content: Any = EXAMPLE, name: str = "resolution") -> Path:
    (root / name / "files").mkdir(parents=True)
    (root / name / "files" / "a.sql").write_text("SELECT '{{ not a template }}'\n")
    path = root / name / "scenario.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[MessagesApi]:
    server = MessagesApi([Scenario.load(write_scenario(tmp_path))], pace=0)
    await server.start()
    yield server
    await server.close()


def opening(request: str = REQUEST, more: str = "") -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"Assess.\n<request>\n{request}\n</request>\n{more}"}]


async def post(
    api: MessagesApi, role: str, messages: list[dict[str, Any]], **more: Any
) -> tuple[int, dict[str, Any]]:
    body = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": messages, **more}
    headers = {"x-api-key": "sk-ant-fake-rehearsal", "X-Greenlight-Role": role}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.url}/v1/messages", json=body, headers=headers) as response,
    ):
        return response.status, await response.json()


def said(answer: dict[str, Any]) -> Any:
    return json.loads(answer["content"][0]["text"])


@pytest.mark.parametrize(
    "request_text",
    [REQUEST, f"<@U1>  {REQUEST.upper()}!\nplease", "could you TRACK how long\nconversations take?"],
)
async def test_finds_the_scenario_however_the_request_is_put(api: MessagesApi, request_text: str) -> None:
    status, answer = await post(api, "assess", opening(request_text, "Commit: abc123"))
    assert status == 200
    assert said(answer) == {"verdict": "specific", "commit": "abc123", "gaps": []}
    assert answer["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "messages", [opening("Make me a sandwich"), [{"role": "user", "content": REQUEST}], opening("", REQUEST)]
)
async def test_an_unknown_request_is_told_what_rehearsals_know(
    api: MessagesApi, messages: list[dict[str, Any]]
) -> None:
    status, answer = await post(api, "assess", messages)
    assert status == 400
    assert answer["error"]["type"] == "rehearsal_script_ended"
    assert f"«{REQUEST}»" in answer["error"]["message"]
    assert "greenlight demo --live" in answer["error"]["message"]


async def test_plays_the_turns_of_a_conversation_with_tools(api: MessagesApi) -> None:
    messages = opening(more="Round 1 of 3")
    _, first = await post(api, "task:writer", messages, tools=[WRITE])
    again = await post(api, "task:writer", messages, tools=[WRITE])
    assert again[1]["content"] == first["content"], "a retried call gets the same answer"
    text, one, two = first["content"]
    assert (text["text"], first["stop_reason"]) == ("I will write it.", "tool_use")
    assert one["input"] == {"path": "a.sql", "content": "SELECT '{{ not a template }}'\n"}
    assert two["input"] == {"path": "b.sql", "content": "SELECT 2"}
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": f"receipt: R{number}\nwritten"}
        for number, block in enumerate((one, two))
    ]
    messages += [{"role": "assistant", "content": first["content"]}, {"role": "user", "content": results}]
    _, second = await post(api, "task:writer", messages, tools=[WRITE])
    assert said(second) == {"cites": "R1 R0", "n": 5}
    messages += [{"role": "assistant", "content": second["content"]}, {"role": "user", "content": "more"}]
    status, ended = await post(api, "task:writer", messages, tools=[WRITE])
    assert (status, ended["error"]["type"]) == (400, "rehearsal_script_ended")
    assert "turn 3" in ended["error"]["message"]


async def test_when_and_unless_choose_the_entry(api: MessagesApi) -> None:
    assert (await post(api, "task:writer", opening(more="Round 2 of 3")))[1]["content"][0][
        "text"
    ] == "second round"
    assert (await post(api, "task:writer", opening(more="Round 3 of 3")))[0] == 400
    assert (await post(api, "task:other", opening(more="Round 2 of 3")))[0] == 400


async def test_a_tool_that_was_not_offered_ends_the_script(api: MessagesApi) -> None:
    status, answer = await post(api, "task:writer", opening(more="Round 1 of 3"))
    assert status == 400
    assert "write" in answer["error"]["message"]


async def test_a_receipt_that_is_not_there_ends_the_script(api: MessagesApi) -> None:
    messages = [
        *opening(more="Round 1 of 3"),
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": "y"},
    ]
    status, answer = await post(api, "task:writer", messages)
    assert (status, answer["error"]["type"]) == (400, "rehearsal_script_ended")
    assert "no result -1 of the tool write" in answer["error"]["message"]


async def test_scripted_faults_come_as_often_as_written(api: MessagesApi) -> None:
    assert [(await post(api, "flaky", opening()))[0] for _ in range(3)] == [529, 529, 200]
    answers = [(await post(api, "refuses", opening()))[1] for _ in range(2)]
    assert [answer["stop_reason"] for answer in answers] == ["refusal", "refusal"]


async def test_queued_faults_come_first_and_calls_are_logged(api: MessagesApi) -> None:
    api.faults.extend([Fault.OVERLOADED, Fault.RATE_LIMIT_LONG])
    statuses = [(await post(api, "assess", opening(more="Commit: a")))[0] for _ in range(3)]
    assert statuses == [529, 429, 200]
    assert [(call.role, call.model) for call in api.calls] == [("assess", "claude-sonnet-5-5")] * 3


async def test_a_variant_stands_before_the_entries(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    server = MessagesApi([Scenario.load(path, "vague")], pace=0)
    await server.start()
    assert said((await post(server, "assess", opening()))[1]) == {"verdict": "vague"}
    await server.close()
    with pytest.raises(ScenarioInvalid, match="no variant 'other'; there are: vague"):
        Scenario.load(path, "other")


def test_lists_the_scenarios_of_a_folder(tmp_path: Path) -> None:
    write_scenario(tmp_path, name="b")
    write_scenario(tmp_path, name="a")
    assert [(it.name, it.title) for it in load_scenarios(tmp_path)] == [
        ("a", "Resolution time"),
        ("b", "Resolution time"),
    ]


ENTRY = {"role": "assess", "turns": [{"text": "hi"}]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (["list"], "must be a mapping"),
        ({"request": REQUEST}, "entries: Field required"),
        ({"request": REQUEST, "entries": [{**ENTRY, "wehn": []}]}, "entries.0.wehn: Extra inputs"),
        ({"request": REQUEST, "entries": [{**ENTRY, "when": [{"regex": "("}]}]}, "not a regular expression"),
        ({"request": REQUEST, "entries": [{"role": "a", "turns": []}]}, "entries.0.turns"),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{}]}]},
            "needs an answer, a text, calls or a fault",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{"text": "x", "answer": 1}]}]},
            "either an answer",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{"text": "{{ oops"}]}]},
            "entries.0.turns.0: not a temp",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{"text": "{{ found('\\bx') }}"}]}]},
            "write each backslash twice",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "fault": 418, "turns": [{"text": "x"}]}]},
            "entries.0.fault",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{"answer": {"file": "../../secret"}}]}]},
            "is not beside the scenario",
        ),
        (
            {"request": REQUEST, "entries": [{"role": "a", "turns": [{"answer": {"file": "no.sql"}}]}]},
            "No such file",
        ),
    ],
)
def test_a_bad_scenario_file_is_refused_with_place_and_reason(
    tmp_path: Path, content: Any, problem: str
) -> None:
    path = write_scenario(tmp_path, content)
    with pytest.raises(ScenarioInvalid) as refused:
        Scenario.load(path)
    assert str(path) in str(refused.value)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"temperature": 0}, "temperature"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"messages": [*opening(), {"role": "assistant", "content": "{"}]}, "prefill"),
        ({"messages": [*opening(), {"role": "assistant", "content": ""}, *opening()]}, "non-empty"),
        (
            {
                "messages": [
                    *opening(),
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t1", "name": "write", "input": {}}],
                    },
                    *opening(),
                ]
            },
            "without `tool_result`",
        ),
        (
            {
                "output_config": {
                    "format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}
                }
            },
            "additionalProperties",
        ),
    ],
)
async def test_refuses_what_the_real_api_refuses(api: MessagesApi, more: dict[str, Any], reason: str) -> None:
    status, answer = await post(api, "assess", **{"messages": opening(), **more})
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert reason in answer["error"]["message"]


async def test_needs_a_key_and_counts_tokens(api: MessagesApi) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{api.url}/v1/messages", json={}) as response:
            assert response.status == 401
        body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "x" * 4000}]}
        headers = {"authorization": "Bearer fake"}
        async with session.post(
            f"{api.url}/v1/messages/count_tokens", json=body, headers=headers
        ) as response:
            assert 1000 <= (await response.json())["input_tokens"] <= 1020


async def test_the_cache_is_read_on_the_second_call_and_no_breakpoint_writes_twice(api: MessagesApi) -> None:
    system = [{"type": "text", "text": "s" * 8000, "cache_control": {"type": "ephemeral"}}]
    ephemeral = {"type": "ephemeral"}
    messages = opening(more="Commit: a " + "x" * 8000)
    first = (await post(api, "assess", messages, system=system, cache_control=ephemeral))[1]["usage"]
    second = (await post(api, "assess", messages, system=system, cache_control=ephemeral))[1]["usage"]
    other = (await post(api, "assess", opening(more="Commit: b"), system=system))[1]["usage"]
    assert first["cache_read_input_tokens"] == 0
    assert first["cache_creation_input_tokens"] > 4000
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert second["cache_creation_input_tokens"] == second["input_tokens"] == 0
    assert 2000 <= other["cache_read_input_tokens"] <= 2050
