"""A model that knows nothing: answers every call with random values valid for the JSON schema it was sent.

For tests of what must hold whatever a model says. It remembers nothing: the same seed and call give the
same answer, so retries and restarts are safe.
"""

import hashlib
import json
import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.playground.conversation import blocks_of
from bot.playground.rehearsal import ReceivedCall, Reply

DEEPEST = 6
WORDS = ("AC1", "AC2", "a", "t1", "main", "src/a.sql", "tests", "0")
NASTY = (
    "",
    " ",
    "<@U1> <!channel>",
    "\u202eevil",
    "a\x00b",
    "```",
    "*_~`&<>",
    "../../etc/passwd",
    "-rf",
    "é" * 400,
)


@dataclass(frozen=True)
class RandomResponder:
    """A responder for `MessagesApi`.

    Attributes:
        care: How likely an answer keeps also the bounds that stand in the schema's descriptions. At 0 it
            is valid for the schema and nothing more; at 1 it gets deep into the engine.
        tool_turns: From this turn on it answers instead of calling tools.
    """

    seed: int
    care: float = 0.7
    tool_turns: int = 3

    def reply(self, call: ReceivedCall) -> Reply:
        """A few rounds of random tool calls, where tools are offered; then an answer."""
        source = json.dumps([self.seed, call.role, call.body["messages"]], sort_keys=True)
        rng = random.Random(hashlib.sha256(source.encode()).digest())  # noqa: S311 - test data
        tools = list(call.body.get("tools") or ())
        turn = call.conversation.turn
        invent = Inventor(rng, tuple(_words(call.body)), careful=rng.random() < self.care)
        if tools and turn < self.tool_turns and rng.random() < 0.8:
            chosen = rng.choices(tools, k=rng.randint(1, 3))
            return Reply([_tool_use(invent, tool, f"{turn}_{number}") for number, tool in enumerate(chosen)])
        output_format = (call.body.get("output_config") or {}).get("format")
        text = json.dumps(invent.value(output_format["schema"])) if output_format else invent.text({}) or "…"
        return Reply([{"type": "text", "text": text}])


class Inventor:
    """Makes values for JSON schemas.

    Args:
        words: Words it likes to use, such as those of the conversation.
        careful: Keep the bounds that descriptions speak of, and leave strange strings out.
    """

    def __init__(self, rng: random.Random, words: tuple[str, ...] = WORDS, *, careful: bool = False) -> None:
        self._rng = rng
        self._words = words
        self._careful = careful
        self._definitions: Mapping[str, Any] = {}

    def value(self, schema: Mapping[str, Any]) -> Any:
        """A random value that is valid for a schema."""
        self._definitions = schema.get("$defs", {})
        return self._value(schema, 0)

    def text(self, schema: Mapping[str, Any]) -> str:
        """A random string within a schema's bounds."""
        bounds = self._bounds(schema)
        pattern = bounds.get("pattern")
        if pattern:
            fitting = [word for word in (*self._words, *WORDS) if re.search(pattern, word)]
            if fitting:
                return self._rng.choice(fitting)
        if not self._careful and self._rng.random() < 0.3:
            made = self._rng.choice(NASTY)
        elif self._rng.random() < 0.5:
            made = self._rng.choice(self._words or WORDS)
        else:
            made = " ".join(self._rng.choices(self._words or WORDS, k=self._rng.randint(1, 12)))
        shortest, longest = int(bounds.get("minLength", 0)), int(bounds.get("maxLength", 4000))
        return made[:longest].ljust(shortest, self._rng.choice(string.ascii_lowercase))

    def _value(self, schema: Mapping[str, Any], depth: int) -> Any:
        if "$ref" in schema:
            return self._value(self._definitions[schema["$ref"].rsplit("/", 1)[-1]], depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                simplest = next((it for it in schema[key] if it.get("type") == "null"), schema[key][0])
                return self._value(simplest if depth > DEEPEST else self._rng.choice(schema[key]), depth + 1)
        if "allOf" in schema:
            return self._value(schema["allOf"][0], depth + 1)
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        return self._scalar(kind, schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self._value(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or (depth <= DEEPEST and self._rng.random() < 0.7)
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        bounds = self._bounds(schema)
        fewest = int(bounds.get("minItems", 0))
        most = int(bounds.get("maxItems", fewest + (3 if self._careful else 12)))
        count = fewest if depth > DEEPEST else self._rng.randint(fewest, min(most, fewest + 12))
        return [self._value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _scalar(self, kind: str | None, schema: Mapping[str, Any]) -> Any:
        bounds = self._bounds(schema)
        lowest = int(bounds.get("minimum", 0 if self._careful else -(10**9)))
        highest = int(bounds.get("maximum", lowest + (5 if self._careful else 2 * 10**9)))
        if kind == "integer":
            return self._rng.randint(lowest, highest)
        if kind == "number":
            return self._rng.uniform(lowest, highest)
        if kind == "boolean":
            return self._rng.random() < 0.5
        if kind == "null":
            return None
        return self.text(schema)

    def _bounds(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A schema's own bounds; with care also those that ended up in its description."""
        if not self._careful:
            return schema
        description = str(schema.get("description", ""))
        told: dict[str, Any] = dict(re.findall(r"\b(m(?:in|ax)(?:Length|Items|imum)): (-?\d+)", description))
        pattern = re.search(r"\bpattern: (.*)\}$", description)
        return {**told, **({"pattern": pattern[1]} if pattern else {}), **schema}


def _tool_use(invent: Inventor, tool: Mapping[str, Any], number: str) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": f"toolu_random_{number}",
        "name": tool["name"],
        "input": invent.value(tool["input_schema"]),
    }


def _words(body: Mapping[str, Any]) -> list[str]:
    """Words of the conversation, so that names of checks, agents, paths and criteria come up."""
    texts = [str(block) for message in body["messages"] for block in blocks_of(message["content"])]
    return sorted(set(re.findall(r"[\w./-]{2,60}", " ".join(texts))))[:2000]
