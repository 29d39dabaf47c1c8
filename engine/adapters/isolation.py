"""The bubblewrap command line that isolates one command: what it sees, and with which bounds."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.adapters.seccomp import seccomp_program
from engine.adapters.toolchain import TREE, Toolchain
from engine.ports import Command, Limits, Mount, Preparation

_SOURCE = "/run/tree"
_HOME = "/home/agent"
_USER = 1000
_MEGABYTE = 1 << 20

# Debian keeps awk and others behind alternatives; the linker needs its cache.
_SYSTEM_FILES = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types")
_OWN_FILES = {
    "/etc/passwd": f"root:x:0:0::/root:/bin/false\nagent:x:{_USER}:{_USER}::{_HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nagent:x:{_USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# Whom to trust on the network; of these directories none holds a private key.
_CERTIFICATES = ("ssl/certs", "ssl/cert.pem", "pki/tls/certs", "pki/tls/cert.pem", "pki/ca-trust/extracted")
_NAME_SERVERS = Path("/etc/resolv.conf")
# With the host's network come its abstract Unix sockets: a preparation may open none.
_INTERNET = (2, 10, 16)  # AF_INET, AF_INET6, AF_NETLINK (getifaddrs)

# The launcher has more rights than the command: its own programs are the system's, whatever mounts offer.
_SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"

# The first victim of a full memory is the command, not the bot; inside, /proc is read-only and keeps it so.
_FIRST_VICTIM = 'echo 1000 2>/dev/null >/proc/self/oom_score_adj || :; exec "$0" "$@"'

# Limits are set in here because only inside the new user namespace RLIMIT_NPROC counts this sandbox alone.
# The token marks where the command's own output begins: without it, nothing was started.
_LAUNCHER = f"""
token=$1 processes=$2 seconds=$3 memory=$4 size=$5 user=$6 path=$7; shift 7
if [ -d {_SOURCE} ]; then cp -RPp {_SOURCE}/. {TREE}/ || exit; fi
cd {TREE} || exit
(PATH=$path; command -v "$1" >/dev/null) || {{ printf '%s: no such program in the sandbox\\n' "$1"; exit; }}
set -- env PATH="$path" "$@"
if [ "$user" = other ]; then
  find {TREE} -xdev -writable ! -user {_USER} -exec chown -h {_USER}:{_USER} {{}} + || exit
fi
set -- prlimit --core=0 --nofile=1024 --fsize="$size" --cpu="$seconds" --as="$memory" \\
  --nproc="$processes" -- "$@"
if [ "$user" = other ]; then
  set -- setpriv --reuid={_USER} --regid={_USER} --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"
fi
echo "$token"
exec "$@"
"""


SCRATCH = (TREE, "/tmp", "/dev/shm", _HOME)  # noqa: S108 - the sandbox's own
"""Where a command may write."""


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

    def arguments(
        self, command: Command | Preparation, token: str, status: int, userns: int | None
    ) -> Arguments:
        """The command line for one command.

        Args:
            command: What to run; a preparation with network and in directories that stay.
            token: A line the launcher prints right before the command starts.
            status: Descriptor for bubblewrap's JSON status.
            userns: Descriptor of a user namespace made by root, or None: bubblewrap makes one.
        """
        arguments = Arguments("/bin/sh")
        arguments.add("-c", _FIRST_VICTIM, self.bwrap)
        arguments.add("--json-status-fd", str(status))
        arguments.add(*self._namespaces(userns))
        _add_system(arguments)
        _add_scratch(arguments, command.limits)
        if isinstance(command, Preparation):
            _add_room(arguments, command.room.absolute())
        _add_toolchain(arguments, self.toolchain)
        if isinstance(command, Command):
            arguments.add("--unshare-net")
            _add_mounts(arguments, command.mounts)
            arguments.add("--ro-bind", str(command.tree.absolute()), _SOURCE)
            filter_, size = seccomp_program(), "unlimited"
        else:
            _add_network(arguments)
            filter_, size = seccomp_program(_INTERNET), str(command.limits.tree_mb * _MEGABYTE)
        arguments.add("--remount-ro", "/", "--seccomp", arguments.open(filter_))
        for name, value in self._environment(command).items():
            arguments.add("--setenv", name, value)
        arguments.add("--chdir", "/", "--", "/bin/sh", "-c", _LAUNCHER, "sh", token)
        arguments.add(*_bounds(command.limits), size, "same" if userns is None else "other")
        arguments.add(self._path(command), *command.argv)
        return arguments

    def _namespaces(self, userns: int | None) -> list[str]:
        flags = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        flags += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--clearenv"]
        flags += ["--cap-drop", "ALL"]
        if userns is not None:
            # The launcher hands the copy over and becomes the unprivileged user: that takes these.
            for capability in ("CHOWN", "FOWNER", "DAC_OVERRIDE", "SETUID", "SETGID", "SETPCAP"):
                flags += ["--cap-add", f"CAP_{capability}"]
            return [*flags, "--userns", str(userns)]
        flags += ["--unshare-user", "--uid", str(_USER), "--gid", str(_USER)]
        return [*flags, "--disable-userns"] if self.disable_userns else flags

    def _path(self, command: Command | Preparation) -> str:
        mounted = _programs(command.mounts) if isinstance(command, Command) else []
        return ":".join([*mounted, self.toolchain.path])

    def _environment(self, command: Command | Preparation) -> dict[str, str]:
        return {
            "PATH": _SYSTEM_PATH,
            "HOME": _HOME,
            "USER": "agent",
            "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(command.env if isinstance(command, Preparation) else {}),
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
    arguments.add("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev")


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
        _add_parents(arguments, Path(mount))
        arguments.add("--ro-bind", mount, mount)


def _add_mounts(arguments: Arguments, mounts: Sequence[Mount]) -> None:
    for mount in mounts:
        _add_parents(arguments, Path(TREE, mount.at), below=Path(TREE))
        arguments.add("--ro-bind", str(mount.source.absolute()), f"{TREE}/{mount.at}")


def _add_parents(arguments: Arguments, path: Path, below: Path = Path("/")) -> None:
    for parent in reversed(path.parents):
        if parent != below and parent.is_relative_to(below):
            # Left to itself bubblewrap makes them private to root.
            arguments.add("--perms", "0755", "--dir", str(parent))


def _programs(mounts: Sequence[Mount]) -> list[str]:
    """Where mounts have programs: .venv/bin, node_modules/.bin."""
    found = (
        (mount.at, name) for mount in mounts for name in ("bin", ".bin") if (mount.source / name).is_dir()
    )
    return [f"{TREE}/{at}/{name}" for at, name in found]


def _add_room(arguments: Arguments, room: Path) -> None:
    """Before the toolchain, which may stand beneath /tmp."""
    for name, seen in (("tree", TREE), ("home", _HOME), ("tmp", "/tmp")):  # noqa: S108 - the sandbox's own
        arguments.add("--bind", str(room / name), seen)


def _add_network(arguments: Arguments) -> None:
    """Name servers and certificates; the host's network is there because none of its own is asked for."""
    with contextlib.suppress(OSError):
        servers = arguments.open(_NAME_SERVERS.read_bytes())
        arguments.add("--perms", "0644", "--ro-bind-data", servers, str(_NAME_SERVERS))
    for path in (Path("/etc") / name for name in _CERTIFICATES):
        if path.exists():
            _add_parents(arguments, path, below=Path("/etc"))
            arguments.add("--ro-bind", str(path), str(path))


def _bounds(limits: Limits) -> list[str]:
    return [str(limits.processes), str(limits.cpu_s), str(limits.memory_mb * _MEGABYTE)]
