"""Scenario files: what a scripted model says in a rehearsal, as YAML beside the files it writes.

    title: A metric for resolution time            # optional; shown in lists
    request: Add a new metric to track conversation resolution time
    also: [Track how long conversations take]      # other phrasings of the request
    entries:
      - role: task:databricks-genius               # the call's X-Greenlight-Role
        when: [Round 1 of 3]                       # all of these stand in the first user message:
        unless: [{regex: "Round [23]"}]            # literals, or {regex: …}; and none of these
        delay_s: 0.5                               # how long an answer takes, times the server's pace
        turns:                                     # one per assistant message of the conversation
          - text: I will write it.
            calls:
              - tool: write
                input: {path: src/a.sql, content: {file: files/a.sql}}
          - answer: {summary: "done, see {{ receipt('write') }}"}
          - web:                               # what the provider's own tools find, before the answer
              - search: partition pruning
                results: [{url: "https://docs.databricks.com/x", title: A page}]
              - fetch: https://docs.databricks.com/x
                text: What the page says.
            answer: {summary: found}
          - fault: 529                             # before answering, `times` times (once)
            text: Sorry for that.
    variants:
      never-added:
        replace: [{role: …, turns: […]}]           # stand before the entries

The first entry that matches answers. Strings are templates with `receipt(tool, n=-1)`,
`result(tool, n=-1)`, `found(regex)` and `found_all(regex, before="")` (a list: each match's groups joined
by ": ", after `before`), looked for in the first user message; a backslash is written twice within {{ }}.
The texts of included files are not templates.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from bot.playground.templates import TemplateInvalid, check, included, leaves

SCENARIOS = Path(__file__).parent / "scenarios"


class ScenarioInvalid(Exception):
    """A scenario file cannot be used; the text names the file, each place and what is wrong there."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(
            "\n".join([f"{path} cannot be used as a scenario:", *(f"  - {it}" for it in problems)])
        )
        self.path = path
        self.problems = problems


class Fault(StrEnum):
    """A way in which the Messages API fails, or answers otherwise than hoped for."""

    RATE_LIMIT = "429"
    RATE_LIMIT_LONG = "429-long"
    RATE_LIMIT_DATE = "429-date"
    OVERLOADED = "529"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    REQUEST_TIMEOUT = "408"
    INVALID = "400"
    TOO_LONG = "400-too-long"
    NO_CREDIT = "400-credit"
    BAD_KEY = "401"
    BILLING = "402"
    FORBIDDEN = "403"
    UNKNOWN_MODEL = "404"
    TOO_LARGE = "413"
    BAD_JSON = "badjson"
    BAD_EVENT = "bad-event"
    HTML = "html"
    DROP = "drop"
    HANG = "hang"
    STALL = "stall"
    CUT_DIRTY = "cut-dirty"
    CUT_CLEAN = "cut-clean"
    STREAM_ERROR = "sse-error"
    REFUSAL = "refusal"
    MAX_TOKENS = "max_tokens"
    PAUSE_TURN = "pause_turn"
    CONTEXT_EXCEEDED = "model_context_window_exceeded"


class Strict(BaseModel):
    """Immutable, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pattern(Strict):
    """A regular expression that has to be found."""

    regex: str

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            re.compile(self.regex)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return self


class Included(Strict):
    """A file beside the scenario, by its path relative to it."""

    file: str


class ScriptedCall(Strict):
    """A tool call of the scripted model."""

    tool: str
    input: dict[str, JsonValue] = {}


class Page(Strict):
    """A page that a scripted search finds."""

    url: str
    title: str = "A page"


class WebUse(Strict):
    """A use of the provider's own tools: a search and its results, or a page that is read."""

    search: str | None = None
    results: tuple[Page, ...] = ()
    fetch: str | None = None
    text: str = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.search is None) == (self.fetch is None):
            raise ValueError("a use of the web is either a search or a fetch")
        return self


class Faulty(Strict):
    """Where a delay (seconds) and a fault can be set. The fault comes `times` times, then the answer."""

    delay_s: float | None = Field(default=None, ge=0)
    fault: Annotated[
        Fault | None, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)
    ] = None
    times: int = Field(default=1, ge=1)


class Turn(Faulty):
    """One assistant message: text and tool calls, or an answer that becomes JSON text."""

    text: str | Included | None = None
    calls: tuple[ScriptedCall, ...] = ()
    web: tuple[WebUse, ...] = ()
    answer: JsonValue = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.answer is not None and (self.text is not None or self.calls):
            raise ValueError("a turn holds either an answer, or text and calls")
        if self.silent and self.fault is None:
            raise ValueError("a turn needs an answer, a text, calls or a fault")
        return self

    @property
    def silent(self) -> bool:
        """Whether there is nothing but a fault, which then comes every time."""
        return self.answer is None and self.text is None and not self.calls

    def values(self) -> Iterator[JsonValue]:
        """Everything in the turn that is rendered."""
        yield self.answer
        yield self.text.model_dump() if isinstance(self.text, Included) else self.text
        yield from (dict(call.input) for call in self.calls)


class Entry(Faulty):
    """What one role says when its conversation opens in a certain way."""

    role: str
    when: tuple[str | Pattern, ...] = ()
    unless: tuple[str | Pattern, ...] = ()
    turns: tuple[Turn, ...] = Field(min_length=1)

    def matches(self, role: str, opening: str) -> bool:
        """Whether this entry answers `role` in a conversation that opens with this message."""
        return (
            role == self.role
            and all(_stands(condition, opening) for condition in self.when)
            and not any(_stands(condition, opening) for condition in self.unless)
        )


class Variant(Strict):
    """A perturbed play: entries that come before the scenario's own, another request, or no web."""

    replace: tuple[Entry, ...] = ()
    request: str | None = None
    also: tuple[str, ...] | None = None
    web: bool = True


class Scenario(Strict):
    """A rehearsal. `name` is its folder's; `files` holds the included files' text by relative path."""

    name: str
    title: str = ""
    request: str = Field(min_length=1)
    also: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = Field(min_length=1)
    variants: dict[str, Variant] = {}
    web: bool = True
    files: dict[str, str] = {}

    @classmethod
    def load(cls, path: Path, variant: str | None = None) -> Self:
        """Read a scenario file, or the folder that holds a `scenario.yml`.

        Raises:
            ScenarioInvalid: unreadable, not YAML, unknown keys, a bad template, a file that is not
                beside the scenario, or no such variant.
        """
        path = path / "scenario.yml" if path.is_dir() else path
        try:
            scenario = cls.model_validate({**_mapping(path), "name": path.parent.name})
        except ValidationError as error:
            raise ScenarioInvalid(
                path, [_place(detail["loc"], detail["msg"]) for detail in error.errors()]
            ) from None
        scenario = scenario.model_copy(update={"files": _files(path, scenario)})
        if variant is None:
            return scenario
        if variant not in scenario.variants:
            raise ScenarioInvalid(
                path, [f"no variant {variant!r}; there are: {', '.join(scenario.variants) or 'none'}"]
            )
        return scenario.varied(scenario.variants[variant])

    def varied(self, variant: Variant) -> Self:
        """The scenario with a variant laid over it."""
        return self.model_copy(
            update={
                "entries": (*variant.replace, *self.entries),
                "request": variant.request or self.request,
                "also": self.also if variant.also is None else variant.also,
                "web": self.web and variant.web,
            }
        )

    @property
    def phrasings(self) -> tuple[str, ...]:
        """The request and every other way to put it."""
        return (self.request, *self.also)


def load_scenarios(root: Path = SCENARIOS) -> tuple[Scenario, ...]:
    """Every scenario in the folders of `root`, by name.

    Raises:
        ScenarioInvalid: one of them cannot be used.
    """
    return tuple(Scenario.load(path) for path in sorted(root.glob("*/scenario.yml")))


def _stands(condition: str | Pattern, text: str) -> bool:
    if isinstance(condition, Pattern):
        return re.search(condition.regex, text) is not None
    return " ".join(condition.split()) in " ".join(text.split())


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one written in C where there is one: scenarios are long."""


def _mapping(path: Path) -> dict[str, JsonValue]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe one)
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioInvalid(path, [f"cannot be read: {error}"]) from None
    except yaml.YAMLError as error:
        raise ScenarioInvalid(path, [f"not YAML: {error}"]) from None
    if not isinstance(content, dict):
        raise ScenarioInvalid(path, ["the file must be a mapping with `request` and `entries`"])
    reserved = {"name", "files"} & set(content)
    if reserved:
        raise ScenarioInvalid(
            path, [f"{key}: is set by the folder, not in the file" for key in sorted(reserved)]
        )
    return content


def _files(path: Path, scenario: Scenario) -> dict[str, str]:
    """Check every template and read every included file."""
    problems: list[str] = []
    files: dict[str, str] = {}
    for place, leaf in _leaves(scenario):
        try:
            relative = included(leaf)
            if relative is not None:
                files[relative] = _beside(path.parent, relative)
            elif isinstance(leaf, str):
                check(leaf)
        except (OSError, ValueError, TemplateInvalid) as error:
            problems.append(f"{place}: {error}")
    if problems:
        raise ScenarioInvalid(path, problems)
    return files


def _leaves(scenario: Scenario) -> Iterator[tuple[str, JsonValue]]:
    lists = {"entries": scenario.entries}
    lists.update({f"variants.{name}.replace": variant.replace for name, variant in scenario.variants.items()})
    for name, entries in lists.items():
        for number, entry in enumerate(entries):
            for turn_number, turn in enumerate(entry.turns):
                for value in turn.values():
                    for leaf in leaves(value):
                        yield f"{name}.{number}.turns.{turn_number}", leaf


def _beside(folder: Path, relative: str) -> str:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{relative} is not beside the scenario")
    return path.read_text(encoding="utf-8")


def _place(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in location)}: {message.removeprefix('Value error, ')}"
