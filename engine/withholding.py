"""What comes in is kept without credentials: events here, tool output by `store`, what models see by `calls`.

People's words are their record, but not the token that somebody pasted: nothing of the request needs it, and
the record is shown to others. A mark stands in its place, and whoever typed it is told so.
"""

import json
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.events import Event, Opened, RunFinished, Said
from engine.leaks import cleaned, kinds, mark, redacted, redacted_words, without_secrets
from engine.ports import ModelAnswer, ModelCall

E = TypeVar("E", bound=BaseModel)

_HELD_BY_MODEL = frozenset({"thinking", "redacted_thinking"})


def kept(event: Event) -> tuple[Event, tuple[str, ...]]:
    """An event as it is stored, and the kinds of credentials that were taken out of it.

    What a run hands back was cleaned where the run ended; what it holds for a push stays to the letter.
    """
    if isinstance(event, RunFinished):
        return event, ()
    clean = cleaned(event, clean=redacted_words)
    if clean is event:
        return event, ()
    found = tuple(
        dict.fromkeys(
            kind
            for text in _texts(event.model_dump(mode="json", exclude={"key", "request"}))
            for kind in kinds(text)
        )
    )
    return clean.model_copy(update={"key": event.key, "request": event.request}), found


def told(event: Event, found: tuple[str, ...]) -> str:
    """What somebody is told of whose words something was taken out."""
    message = isinstance(event, Opened | Said)
    where = "Your message" if message else "What you sent"
    return (
        f"{where} held what looks like a secret ({', '.join(found)}). I neither keep it nor show it "
        f"to a model: “{mark(found[0])}” stands in its place. If it is real, revoke it where it was issued"
        + (", and delete your message: it still stands there." if message else ".")
    )


def as_sent(call: ModelCall) -> ModelCall:
    """A call without credentials in what goes to the model; what it said itself stays as it was said."""
    messages = tuple(
        message if message.get("role") == "assistant" else without_secrets(message)
        for message in call.messages
    )
    return call.model_copy(update={"system": without_secrets(call.system), "messages": messages})


def as_stored(answer: ModelAnswer) -> ModelAnswer:
    """An answer without credentials; it is not the one to work on, but the one to keep.

    What a model thought is signed and cannot be changed: it is left out where it holds one.
    """
    content: list[Any] = []
    for block in answer.content:
        clean = without_secrets(block)
        if isinstance(block.get("text"), str):
            clean = {**clean, "text": _without_secrets(block["text"])}
        if clean == block or block.get("type") not in _HELD_BY_MODEL:
            content.append(clean)
    plain = answer.model_dump(mode="json") | {
        "content": content,
        "text": _without_secrets(answer.text),
        "tool_uses": [without_secrets(use.model_dump(mode="json")) for use in answer.tool_uses],
    }
    return ModelAnswer.model_validate(plain)


def _without_secrets(text: str) -> str:
    """A text of which JSON stays JSON."""
    try:
        said = json.loads(text)
    except ValueError:
        return redacted(text)
    clean = without_secrets(said)
    return text if clean == said else json.dumps(clean)


def _texts(part: Any) -> list[str]:
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [text for one in parts for text in _texts(one)]
