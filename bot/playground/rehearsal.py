"""The scripted model: finds the words for a call in the scenarios, without remembering anything.

Which scenario, entry and turn answers follows from the call alone, so retries, crashes and restarts
change nothing. The one memory is how often a scripted fault was played.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import JsonValue

from bot.playground.conversation import Conversation, ToolResult, read_conversation
from bot.playground.edits import as_left
from bot.playground.script import Entry, Fault, Faulty, Included, Scenario, Turn
from bot.playground.templates import Functions, TemplateInvalid, render
from bot.playground.web_tools import web_blocks

_USES = {"tool_use", "server_tool_use"}
LIVE_HINT = "With a real model it takes any request: ANTHROPIC_API_KEY=… greenlight demo --live"


class ScriptRanOut(Exception):
    """The script holds no answer; the text says to people what rehearsals know."""


@dataclass(frozen=True)
class ReceivedCall:
    """A call as the server got it.

    Attributes:
        role: The X-Greenlight-Role header, empty if there was none.
        body: The call's JSON.
        at: time.monotonic() of its arrival.
    """

    role: str
    body: Mapping[str, Any]
    at: float

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body["model"])

    @property
    def conversation(self) -> Conversation:
        """The conversation so far."""
        return read_conversation(self.body["messages"])


@dataclass(frozen=True)
class Reply:
    """What to answer: content blocks in the API's form, or a fault on the way to them."""

    content: Sequence[Mapping[str, Any]]
    delay_s: float = 0.0
    fault: Fault | None = None

    @property
    def stop_reason(self) -> str:
        """end_turn, or tool_use if there is a tool call."""
        return "tool_use" if any(block["type"] == "tool_use" for block in self.content) else "end_turn"


class Responder(Protocol):
    """Anything that answers calls of the Messages API."""

    def reply(self, call: ReceivedCall) -> Reply:
        """Answer a call.

        Raises:
            ScriptRanOut: there is no answer, in words for people.
        """
        ...


@dataclass
class Rehearsal:
    """Answers from scenarios; `pace` is a factor on their delays, 0 answers at once."""

    scenarios: Sequence[Scenario]
    pace: float = 1.0
    _played: Counter[tuple[str, int, int | None]] = field(default_factory=Counter)

    def reply(self, call: ReceivedCall) -> Reply:
        """The scripted answer to a call.

        Raises:
            ScriptRanOut: no scenario, entry or turn matches, or the turn refers to what is not there.
        """
        conversation = call.conversation
        scenario = self._scenario(conversation)
        number, entry = self._entry(scenario, call.role, conversation)
        if conversation.turn >= len(entry.turns):
            raise self._ran_out(scenario, call.role, conversation, "the script ends before this turn")
        turn = entry.turns[conversation.turn]
        try:
            content = [
                *web_blocks(turn.web, call.body, conversation.opening),
                *_content(turn, conversation, scenario.files),
            ]
        except TemplateInvalid as error:
            raise self._ran_out(scenario, call.role, conversation, str(error)) from None
        _refuse_unknown_tools(content, call.body)
        delay = turn.delay_s if turn.delay_s is not None else entry.delay_s or 0.0
        key = (scenario.name, number, conversation.turn)
        fault = turn.fault if turn.silent else self._due(turn, key) or self._due(entry, (*key[:2], None))
        return Reply(content, delay * self.pace, fault)

    def _scenario(self, conversation: Conversation) -> Scenario:
        """The scenario with the longest phrasing that stands in the request."""
        request = normalised(conversation.request)
        found = [
            (len(phrase), scenario)
            for scenario in self.scenarios
            for phrase in map(normalised, scenario.phrasings)
            if phrase.strip() and phrase in request
        ]
        if not found:
            raise ScriptRanOut(f"This rehearsal knows only: {self._known()}. {LIVE_HINT}")
        return max(found, key=lambda pair: pair[0])[1]

    def _entry(self, scenario: Scenario, role: str, conversation: Conversation) -> tuple[int, Entry]:
        for number, entry in enumerate(scenario.entries):
            if entry.matches(role, conversation.opening):
                return number, entry
        raise self._ran_out(scenario, role, conversation, "the script has no such entry")

    def _due(self, place: Faulty, key: tuple[str, int, int | None]) -> Fault | None:
        if place.fault is None or self._played[key] >= place.times:
            return None
        self._played[key] += 1
        return place.fault

    def _ran_out(self, scenario: Scenario, role: str, conversation: Conversation, why: str) -> ScriptRanOut:
        return ScriptRanOut(
            f"The rehearsal of «{scenario.request}» has no words for this step "
            f"({role or 'no role'}, turn {conversation.turn + 1}: {why}). "
            f"Rehearsals know only: {self._known()}. {LIVE_HINT}"
        )

    def _known(self) -> str:
        return ", ".join(f"«{scenario.request}»" for scenario in self.scenarios) or "nothing yet"


def normalised(text: str) -> str:
    """Lower-case words with single spaces around them; punctuation does not count."""
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return f" {words} "


def _content(turn: Turn, conversation: Conversation, files: Mapping[str, str]) -> list[dict[str, Any]]:
    functions = _functions(conversation)
    if turn.answer is not None:
        answer = render(turn.answer, functions, files)
        if isinstance(answer, dict):
            answer = dict(as_left(answer, conversation.opening))
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return [{"type": "text", "text": text}]
    blocks: list[dict[str, Any]] = []
    if turn.text is not None:
        source: JsonValue = turn.text.model_dump() if isinstance(turn.text, Included) else turn.text
        blocks.append({"type": "text", "text": str(render(source, functions, files))})
    for number, call in enumerate(turn.calls):
        # Ids follow from the conversation, so that a retried call gives the same answer.
        seed = f"{conversation.opening}\0{conversation.turn}\0{number}"
        blocks.append(
            {
                "type": "tool_use",
                "id": f"toolu_{hashlib.sha256(seed.encode()).hexdigest()[:24]}",
                "name": call.tool,
                "input": render(dict(call.input), functions, files),
            }
        )
    return blocks


def _functions(conversation: Conversation) -> Functions:
    def nth(tool: str, n: int) -> ToolResult:
        results = conversation.results_of(tool)
        if not -len(results) <= n < len(results):
            raise TemplateInvalid(f"there is no result {n} of the tool {tool}")
        return results[n]

    def receipt(tool: str, n: int = -1) -> str:
        found = nth(tool, n).receipt
        if found is None:
            raise TemplateInvalid(f"result {n} of the tool {tool} names no receipt")
        return found

    def result(tool: str, n: int = -1) -> str:
        return nth(tool, n).text

    def found(regex: str) -> str:
        match = re.search(regex, conversation.opening, re.MULTILINE)
        if match is None:
            raise TemplateInvalid(f"nothing in the first message matches {regex}")
        return match[1] if match.re.groups else match[0]

    def found_all(regex: str, before: str = "") -> JsonValue:
        matches = re.finditer(regex, conversation.opening, re.MULTILINE)
        parts = (match.groups() or (match[0],) for match in matches)
        return [before + ": ".join(" ".join(part.split()) for part in groups)[:290] for groups in parts]

    return {"receipt": receipt, "result": result, "found": found, "found_all": found_all}


def _refuse_unknown_tools(content: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> None:
    offered = {tool["name"] for tool in body.get("tools") or ()}
    unknown = {block["name"] for block in content if block["type"] in _USES} - offered
    if unknown:
        raise ScriptRanOut(
            f"The script uses tools that this call does not offer: {', '.join(sorted(unknown))}."
        )
