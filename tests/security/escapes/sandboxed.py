"""One escape in the sandbox, as whoever runs this; as a program it answers rows by name, line by line."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.ports import Command, Execution, Limits, Mount
from tests.security.escapes.escape import Escape, escapes

ESCAPES: Sequence[Escape] = escapes()
_USUAL = {"wall_s": 20.0, "memory_mb": 1024}


async def tried(
    sandbox: BubblewrapSandbox, python: str, escape: Escape, given: Mapping[str, Any]
) -> Execution:
    """Run an escape in the sandbox.

    Args:
        sandbox: With the host's tools in its toolchain.
        python: The program that runs it.
        escape: What is tried.
        given: What the host has.
    """
    command = Command(
        argv=(python, "-I", "-S", "-c", escape.program, json.dumps(given)),
        tree=Path(str(given["tree"])),
        mounts=(Mount(source=Path(str(given["lib"])), at="lib"),),
        limits=Limits.model_validate({**_USUAL, **escape.limits}),
    )
    held = os.open(str(given["secret"]), os.O_RDONLY)
    try:
        os.set_inheritable(held, True)
        return await sandbox.run(command)
    finally:
        os.close(held)


def out(done: Execution, escape: Escape) -> bool:
    """Whether what came out of the sandbox says that it was left, or that more came than may."""
    bound = Limits.model_validate({**_USUAL, **escape.limits}).output_bytes
    return "reached" in done.output.splitlines() or len(done.output) > bound + 200


async def _answer() -> None:
    tools = Path(sys.argv[1])
    sandbox = BubblewrapSandbox([tools])
    rows = {escape.name: escape for escape in ESCAPES}
    for line in sys.stdin:
        asked = json.loads(line)
        escape = rows[asked["name"]]
        done = await tried(sandbox, "python3", escape, asked["given"])
        said = {
            "out": out(done, escape),
            "output": done.output[-2_000:],
            "ended": done.ended,
            "user": os.geteuid(),
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_answer())
