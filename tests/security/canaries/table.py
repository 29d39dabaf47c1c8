"""Plays with canaries in every place, and counts in every sink."""

import io
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.logs import configure
from engine.leaks import mark
from engine.own_secrets import OWN
from tests.github.local_github import TOKEN
from tests.journeys.bad_input import remote, world
from tests.security.canaries import at_github, play
from tests.security.canaries.forms import canaries, of, tag, text
from tests.security.canaries.sinks import PLANTED, Sink, Sinks

OWN_SECRETS = (play.FORMLESS, TOKEN)
UNSEEN = (*play.UNSEEN, *at_github.UNSEEN)


@dataclass
class Counted:
    """What was found.

    Attributes:
        leaked: By place and sink: the forms that came through.
        came: By place: in how many sinks the words beside its canaries stand, or how often a server outside
            gave it out.
        seen: By sink: how many of the forms planted into it the look finds.
        own: Sinks that hold the process's own secret.
    """

    leaked: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    own_marks: int = 0
    marks: int = 0

    @property
    def fine(self) -> bool:
        """Nothing came through, and everything could have been seen."""
        planted = len(canaries(PLANTED))
        found_all = bool(self.seen) and all(found == planted for found in self.seen.values())
        held = not any(self.leaked.values()) and not self.own
        return held and found_all and all(self.came.values())


async def count(directory: Path, *, wrong: bool) -> Counted:
    """Play, and look.

    Args:
        directory: Holds everything.
        wrong: Whether also what only goes wrong is played.
    """
    model = play.Talkative()
    with _logged() as logs, play.own_secret():
        repositories = await play.repositories(directory)
        async with world(directory, repositories, options=play.options(), model=model) as bot:
            await play.play(bot)
            if wrong:
                await play.go_wrong(bot, model)
            model.came["display name"] = sum(call.method == "users.info" for call in bot.slack.calls)
            model.came["button"] = 1
            model.came["remote error"] = play.refusals(directory)
            sinks = Sinks(bot, remote(directory, "notes"), logs).all()
            return await _looked(sinks, model.came, play.places() if wrong else play.EVERY_FORM)


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """The process's log lines, as the command makes them at its most talkative."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    logs = io.StringIO()
    configure("debug", logs)
    try:
        yield logs
    finally:
        structlog.reset_defaults()
        sys.excepthook, threading.excepthook = hooks
        root.handlers[:], logging.raiseExceptions = handlers, raises
        root.setLevel(level)


async def count_at_github(directory: Path) -> Counted:
    """The same for what comes from GitHub."""
    with _logged() as logs:
        async with at_github.played(directory, logs) as (sinks, came):
            return await _looked(sinks.all(), came, at_github.PLACES)


async def _looked(sinks: tuple[Sink, ...], gave: Mapping[str, int], places: tuple[str, ...]) -> Counted:
    found = Counted()
    held = {sink.name: await sink.read() for sink in sinks}
    for place in places:
        forms = play.forms_of(place)
        # Its latter half gives it away as well: what is cut too early may lose the beginning that tells it.
        needles = {form: latter_half(of(place, form).needle) for form in forms}
        for name, data in held.items():
            found.leaked[place, name] = [form for form, needle in needles.items() if needle in data]
        words = sum(tag(place).encode() in data for data in held.values())
        found.came[place] = words or (gave[place] if place in UNSEEN else 0)
    found.own = [name for name, data in held.items() if any(one.encode() in data for one in OWN_SECRETS)]
    found.own_marks = sum(data.count(mark(OWN).encode()) for data in held.values())
    found.marks = sum(data.count(b" withheld)") for data in held.values())
    for sink in sinks:
        found.seen[sink.name] = await _seen(sink)
    return found


def latter_half(needle: str) -> bytes:
    """What is looked for; the whole holds it too."""
    return needle[len(needle) // 2 :].encode()


async def _seen(sink: Sink) -> int:
    """How many of the forms that are planted there the look finds; what is shown is short, so one by one."""
    forms = canaries(PLANTED)
    seen: set[str] = set()
    for planted in [one.text for one in forms] if sink.name in {"show", "headless"} else [text(PLANTED)]:
        await sink.plant(planted)
        data = await sink.read()
        seen |= {one.form for one in forms if one.needle.encode() in data}
    return len(seen)
