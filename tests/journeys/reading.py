"""What a reader of a thread sees: the cards by their keys, as they were and as they are."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from bot.cards.presses import Press, StopRequest, unpacked
from bot.playground.slack import LocalSlack, Message
from bot.playground.slack.state import elements_of

T = TypeVar("T")

SITUATION = "conversation-resolution-time"


def key_of(metadata: object) -> str:
    """The card's key in a message's metadata, empty if it holds none."""
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    if not isinstance(metadata, dict) or metadata.get("event_type") != "greenlight_card":
        return ""
    return str(metadata["event_payload"]["key"])


def cards(slack: LocalSlack, channel: str, thread: str) -> dict[str, Message]:
    """The thread's cards by key, as they stand now."""
    return {key_of(m.metadata): m for m in slack.thread(channel, thread) if key_of(m.metadata)}


def posted(slack: LocalSlack) -> Counter[str]:
    """How often Slack took a post of each card, whatever became of the answer."""
    return Counter(
        key_of(call.args["metadata"])
        for call in slack.calls
        if call.method == "chat.postMessage" and call.args.get("metadata") and (call.response or {}).get("ok")
    )


def presses(message: Message) -> Iterator[tuple[dict[str, Any], dict[str, Any], Press]]:
    """(block, element, what it carries) for everything of ours that can be operated."""
    for block, element in elements_of(message.blocks):
        press = unpacked(element.get("value") or "") or unpacked(block.get("block_id", ""))
        if press is not None:
            yield block, element, press


def can_stop(message: Message) -> bool:
    """Whether a card offers to stop its request."""
    return any(isinstance(press, StopRequest) for _, _, press in presses(message))


async def until(look: Callable[[], T], seconds: float, what: str) -> T:
    """Look again and again until there is something; fails with `what` after `seconds`."""
    end = monotonic() + seconds
    while not (found := look()):
        assert monotonic() < end, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)
    return found


async def until_true(look: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """`until` for what has to be awaited."""
    end = monotonic() + seconds
    while not await look():
        assert monotonic() < end, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


async def git(directory: Path, *arguments: str, **environment: str) -> str:
    """Run git there with nobody's configuration, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (arguments, err.decode())
    return out.decode()
