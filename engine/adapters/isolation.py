"""The bubblewrap command line that isolates one command: what it sees, and with which bounds."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.adapters.seccomp import seccomp_program
from engine.errors import SandboxUnavailable
from engine.ports import Command, Limits

TREE = "/checkout"
_SOURCE = "/run/tree"
_HOME = "/home/agent"
_USER = 1000
_MEGABYTE = 1 << 20
_OPEN_FILES = 1024
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# Debian keeps awk, java and others behind alternatives; the linker needs its cache.
_SYSTEM_FILES = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types")
_OWN_FILES = {
    "/etc/passwd": f"root:x:0:0::/root:/bin/false\nagent:x:{_USER}:{_USER}::{_HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nagent:x:{_USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

# Copies the tree, then says by the token that whatever follows is the command's own output.
_LAUNCHER = """
token=$1; shift
drop=$1; shift
echo 1000 2>/dev/null >/proc/self/oom_score_adj || :
cp -RPp /run/tree/. /checkout/ || exit 125
if [ "$drop" = drop ]; then chown -R 1000:1000 /checkout || exit 125; fi
for limit in "$@"; do [ "$limit" = -- ] && break; done
cd /checkout || exit 125
program=$1; shift
command -v "$program" >/dev/null || { echo "$program: no such program here"; exit 125; }
"""


class Toolchain:
    """Programs of the host that commands may use: directories shown read-only at their own paths.

    Args:
        prefixes: Directories with a bin/ each, first on PATH first. None: the running interpreter's
            virtual environment, with the interpreter it was made from.
    """

    def __init__(self, prefixes: Sequence[Path] | None = None) -> None:
        given = [Path(sys.prefix)] if prefixes is None else list(prefixes)
        shown = given + ([Path(sys.base_prefix)] if prefixes is None else [])
        self.path = ":".join([*(str(prefix / "bin") for prefix in given), _SYSTEM_PATH])
        self.mounts = _mounts(shown)


def _mounts(prefixes: Sequence[Path]) -> tuple[str, ...]:
    """Each prefix as it is named and as it really is, without what a wider one already shows."""
    wanted = {str(name) for prefix in prefixes for name in (prefix.absolute(), prefix.resolve())}
    mounts: list[str] = []
    for name in sorted(wanted):
        if any(name == outer or name.startswith(outer + "/") for outer in (*mounts, "/usr")):
            continue
        home = str(Path.home())
        if name == "/" or home == name or home.startswith(name + "/"):
            raise SandboxUnavailable(
                f"The toolchain directory {name} would show the home directory to commands: "
                "run Greenlight from a virtual environment of its own."
            )
        if name == TREE or name.startswith(TREE + "/"):
            raise SandboxUnavailable(
                f"The toolchain directory {name} lies where commands see the repository: "
                "put the virtual environment elsewhere."
            )
        mounts.append(name)
    return tuple(mounts)


@dataclass
class Isolation:
    """How this machine isolates.

    Attributes:
        bwrap: The bubblewrap binary.
        version: As the binary names itself.
        disable_userns: Whether the binary and the kernel take --disable-userns.
    """

    bwrap: str
    version: str
    disable_userns: bool
    toolchain: Toolchain

    def arguments(self, command: Command, token: str, userns: int | None, status: int) -> "Arguments":
        """The command line for one command.

        Args:
            command: What to run.
            token: Printed on a line of its own right before the command starts.
            userns: A user namespace made by root (see `engine.adapters.userns`), or None to have
                bubblewrap make one.
            status: Descriptor for bubblewrap's JSON status.
        """
        arguments = Arguments([self.bwrap, "--json-status-fd", str(status)])
        arguments.add(*self._namespaces(userns))
        _system(arguments)
        _scratch(arguments, command.limits)
        for mount in self.toolchain.mounts:
            arguments.add("--ro-bind", mount, mount)
        arguments.add("--ro-bind", str(command.tree), _SOURCE, "--remount-ro", "/")
        arguments.add("--seccomp", str(arguments.open(seccomp_program())))
        for name, value in self._environment().items():
            arguments.add("--setenv", name, value)
        arguments.add("--chdir", "/", "--", "/bin/sh", "-c", _LAUNCHER + _START)
        arguments.add("sh", token, *_bounds(command.limits, userns), *command.argv)
        return arguments
