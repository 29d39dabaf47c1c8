"""A user namespace for commands when the bot itself runs as root.

The kernel bounds the number of processes of every user but root, also inside a user namespace that
maps to root. So root gives its commands a namespace with a second, unprivileged user to become.
"""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from engine.errors import SandboxUnavailable

_NOBODY = 65534
_MAP = f"0 0 1\n1000 {_NOBODY} 1\n"
_WAIT_S = 10.0


async def root_namespace() -> int | None:
    """A descriptor of a fresh namespace, to be closed by the caller. None for plain users.

    Raises:
        SandboxUnavailable: root may not make one here; the sentence says what may help.
    """
    if os.geteuid() != 0:
        return None
    try:
        maker = await asyncio.create_subprocess_exec(
            "unshare", "--user", "--", "sh", "-c", "echo made; read end",
            stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, cwd="/",
        )  # fmt: skip
    except FileNotFoundError:
        raise SandboxUnavailable(
            "As root the sandbox needs the program unshare: install util-linux, or run Greenlight as a "
            "plain user."
        ) from None
    try:
        return await _mapped(maker)
    finally:
        if maker.returncode is None:
            maker.kill()
        await maker.wait()


async def _mapped(maker: Process) -> int:
    assert maker.stdout is not None  # noqa: S101 - PIPE was asked for
    async with asyncio.timeout(_WAIT_S):
        made = await maker.stdout.readline()
    if not made:
        raise SandboxUnavailable(
            "Root may not make user namespaces here: start the container with "
            "--security-opt seccomp=unconfined (or a profile that allows unshare), or run Greenlight as "
            "a plain user."
        )
    process = Path("/proc") / str(maker.pid)
    try:
        (process / "gid_map").write_text(_MAP)
        (process / "uid_map").write_text(_MAP)
        return os.open(process / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise SandboxUnavailable(
            "Root may not map a plain user into a user namespace here: give the container the "
            "capabilities SETUID and SETGID, or run Greenlight as a plain user."
        ) from None
