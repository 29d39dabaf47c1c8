"""Collects what Slack would refuse in a piece of Block Kit, each with a JSON pointer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PLAIN = frozenset({"plain_text"})
ANY_TEXT = frozenset({"plain_text", "mrkdwn"})


@dataclass(frozen=True)
class Violation:
    """One refused spot: `pointer` is a JSON pointer (RFC 6901), `message` says what Slack wants."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass
class Inspection:
    """What was found so far in one message or view."""

    found: list[Violation] = field(default_factory=list)

    def refuse(self, pointer: str, message: str) -> None:
        """Add a violation."""
        self.found.append(Violation(pointer, message))

    def mapping(self, value: object, pointer: str) -> Json | None:
        """`value` if it is a JSON object, else a violation."""
        if isinstance(value, dict):
            return value
        self.refuse(pointer, "must be an object")
        return None

    def keys(self, obj: Mapping[str, Any], pointer: str, allowed: Iterable[str]) -> None:
        """Refuse properties Slack does not know at this place."""
        for key in sorted(set(obj) - set(allowed) - {"type"}):
            self.refuse(f"{pointer}/{key}", f"invalid additional property: {key}")

    def string(self, obj: Mapping[str, Any], key: str, pointer: str, most: int, least: int = 1) -> None:
        """A string of `least` to `most` characters, if present."""
        if key not in obj:
            return
        value = obj[key]
        if not isinstance(value, str):
            self.refuse(f"{pointer}/{key}", "must be a string")
        elif len(value) > most:
            self.refuse(f"{pointer}/{key}", f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.refuse(f"{pointer}/{key}", f"must be more than {least - 1} characters")

    def required(self, obj: Mapping[str, Any], pointer: str, *keys: str) -> None:
        """Refuse where one of `keys` is missing."""
        for key in keys:
            if obj.get(key) is None:
                self.refuse(pointer, f"missing required field: {key}")

    def text(
        self,
        obj: Mapping[str, Any],
        key: str,
        pointer: str,
        most: int,
        kinds: frozenset[str] = PLAIN,
    ) -> None:
        """A text object of one of `kinds` with 1 to `most` characters, if present."""
        if obj.get(key) is None:
            return
        self.text_object(obj[key], f"{pointer}/{key}", most, kinds)

    def text_object(self, value: object, pointer: str, most: int, kinds: frozenset[str] = PLAIN) -> None:
        """Like `text`, for the object itself."""
        text = self.mapping(value, pointer)
        if text is None:
            return
        if text.get("type") not in kinds:
            self.refuse(f"{pointer}/type", f"must be one of: {', '.join(sorted(kinds))}")
        self.keys(
            text, pointer, {"text", "emoji"} if text.get("type") == "plain_text" else {"text", "verbatim"}
        )
        self.required(text, pointer, "text")
        self.string(text, "text", pointer, most)

    def items(
        self, obj: Mapping[str, Any], key: str, pointer: str, most: int, least: int = 1
    ) -> Sequence[tuple[Any, str]]:
        """The elements of an array with their pointers; refuses a wrong type or count."""
        value = obj.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(f"{pointer}/{key}", "must be an array")
            return []
        if len(value) > most:
            self.refuse(f"{pointer}/{key}", f"no more than {most} items allowed")
        if len(value) < least:
            self.refuse(f"{pointer}/{key}", f"no fewer than {least} items allowed")
        return [(item, f"{pointer}/{key}/{index}") for index, item in enumerate(value)]

    def unique(self, seen: set[str], value: object, pointer: str, what: str) -> None:
        """Refuse a second use of an id."""
        if not isinstance(value, str):
            return
        if value in seen:
            self.refuse(pointer, f"{what} must be unique: {value}")
        seen.add(value)
