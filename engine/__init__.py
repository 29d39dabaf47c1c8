"""Greenlight, the project manager: events in, a decision, effects out.

This is all that front ends need: `start` an `Engine`, `accept` events, implement `Chat`, draw cards.
The modules `cards`, `events` and `errors` are part of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine import cards, errors, events
    from engine.bootstrap import Parts, start
    from engine.engine import Engine
    from engine.people import Person, Profile
    from engine.ports import Chat, Ref, ThreadMessage
    from engine.settings import Settings

__all__ = [
    "Chat",
    "Engine",
    "Parts",
    "Person",
    "Profile",
    "Ref",
    "Settings",
    "ThreadMessage",
    "cards",
    "errors",
    "events",
    "start",
]

_HOMES = {
    "Chat": "engine.ports",
    "Engine": "engine.engine",
    "Parts": "engine.bootstrap",
    "Person": "engine.people",
    "Profile": "engine.people",
    "Ref": "engine.ports",
    "Settings": "engine.settings",
    "ThreadMessage": "engine.ports",
    "start": "engine.bootstrap",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: a help text should not wait for the durable engine."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"engine.{name}")
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
