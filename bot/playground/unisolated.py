"""Runs the built-in rehearsal's commands where no sandbox works: without isolation.

Only for commands over the sample repository that this project's own script asked for. Whatever a real
or foreign model writes is never run by this.
"""

import asyncio
import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from engine.errors import SandboxUnavailable
from engine.ports import Command, Ended, Execution, Preparation


class UnisolatedSandbox:
    """The Sandbox port without its promise: a copy of the tree, a bare environment, a time limit."""

    async def probe(self) -> str:
        """Say plainly what this is."""
        return "no isolation: the built-in script only"

    async def run(self, command: Command) -> Execution:
        """Run over a copy of the tree; the process group is dead on return."""
        copy = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="greenlight-run-"))
        try:
            tree = copy / "tree"
            await asyncio.to_thread(shutil.copytree, command.tree, tree, symlinks=True)
            return await self._run(command, tree)
        finally:
            await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)

    async def prepare(self, preparation: Preparation) -> Execution:
        """The sample repository needs nothing from outside; without isolation nothing is fetched."""
        raise SandboxUnavailable(f"Without a sandbox {preparation.argv[0]} is not run with network.")

    def programs(self) -> str:
        """Nothing is kept that could grow old."""
        return "no isolation"

    async def _run(self, command: Command, tree: Path) -> Execution:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=tree,
            env=_environment(tree),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        ended = Ended.EXIT
        try:
            output, _ = await asyncio.wait_for(process.communicate(), command.limits.wall_s)
        except TimeoutError:
            ended, output = Ended.TIMEOUT, b""
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        shown = output[-command.limits.output_bytes :]
        return Execution(
            argv=command.argv,
            exit_code=process.returncode if ended is Ended.EXIT else None,
            ended=ended,
            output=shown.decode(errors="replace"),
            truncated=len(shown) < len(output),
            digest=hashlib.sha256(output).hexdigest(),
            duration_s=time.monotonic() - began,
        )


def _environment(tree: Path) -> dict[str, str]:
    python = str(Path(sys.executable).parent)
    return {
        "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tree),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
