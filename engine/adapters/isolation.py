"""The bubblewrap command line that isolates one command: what it sees, and with which bounds."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.adapters.seccomp import seccomp_program
from engine.errors import SandboxUnavailable
from engine.ports import Command, Limits

TREE = "/checkout"
_SOURCE = "/run/tree"
_HOME = "/home/agent"
_USER = 1000
_MEGABYTE = 1 << 20
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# Debian keeps awk and others behind alternatives; the linker needs its cache.
_SYSTEM_FILES = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types")
_OWN_FILES = {
    "/etc/passwd": f"root:x:0:0::/root:/bin/false\nagent:x:{_USER}:{_USER}::{_HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nagent:x:{_USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

# The first victim of a full memory is the command, not the bot. Limits are set in here because only
# inside the new user namespace RLIMIT_NPROC counts this sandbox alone. The token marks where the
# command's own output begins: without it, nothing was started.
_LAUNCHER = f"""
token=$1 processes=$2 seconds=$3 memory=$4 user=$5; shift 5
echo 1000 2>/dev/null >/proc/self/oom_score_adj || :
cp -RPp {_SOURCE}/. {TREE}/ || exit
cd {TREE} || exit
command -v "$1" >/dev/null || {{ printf '%s: no such program in the sandbox\\n' "$1"; exit; }}
if [ "$user" = other ]; then chown -R {_USER}:{_USER} {TREE} || exit; fi
set -- prlimit --core=0 --nofile=1024 --cpu="$seconds" --as="$memory" --nproc="$processes" -- "$@"
if [ "$user" = other ]; then
  set -- setpriv --reuid={_USER} --regid={_USER} --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"
fi
echo "$token"
exec "$@"
"""


class Toolchain:
    """Programs of the host that commands may use: directories shown read-only at their own paths.

    Args:
        prefixes: Directories with a bin/ each, first on PATH first. None: the running interpreter's
            virtual environment, with the interpreter it was made from.

    Raises:
        SandboxUnavailable: a prefix would show more than programs.
    """

    def __init__(self, prefixes: Sequence[Path] | None = None) -> None:
        given = [Path(sys.prefix)] if prefixes is None else list(prefixes)
        bases = [Path(sys.base_prefix)] if prefixes is None else []
        self.path = ":".join([*(str(prefix.absolute() / "bin") for prefix in given), _SYSTEM_PATH])
        self.mounts = _mounts([*given, *bases])
        self.python = str(Path(sys.prefix) / "bin" / "python") if prefixes is None else None


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
            f"Showing the interpreter's directory {name} to commands would show the home directory too: "
            "run Greenlight from a virtual environment of its own."
        )
    if _within(name, TREE):
        raise SandboxUnavailable(
            f"The interpreter's directory {name} lies where commands see the repository: "
            "put the virtual environment elsewhere."
        )


class Arguments:
    """An argument list, and the descriptors it names."""

    def __init__(self, first: str) -> None:
        self.argv = [first]
        self.descriptors: list[int] = []

    def add(self, *arguments: str) -> None:
        """Append arguments."""
        self.argv += arguments

    def open(self, data: bytes) -> str:
        """The number of a descriptor that reads `data`."""
        descriptor = os.memfd_create("greenlight")
        self.descriptors.append(descriptor)
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return str(descriptor)

    def close(self) -> None:
        """Close the descriptors on this side."""
        while self.descriptors:
            os.close(self.descriptors.pop())


@dataclass(frozen=True)
class Isolation:
    """How this machine isolates.

    Attributes:
        bwrap: The bubblewrap binary.
        version: As the binary names itself.
        disable_userns: Whether binary and kernel take --disable-userns; the system call filter
            denies new user namespaces either way.
        toolchain: What commands may use of the host.
    """

    bwrap: str
    version: str
    disable_userns: bool
    toolchain: Toolchain

    def arguments(self, command: Command, token: str, status: int, userns: int | None) -> Arguments:
        """The command line for one command.

        Args:
            command: What to run.
            token: A line the launcher prints right before the command starts.
            status: Descriptor for bubblewrap's JSON status.
            userns: Descriptor of a user namespace made by root, or None: bubblewrap makes one.
        """
        arguments = Arguments(self.bwrap)
        arguments.add("--json-status-fd", str(status))
        arguments.add(*self._namespaces(userns))
        _add_system(arguments)
        _add_scratch(arguments, command.limits)
        _add_toolchain(arguments, self.toolchain)
        arguments.add("--ro-bind", str(command.tree.absolute()), _SOURCE, "--remount-ro", "/")
        arguments.add("--seccomp", arguments.open(seccomp_program()))
        for name, value in self._environment().items():
            arguments.add("--setenv", name, value)
        arguments.add("--chdir", "/", "--", "/bin/sh", "-c", _LAUNCHER, "sh", token)
        arguments.add(*_bounds(command.limits), "same" if userns is None else "other", *command.argv)
        return arguments

    def _namespaces(self, userns: int | None) -> list[str]:
        flags = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        flags += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--clearenv"]
        flags += ["--cap-drop", "ALL"]
        if userns is not None:
            # The launcher hands the copy over and becomes the unprivileged user: that takes these.
            for capability in ("CHOWN", "FOWNER", "DAC_OVERRIDE", "SETUID", "SETGID", "SETPCAP"):
                flags += ["--cap-add", f"CAP_{capability}"]
            return [*flags, "--userns", str(userns)]
        flags += ["--unshare-user", "--uid", str(_USER), "--gid", str(_USER)]
        return [*flags, "--disable-userns"] if self.disable_userns else flags

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": self.toolchain.path,
            "HOME": _HOME,
            "USER": "agent",
            "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _add_system(arguments: Arguments) -> None:
    arguments.add("--ro-bind", "/usr", "/usr")
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if Path(name).is_symlink():
            arguments.add("--symlink", str(Path(name).readlink()), name)
        elif Path(name).is_dir():
            arguments.add("--ro-bind", name, name)
    arguments.add("--perms", "0755", "--dir", "/etc")
    for name in _SYSTEM_FILES:
        arguments.add("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name, text in _OWN_FILES.items():
        arguments.add("--perms", "0644", "--ro-bind-data", arguments.open(text.encode()), name)
    arguments.add("--proc", "/proc", "--dev", "/dev")


def _add_scratch(arguments: Arguments, limits: Limits) -> None:
    """Everything writable is memory with a size; bind mounts of the host would have no quota."""
    scratch = limits.tmp_mb * _MEGABYTE
    for name, perms, size in (
        ("/run", "0755", _MEGABYTE),
        ("/home", "0755", _MEGABYTE),
        (_HOME, "0777", scratch),
        ("/tmp", "1777", scratch),  # noqa: S108 - the sandbox's own
        ("/dev/shm", "1777", scratch),  # noqa: S108 - the sandbox's own
        (TREE, "0777", limits.tree_mb * _MEGABYTE),
    ):
        arguments.add("--perms", perms, "--size", str(size), "--tmpfs", name)
    arguments.add("--remount-ro", "/dev")


def _add_toolchain(arguments: Arguments, toolchain: Toolchain) -> None:
    for mount in toolchain.mounts:
        for parent in reversed(Path(mount).parents[:-1]):
            # Left to itself bubblewrap makes them private to root.
            arguments.add("--perms", "0755", "--dir", str(parent))
        arguments.add("--ro-bind", mount, mount)


def _bounds(limits: Limits) -> list[str]:
    return [str(limits.processes), str(limits.cpu_s), str(limits.memory_mb * _MEGABYTE)]
