"""What is special to the local forge; what every forge does is in tests/conformance/test_forge.py."""

import asyncio
import sys
from pathlib import Path

import pytest

from engine.adapters.local_forge import LocalForge, read_records
from engine.errors import NeedsPerson, Unreachable
from engine.ports import Draft

PAGES = "http://127.0.0.1:1/forge"
# Waits for a line on stdin, so that all processes go at the same moment.
OPENER = """
import asyncio, sys
from pathlib import Path
from engine.adapters.local_forge import LocalForge
from engine.errors import NeedsPerson
from engine.ports import Draft

directory, key, first, last = sys.argv[1:]
forge = LocalForge(Path(directory), "http://127.0.0.1:1/forge")
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(first), int(last)):
    key_, branch = key.format(number), f"b-{first}-{number}"
    draft = Draft(key=key_, branch=branch, base="main", commit="1" * 40, title="t", body="")
    try:
        print(asyncio.run(forge.open_draft(draft)).number)
    except NeedsPerson:
        print("refused")
"""


def draft(key: str = "k", commit: str = "1" * 40, body: str = "") -> Draft:
    return Draft(key=key, branch=f"branch-{key}", base="main", commit=commit, title="t", body=body)


async def race(directory: Path, *jobs: tuple[str, int, int]) -> list[str]:
    """Run one process a job at the same time; what all of them printed."""
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPENER, directory, *map(str, job), stdin=pipe, stdout=pipe
        )
        for job in jobs
    ]
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    return [line for output, _ in outputs for line in output.decode().split()]


async def test_two_processes_open_one_pull_request_for_a_key(tmp_path: Path) -> None:
    said = await race(tmp_path, ("same", 0, 1), ("same", 10, 11), ("same", 20, 21))

    assert sorted(said) == ["1", "refused", "refused"]
    assert len(read_records(tmp_path)) == 1


async def test_processes_never_share_a_number(tmp_path: Path) -> None:
    said = await race(tmp_path, ("k{}", 0, 15), ("k{}", 100, 115))

    assert sorted(map(int, said)) == list(range(1, 31))
    assert len({record.content.key for record in read_records(tmp_path)}) == 30


async def test_readers_see_whole_records_while_they_are_replaced(tmp_path: Path) -> None:
    forge = LocalForge(tmp_path, PAGES)
    opened = await forge.open_draft(draft(body="0" * 200_000))

    async def write() -> None:
        for number in range(1, 15):
            await forge.update(opened.number, draft(body=str(number % 10) * 200_000))

    writing = asyncio.create_task(write())
    reads = 0
    while not writing.done():
        [record] = await asyncio.to_thread(read_records, tmp_path)
        assert len(record.content.body) == 200_000
        assert len(set(record.content.body)) == 1
        reads += 1
    await writing
    assert reads > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "1.json"]


async def test_what_a_killed_process_left_half_written_is_not_a_pull_request(tmp_path: Path) -> None:
    (tmp_path / ".scratch-abc").write_text('{"number": 1', encoding="utf-8")

    forge = LocalForge(tmp_path, PAGES)

    assert await forge.find("k", "branch-k") is None
    assert (await forge.open_draft(draft())).number == 1


async def test_a_damaged_record_is_named_and_nothing_is_opened_beside_it(tmp_path: Path) -> None:
    (tmp_path / "4.json").write_text("{", encoding="utf-8")

    with pytest.raises(NeedsPerson, match=r"4\.json is damaged"):
        await LocalForge(tmp_path, PAGES).open_draft(draft())

    assert not (tmp_path / "5.json").exists()


async def test_a_directory_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(Unreachable):
        await LocalForge(tmp_path / "file", PAGES).open_draft(draft())
