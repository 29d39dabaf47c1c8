"""Programs of the host that sandboxed commands may use."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import SandboxUnavailable

TREE = "/checkout"
"""Where commands see the repository."""

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class Toolchain:
    """Programs of the host that commands may use: directories shown read-only at their own paths.

    Args:
        prefixes: Directories with a bin/ each, first on PATH first. None: the running interpreter's
            virtual environment, with the interpreter it was made from.
        more: Further such directories, which come after them.

    Raises:
        SandboxUnavailable: a prefix would show more than programs, or is not there.
    """

    def __init__(self, prefixes: Sequence[Path] | None = None, more: Sequence[Path] = ()) -> None:
        for prefix in more:
            if not (prefix / "bin").is_dir():
                raise SandboxUnavailable(
                    f"The configuration's toolchain {prefix} has no directory bin: correct `toolchain`."
                )
        given = [*([Path(sys.prefix)] if prefixes is None else prefixes), *more]
        bases = [Path(sys.base_prefix)] if prefixes is None else []
        self.path = ":".join([*(str(prefix.absolute() / "bin") for prefix in given), _SYSTEM_PATH])
        self.mounts = _mounts([*given, *bases])
        self.python = str(Path(sys.prefix) / "bin" / "python") if prefixes is None else None

    def identity(self) -> str:
        """Differs once programs were installed, replaced or removed, for another user and elsewhere."""
        directories = [Path(name) for name in self.path.split(":")]
        changed = [f"{path}@{path.stat().st_mtime_ns}" for path in directories if path.is_dir()]
        return " ".join([platform.machine(), sys.version.split()[0], f"user {os.geteuid()}", *changed])


def _mounts(prefixes: Sequence[Path]) -> tuple[str, ...]:
    """Each prefix as it is named and as it really is, without what a wider one already shows."""
    wanted = {str(name) for prefix in prefixes for name in (prefix.absolute(), prefix.resolve())}
    mounts: list[str] = []
    for name in sorted(wanted):
        if not any(_within(name, outer) for outer in (*mounts, "/usr")):
            _refuse_too_wide(name)
            mounts.append(name)
    return tuple(mounts)


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(outer.rstrip("/") + "/")


def _refuse_too_wide(name: str) -> None:
    if _within(str(Path.home()), name):
        raise SandboxUnavailable(
            f"Showing the directory {name} to commands would show the home directory too: run Greenlight "
            "from a virtual environment of its own, and name in `toolchain` only directories of programs."
        )
    if _within(name, TREE):
        raise SandboxUnavailable(
            f"The directory {name} lies where commands see the repository: put what runs Greenlight and its "
            "`toolchain` elsewhere."
        )
