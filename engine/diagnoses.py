"""What doctor says, and what its examinations get."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from engine.dependencies import Dependencies, Tell, silent
from engine.ports import Sandbox, Workspace
from engine.repositories import Repositories
from engine.settings import RepositorySettings, Settings


class Level(StrEnum):
    """How bad it is. WARN: it works, but perhaps not as meant; FAIL: it does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Diagnosis(BaseModel):
    """One thing that was tried.

    Attributes:
        repository: Empty: it concerns all of them.
        about: What was tried, in a word or two.
        next: What to do about it; empty if nothing.
        output: The last lines of a command that failed; untrusted.
    """

    model_config = ConfigDict(frozen=True)

    level: Level
    repository: str = ""
    about: str
    text: str
    next: str = ""
    output: str = ""


@dataclass(frozen=True)
class Patient:
    """A repository whose base branch was fetched.

    Attributes:
        commit: The head of the base branch.
        room: A directory to work in, removed afterwards.
        tell: Says what takes long, while it does.
    """

    settings: Settings
    repository: RepositorySettings
    repositories: Repositories
    workspace: Workspace
    sandbox: Sandbox | None
    dependencies: Dependencies | None
    commit: str
    room: Path
    tell: Tell = silent

    def says(self, level: Level, about: str, text: str, next_: str = "", output: str = "") -> Diagnosis:
        """A diagnosis of this repository."""
        return Diagnosis(
            level=level, repository=self.repository.name, about=about, text=text, next=next_, output=output
        )


Examination = Callable[[Patient], AsyncIterator[Diagnosis]]
