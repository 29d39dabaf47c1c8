"""Whose acts count, as far as the chat tells who people are; `policy` says what of it they may do.

Words and answers go by what the chat told within minutes. Who decides something is asked for anew: whoever
left or became a guest a moment ago approves nothing, and where the chat cannot tell, nothing is decided.

To stop and to pause are the safe side, so there it is the other way round: nothing may hold them up. They
count of everybody whom the event places in the team, guests included, unless the chat says in time that it
is a bot, or somebody of another workspace (of whom it does not always tell the team in a shared channel).
Nobody ends or halts others' work unseen: the journal and the card name who did.
"""

import asyncio
from typing import TypeGuard

from engine.errors import GreenlightError
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Event,
    Opened,
    Paused,
    Reply,
    Resumed,
    Said,
    Sign,
    Stopped,
    Submitted,
)
from engine.people import NOT_ENTITLED, ONLY_MEMBERS, why_not
from engine.ports import Chat

Act = Opened | Answered | Submitted | Approved | Said | Chose | Resumed
"""What counts only of members of the team."""

Brake = Stopped | Paused | Chose
"""What stops or pauses; a choice only if it is to stop."""

STOP_LOOK_S = 0.8
"""Of the two seconds within which a stop takes effect."""


def needs_standing(event: Event) -> TypeGuard[Act]:
    """Whether it matters who of the team did it: to stop and pause, being in the thread is enough."""
    return isinstance(event, Act) and not stops(event)


def stops(event: Event) -> TypeGuard[Brake]:
    """Whether it stops or pauses."""
    return isinstance(event, Stopped | Paused) or (isinstance(event, Chose) and event.choice is Choice.STOP)


async def turned_away(chat: Chat, event: Act) -> Reply | None:
    """What is said where this person's acts do not count; None where they do.

    Raises:
        ChatLost: the chat takes the token no more.
    """
    decides = isinstance(event, Submitted | Approved | Chose | Resumed)
    profile = await (chat.person(event.by, max_age_s=0.0) if decides else chat.person(event.by))
    refusal = why_not(profile)
    if not refusal:
        return None
    if isinstance(event, Said) and refusal == NOT_ENTITLED:
        return Reply()
    what = "message" if isinstance(event, Opened | Said) else "click"
    return Reply(sign=Sign.ONLY_YOU, text=f"{refusal} Your {what} changed nothing.")


async def may_not_stop(chat: Chat, event: Brake) -> Reply | None:
    """What is said to whom the chat knows for no human of the team; None where the stop or pause counts."""
    try:
        async with asyncio.timeout(STOP_LOOK_S):
            profile = await chat.person(event.by)
    except (GreenlightError, TimeoutError):
        return None
    if profile.bot or profile.outside:
        return Reply(sign=Sign.ONLY_YOU, text=ONLY_MEMBERS)
    return None
