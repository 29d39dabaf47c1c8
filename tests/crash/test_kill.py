"""Whatever moment the process is killed at: no card twice, none missing, no recorded model call again."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.worker import MODEL_CALLS, REQUESTS, Log

KILLS = 5


async def start(state: Path, log: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.worker", str(state), str(log), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) not in {b"ready\n", b""}:
        assert line
    return process


async def killed_after(process: asyncio.subprocess.Process, seconds: float) -> bool:
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        return True
    assert process.returncode == 0
    return False


@pytest.mark.parametrize("seed", [1, 2])
async def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    state, log = tmp_path / "state", tmp_path / "log"
    kills = 0
    while kills < KILLS and await killed_after(await start(state, log), moments.uniform(0.02, 0.6)):
        kills += 1
    assert kills >= 3, "the work was over before the kills: they proved nothing"
    if kills == KILLS:
        assert not await killed_after(await start(state, log), 60)
    lines = Log(log).read()
    posts = Counter(line["key"] for line in lines if line["op"] == "post")
    assert [key for key, count in posts.items() if count != 1] == []
    assert {key.rpartition(" ")[2].partition(":")[0] for key in posts} == {"progress", "note"}
    assert Counter(key.partition(" ")[0] for key in posts) == dict.fromkeys(REQUESTS, 3)
    last = {line["key"]: line["text"] for line in lines if line["op"] in {"post", "update"}}
    assert {last[f"{request} progress"] for request in REQUESTS} == {"clarifying 1"}
    recorded: set[str] = set()
    for line in lines:
        if line["op"] == "call":
            assert line["key"] not in recorded
        elif line["op"] == "recorded":
            recorded.add(line["key"])
    assert len(recorded) == len(REQUESTS) * 2 * MODEL_CALLS
