"""What a run works with, and the two rules that make it durable.

A run is re-executed from its start after a crash. Therefore (1) everything that is not a pure function
of the context happens inside `context.step`, whose results are replayed in order, and (2) step results
are small plain data: ids of rows in `context.store`, never large texts. Branches that are gathered
consist of exactly one step each.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from engine.dependencies import Dependencies
from engine.ports import Chat, Forge, Model, Sandbox, Workspace
from engine.request import Live, Snapshot
from engine.settings import RepositorySettings, Settings
from engine.store import Store

T = TypeVar("T")


class Step(Protocol):
    """Run `work` as one durable, preemptible step and return its result, or the recorded one."""

    async def __call__(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """`name` is for the journal; results must pickle. Exceptions are recorded and raised again."""
        ...


async def _at_once() -> None:
    """Where nobody pauses."""


@dataclass(frozen=True)
class Context:
    """Everything a run may use.

    Attributes:
        run: The run itself: id, kind, and what it is about.
        snapshot: The request as it was when the run was decided; the same bytes on every replay.
        dependencies: What the repository's commands need; they run in its sandbox, not in the bare one.
        step: Runs one durable step.
        sleep: Waits durably, in seconds.
        tell: Shows a line of activity on the progress card; cheap, lossy, never awaited on.
        unbroken: Called before something leaves that must leave whole: from here on no pause interrupts the
            run. It does not return if the request was paused just before.
        checkouts: Directory for checkouts of this request; replaced, never trusted.
    """

    run: Live
    snapshot: Snapshot
    settings: Settings
    repository: RepositorySettings
    store: Store
    chat: Chat
    model: Model
    sandbox: Sandbox
    dependencies: Dependencies
    workspace: Workspace
    forge: Forge
    step: Step
    sleep: Callable[[float], Awaitable[None]]
    tell: Callable[[str], None]
    checkouts: Path
    unbroken: Callable[[], Awaitable[None]] = _at_once
