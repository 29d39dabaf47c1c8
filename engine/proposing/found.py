"""What is proposed for a repository, and what was found or could not be told. Pure values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Purpose(StrEnum):
    """What a check is for; its usual name."""

    TESTS = "tests"
    LINT = "lint"
    FORMAT = "format"
    TYPES = "types"


ABOUT = {
    Purpose.TESTS: "unit tests",
    Purpose.LINT: "lint, code style",
    Purpose.FORMAT: "formatting",
    Purpose.TYPES: "static types",
}


class ProposedCheck(_Frozen):
    """A check to be; `where` says what it was read from."""

    name: str
    argv: tuple[str, ...]
    about: str
    timeout_s: int
    memory_mb: int
    where: str


class ProposedPrepare(_Frozen):
    """How dependencies are to be made; `where` says what it was read from."""

    commands: tuple[tuple[str, ...], ...]
    locks: tuple[str, ...]
    outputs: tuple[str, ...]
    env: Mapping[str, str] = {}
    where: str


class Proposal(_Frozen):
    """What an operator is asked to confirm.

    Attributes:
        checks: The first of a name is the one that is proposed.
        notes: What was found besides, and what could not be told, in sentences.
    """

    checks: tuple[ProposedCheck, ...]
    prepare: ProposedPrepare | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """A repository's files at a commit; everything in them is untrusted.

    Attributes:
        paths: Every path.
        texts: Those that were read, within their bounds.
    """

    paths: Collection[str]
    texts: Mapping[str, str]

    def has(self, path: str) -> bool:
        """Whether there is such a path."""
        return path in self.paths

    def text(self, path: str) -> str:
        """What it holds; empty if it was not read."""
        return self.texts.get(path, "")


@dataclass
class Findings:
    """What one look at the files comes to."""

    checks: list[ProposedCheck] = field(default_factory=list)
    prepare: ProposedPrepare | None = None
    notes: list[str] = field(default_factory=list)

    def check(
        self,
        purpose: Purpose,
        argv: tuple[str, ...],
        where: str,
        *,
        name: str = "",
        about: str = "",
        memory_mb: int = 2048,
    ) -> None:
        """Propose a check; tests get ten minutes, others five."""
        self.checks.append(
            ProposedCheck(
                name=name or purpose.value,
                argv=argv,
                about=about or ABOUT[purpose],
                timeout_s=600 if purpose is Purpose.TESTS else 300,
                memory_mb=memory_mb,
                where=where,
            )
        )

    def note(self, sentence: str) -> None:
        """Say something to the operator."""
        self.notes.append(sentence)
