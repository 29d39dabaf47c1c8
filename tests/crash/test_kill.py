"""Whatever moment the process is killed at: no card twice, none missing, no recorded model call again."""

import multiprocessing
import random
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.crash.worker import MODEL_CALLS, REQUESTS, Log, main

KILLS = 6
FORK_SERVER = multiprocessing.get_context("forkserver")


def start(state: Path, log: Path) -> ForkServerProcess:
    """A process of its own; what takes seconds to import is imported once for all of them."""
    FORK_SERVER.set_forkserver_preload(["tests.crash.worker"])
    process = FORK_SERVER.Process(target=main, args=(state, log))
    process.start()
    return process


def killed_after(process: ForkServerProcess, seconds: float, log: Path | None = None, lines: int = 0) -> bool:
    """Whether it had to be killed, then that long after its log held so many lines; else it ended well."""
    while log is not None and process.is_alive() and _lines(log) < lines:
        time.sleep(0.005)
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return True
    assert process.exitcode == 0
    return False


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.parametrize(
    "seed", [pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.more)]
)
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311 (moments, not secrets)
    state, log = tmp_path / "state", tmp_path / "log"
    kills = 0
    while kills < KILLS:
        more = _lines(log) + moments.randrange(8)
        if not killed_after(start(state, log), moments.uniform(0, 0.05), log, more):
            break
        kills += 1
    assert kills >= 4, "the work was over before the kills: they proved nothing"
    if kills == KILLS:
        assert not killed_after(start(state, log), 60)
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
