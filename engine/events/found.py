"""What runs find: results of checks, facts, marks on claims, agents, branches, places that leak."""

from datetime import datetime
from enum import StrEnum

from engine.events.base import Frozen


class Ran(StrEnum):
    """Where a check was run: at a commit, or over the base with nothing but the artifacts laid over it.

    OLD_TESTS leaves tests and modes that the work changed as they were; UNSILENCED misspells comments that
    tell a checker to look away; UNBENT takes out what bends how tests compare and count; CONTROL puts failing
    tests beside the repository's, BASE_CONTROL does so at the base.
    """

    BASE = "base"
    COMMIT = "commit"
    ARTIFACTS = "artifacts"
    OLD_TESTS = "tests as before"
    UNSILENCED = "without silencing comments"
    UNBENT = "without bent tests"
    CONTROL = "failing tests planted"
    BASE_CONTROL = "failing tests planted at the base"


UNPREPARED = "unprepared"


class CheckResult(Frozen):
    """One execution of one check. `green` is exit code 0 within all limits.

    Attributes:
        ended: How the command ended; UNPREPARED: it was not run, because the commit needs other dependencies
            than were prepared (`output_tail` says which).
        prepared: Identifies the dependencies that it ran with; empty: the repository prepares none.
        about: What a trial left as it was, took out or planted beside: paths, or path:line and wording.
        unseen: Of `about`, beside which planted failing tests are not named in the output.
    """

    check: str
    where: Ran
    commit: str
    argv: tuple[str, ...]
    exit_code: int | None
    ended: str
    output_tail: str
    digest: str
    duration_s: float
    prepared: str = ""
    about: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        """Whether the check passed."""
        return self.ended == "exit" and self.exit_code == 0

    @property
    def tells(self) -> bool:
        """Whether the check was run at all: one that could not be started says nothing of the files."""
        return self.ended not in {"start", UNPREPARED}


class Fact(Frozen):
    """What git objects say about a file or text criterion.

    Attributes:
        line: Where the literal stands, from 1.
        unread: Why the file could not be looked into; then nothing is known of the rest.
    """

    criterion: str
    at_base: bool
    at_commit: bool
    line: int | None = None
    unread: str = ""


class Origin(StrEnum):
    """Where a claim comes from. The web's words are never verified: nothing in git proves them."""

    REPOSITORY = "repository"
    WEB = "web"


class Mark(Frozen):
    """The engine's own look at one claim of a report."""

    claim: str
    verified: bool
    why: str
    origin: Origin = Origin.REPOSITORY


class Source(StrEnum):
    """Where an agent comes from: the program, a file of the repository, or both (fewer tools)."""

    BUILT_IN = "built-in"
    ADDED = "added"
    NARROWED = "narrowed"


class Seat(Frozen):
    """An agent that this request can use. `tools` are ours; `path` is the repository's file, if any.

    Attributes:
        notes: What of the file does not hold, each in a sentence.
    """

    name: str
    source: Source = Source.BUILT_IN
    tools: tuple[str, ...] = ()
    tier: str = ""
    writes: bool = False
    reviews: bool = False
    path: str = ""
    notes: tuple[str, ...] = ()


class Existing(Frozen):
    """Work that stands on a branch of the remote already.

    Attributes:
        head: The branch's commit that is reviewed, and no other.
        changed: The paths that differ from where the branch left the base branch.
        ticket: Its key, such as DPA-456, as people or the branch's name tell it; empty for none.
    """

    branch: str
    head: str
    changed: tuple[str, ...]
    ticket: str = ""


class BranchLine(Frozen):
    """A branch of the remote that is ahead of the base branch, to be offered."""

    name: str
    ahead: int
    subject: str
    at: datetime


class Leak(Frozen):
    """A place that looks like a credential. What stands there is never kept.

    Attributes:
        path: A file of the commit, or what else would leave, in words ("the commit message").
        line: From 1; 0 for the whole.
        in_file: Whether it is a file of the commit.
    """

    path: str
    line: int
    kind: str
    in_file: bool = True

    @property
    def place(self) -> str:
        """Path and line, as people and agents are told."""
        return f"{self.path}:{self.line}" if self.line else self.path


class Guarded(Frozen):
    """A protected path that changes, and what changes with it, in a few words."""

    path: str
    what: str


class Workflow(Frozen):
    """A definition of CI that would run because of us, with more than reading rights.

    Attributes:
        on: The events of ours that set it off; empty if that cannot be told.
        why: What it has beyond reading, in a few words each.
    """

    path: str
    on: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class BaseMoved(Frozen):
    """The base branch went on to `head` meanwhile; `also` are the work's files that it changed."""

    head: str
    also: tuple[str, ...] = ()
