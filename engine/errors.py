"""What can go wrong, by what is done about it.

    GreenlightError          has a sentence for people; never the text of a foreign exception
    ├── Transient            try again later, durably (`retry_after` seconds if the other side said so)
    │   ├── RateLimited
    │   └── Unreachable
    ├── Rejected             told to the model, which may do better
    ├── NeedsPerson          ends the run and is escalated with options
    │   ├── AnswerUnusable   a model's answer was refused, cut off or invalid, and once repaired still so
    │   ├── ModelRefused     the model's provider declined the request itself
    │   ├── ScriptEnded      a rehearsal was asked what its script does not hold
    │   ├── CapReached       the next call could cost more than is left
    │   ├── TurnLimit        an agent used up its turns without handing back a result
    │   ├── RepositoryUnusable
    │   ├── PushRejected
    │   ├── ChatRefused
    │   │   ├── ChatShut     the chat takes nothing there until people change that
    │   │   │   └── ChatLost   the chat takes nothing anywhere: the token is good for nothing any more
    │   │   ├── CardMissing  the card that was to be changed was deleted
    │   │   └── ThreadMissing  the thread was deleted
    │   └── DiskFull
    └── Fatal                the process must not go on, or not start
        ├── ConfigurationInvalid
        ├── SandboxUnavailable
        └── AlreadyRunning

Every vendor's exceptions end in the one mapper of its adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the ports say which errors they raise
    from engine.caps import CapHit
    from engine.ports import Usage


class GreenlightError(Exception):
    """The root. `sentence` says to a person what happened and what to do next.

    Args:
        sentence: One or two plain sentences, safe to show to anyone in the thread.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Transient(GreenlightError):
    """Worth trying again after `retry_after` seconds (None: the caller's own back-off).

    Args:
        sentence: See GreenlightError.
        retry_after: Seconds the other side asks to wait.
        usage: Of a model call whose answer had begun: what it costs although it did not arrive.
    """

    def __init__(self, sentence: str, retry_after: float | None = None, usage: Usage | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.usage = usage

    def __reduce__(self) -> tuple[type, tuple[str, float | None, Usage | None]]:
        return type(self), (self.sentence, self.retry_after, self.usage)


class RateLimited(Transient):
    """The other side asks to slow down."""


class Unreachable(Transient):
    """No answer, half an answer, or the other side's own failure (5xx)."""


class Rejected(GreenlightError):
    """What the model asked for is not possible or not allowed; the sentence goes back to it."""


class NeedsPerson(GreenlightError):
    """A person has to decide how to go on."""


class AnswerUnusable(NeedsPerson):
    """A model's answer stayed unusable after one repair."""


class ModelRefused(NeedsPerson):
    """The provider refused the call: bad key, unknown model, too long a prompt, declined content."""


class ScriptEnded(NeedsPerson):
    """The scripted model of a rehearsal was asked something its script does not hold."""


class CapReached(NeedsPerson):
    """What the next call may take at most does not fit under a cap.

    Args:
        hit: Which one, and how it stands.
    """

    def __init__(self, hit: CapHit) -> None:
        super().__init__(hit.sentence)
        self.hit = hit

    def __reduce__(self) -> tuple[type, tuple[CapHit]]:
        return type(self), (self.hit,)


class TurnLimit(NeedsPerson):
    """An agent used up its turns without handing back a result."""


class RepositoryUnusable(NeedsPerson):
    """The repository is missing, empty, without its base branch, or with changes not committed."""


class PushRejected(NeedsPerson):
    """The remote did not take the commit, or took another one."""


class ChatRefused(NeedsPerson):
    """The chat will never take this as it is: no such channel, not a member, no permission.

    Args:
        sentence: See GreenlightError.
        code: The chat's own short error code.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.sentence, self.code)


class ChatShut(ChatRefused):
    """The chat takes nothing there now, and may again: archived, not a member, no permission, no token."""


class ChatLost(ChatShut):
    """The chat takes nothing from this program any more: its token was revoked, or the app removed."""


class CardMissing(ChatRefused):
    """The card that was to be changed is not there any more."""


class ThreadMissing(ChatRefused):
    """The thread is not there any more."""


class DiskFull(NeedsPerson):
    """No space is left where state or checkouts live."""


class Fatal(GreenlightError):
    """The process must not go on."""


class ConfigurationInvalid(Fatal):
    """The configuration file or the environment cannot be used as it is."""


class SandboxUnavailable(Fatal):
    """No working sandbox; the sentence holds the fix."""


class AlreadyRunning(Fatal):
    """Another process holds the state directory."""
