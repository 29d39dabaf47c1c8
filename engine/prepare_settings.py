"""Configuration of what a repository's commands need from outside: `[repositories.prepare]`."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.relative_paths import path_problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"token|secret|passw|credential|auth|api_?key|private_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"https?://[^/\s@]+@|://[^/\s@:]*:[^/\s@]+@", re.IGNORECASE)
_FIXED = frozenset({"HOME", "PATH", "TMPDIR", "USER"})
_READ_BY_ALL = (
    "; what the commands install could read it. Use a registry that this machine may read without one, such "
    "as a mirror or a proxy"
)

Argv = Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]


class PrepareSettings(BaseModel):
    """How dependencies are made of a repository's lock files.

    The commands run in order, in a directory that holds the lock files of the base commit and nothing else
    of the repository, with network and without secrets. What they leave in the outputs is kept, and every
    check and every agent's command sees it read-only, at the same place.

    Attributes:
        commands: Programs with arguments; no shell. Addresses with a name or password are refused.
        locks: Files of the repository that the commands get: what pins the dependencies.
        outputs: Directories that the commands make, such as node_modules or .venv.
        env: Environment of the commands, such as a registry's address. Secrets are refused: what the commands
            install could read them.
        timeout_s: Wall clock of each command, in seconds.
        memory_mb: Address space of each process of theirs, in megabytes; node reserves 10 gigabytes for a
            WebAssembly module.
        size_mb: What they may write in all, in megabytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    commands: tuple[Argv, ...] = Field(min_length=1, max_length=20)
    locks: tuple[str, ...] = Field(min_length=1, max_length=50)
    outputs: tuple[str, ...] = Field(min_length=1, max_length=20)
    env: dict[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=900, gt=0, le=7200)
    memory_mb: int = Field(default=16384, ge=64, le=1 << 20)
    size_mb: int = Field(default=4096, ge=1, le=1 << 20)

    @field_validator("commands")
    @classmethod
    def _plain(cls, commands: tuple[Argv, ...]) -> tuple[Argv, ...]:
        words = [word for argv in commands for word in argv]
        if any("\0" in word for word in words):
            raise ValueError("a command cannot hold the character NUL")
        if any(_PASSWORD.search(word) for word in words):
            raise ValueError(f"a command holds an address with a name or password{_READ_BY_ALL}")
        return commands

    @field_validator("locks", "outputs")
    @classmethod
    def _paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if problem := path_problem(path):
                raise ValueError(f"{path!r} is no path within the repository: {problem}")
        if len(set(paths)) < len(paths):
            raise ValueError("a path stands twice")
        return paths

    @field_validator("env")
    @classmethod
    def _no_secrets(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not _NAME.fullmatch(name) or name in _FIXED or "\0" in value:
                raise ValueError(f"{name} cannot be set for the commands")
            if _SECRET.search(name) or _names_a_password(value):
                raise ValueError(f"{name} looks like a secret{_READ_BY_ALL}")
        return env

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for output in self.outputs:
            for other in (*self.locks, *self.outputs):
                if other != output and below(other, output):
                    raise ValueError(f"{other} lies within the output {output}")
                if other == output and other in self.locks:
                    raise ValueError(f"{other} is both a lock file and an output")
        return self


def below(path: str, directory: str) -> bool:
    """Whether a path is the directory or lies within it."""
    return path == directory or path.startswith(directory + "/")


def _names_a_password(value: str) -> bool:
    return any(urlsplit(word).password or urlsplit(word).username for word in value.split() if "://" in word)
