"""What a tool is, and the box an agent is given. The tools themselves: `reading` and `writing`.

A tool call may be made twice with the same call id, after a crash between doing and recording: tools
are idempotent. What they return is untrusted text, shown to a model.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import Rejected
from engine.ports import ToolSpec

LONGEST_OUTPUT = 20_000
LONGEST_SUBJECT = 300


class Input(BaseModel):
    """Base of what tools take."""

    model_config = ConfigDict(frozen=True, extra="forbid")


I = TypeVar("I", bound=Input)  # noqa: E741 (the type parameter is an input)


@dataclass(frozen=True)
class Done:
    """What a tool did.

    Attributes:
        text: What the model is shown, before it is bounded.
        subject: What the call was about, for people: a path, a command.
        exit_code: Of a command; None for other tools.
        digest: sha256 of the whole output if that is more than `text`.
    """

    text: str
    subject: str
    exit_code: int | None = None
    digest: str = ""


@dataclass(frozen=True)
class Tool(Generic[I]):
    """A tool.

    Attributes:
        takes: The model of its input; its fields' descriptions are part of what the model reads.
        work: Does it, given the input and the id of the call.
        changes: Whether it changes the checkout; such calls are made one at a time, in order.
    """

    name: str
    description: str
    takes: type[I]
    work: Callable[[I, str], Awaitable[Done]]
    changes: bool = False

    @property
    def spec(self) -> ToolSpec:
        """The tool as the Messages API takes it."""
        return ToolSpec(
            name=self.name, description=self.description, input_schema=self.takes.model_json_schema()
        )

    async def call(self, given: Mapping[str, Any], call: str) -> Done:
        """Make one call.

        Raises:
            Rejected: the input is invalid, or what is asked for is not possible or not allowed.
        """
        try:
            parsed = self.takes.model_validate(given)
        except ValidationError as error:
            raise Rejected(f"The input of {self.name} is invalid. {'; '.join(problems(error))}") from None
        return await self.work(parsed, call)


class Toolbox:
    """The tools of one agent, in a stable order.

    Args:
        tools: At most one of each name.
    """

    def __init__(self, tools: Sequence[Tool[Any]] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools as the Messages API takes them."""
        return tuple(tool.spec for tool in self._tools.values())

    def changes(self, name: str) -> bool:
        """Whether a call of this tool changes the checkout."""
        return name in self._tools and self._tools[name].changes

    async def call(self, name: str, given: Mapping[str, Any], call: str) -> Done:
        """Make one call; `call` is its id, the same on every attempt.

        Raises:
            Rejected: there is no such tool, the input is invalid, or it is not possible or not allowed.
        """
        if name not in self._tools:
            known = ", ".join(self._tools) or "none"
            raise Rejected(f"There is no tool {name[:60]!r}. Your tools: {known}.")
        return await self._tools[name].call(given, call)


def problems(error: ValidationError) -> tuple[str, ...]:
    """What is wrong, a line each, without the values that are wrong, in words for models and people."""
    details = error.errors(include_url=False, include_input=False)[:12]
    broken = next((detail for detail in details if detail["type"] == "json_invalid"), None)
    if broken is not None:
        # The parser's words name what it met, never the text itself; where, is of no use to people.
        met, _, _ = str(broken.get("ctx", {}).get("error", "broken")).partition(" at line ")
        return (f"The answer is not JSON that can be read: {met}.",)
    return tuple(
        f"{'.'.join(str(part) for part in detail['loc']) or 'the answer'}: {_in_words(detail)}"
        for detail in details
    )


def _in_words(detail: Mapping[str, Any]) -> str:
    context = detail.get("ctx") or {}
    match detail["type"]:
        case "too_long":
            return f"at most {context['max_length']} are allowed, and there are {context['actual_length']}."
        case "too_short":
            return (
                f"at least {context['min_length']} must be there, and there are {context['actual_length']}."
            )
        case "missing":
            return "this is missing."
        case "extra_forbidden":
            return "there is no such field."
        case _:
            return str(detail["msg"]).removeprefix("Value error, ")
