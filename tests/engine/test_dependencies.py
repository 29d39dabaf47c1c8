"""Dependencies: made once of the lock files of the base, kept, shown read-only; or why they are not there."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.git_workspace import GitWorkspace
from engine.dependencies import Dependencies
from engine.errors import RepositoryUnusable
from engine.files import MAX_READ_BYTES
from engine.ports import Command, Limits
from engine.prepare_settings import PrepareSettings
from engine.prepared_store import KEPT
from tests.engine.adapters.test_bubblewrap import processes_with
from tests.journeys.reading import git

pytestmark = pytest.mark.xdist_group("sandbox")

CANARY = "canary-secret-41c7"
MAKE = "mkdir -p deps/bin && cat lock.txt >deps/it"


@dataclass
class World:
    """A repository, and what prepares its dependencies."""

    directory: Path
    head: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def work(self) -> Path:
        return self.directory / "work"

    async def commit(self, **files: str) -> str:
        """Commit these files on main; `__` stands for '/'."""
        if not self.work.exists():
            self.work.mkdir()
            await git(self.work, "init", "--quiet", "--initial-branch=main")
        for name, text in files.items():
            path = self.work / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        await git(self.work, "add", "--all")
        who = ("-c", "user.name=First", "-c", "user.email=first@localhost")
        await git(self.work, *who, "commit", "--quiet", "--message", "More")
        return (await git(self.work, "rev-parse", "HEAD")).strip()

    async def dependencies(self, script: str = MAKE, **settings: Any) -> Dependencies:
        """Made by this script, in a workspace that knows the newest commit."""
        workspace = GitWorkspace(str(self.work), "main", self.directory / "store.git")
        self.head = await workspace.refresh()
        usual: dict[str, Any] = {
            "commands": [["sh", "-c", script]],
            "locks": ["lock.txt"],
            "outputs": ["deps"],
        }
        return Dependencies(
            "web",
            PrepareSettings.model_validate(usual | settings),
            workspace,
            BubblewrapSandbox(),
            self.directory / "prepared",
        )

    @property
    def entries(self) -> set[str]:
        """What stands in the store, but for its lock."""
        return {path.name for path in (self.directory / "prepared" / "web").iterdir()} - {"lock"}

    async def ready(self, dependencies: Dependencies) -> None:
        await dependencies.ready(self.head, self.told.append)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def seen(dependencies: Dependencies, base: str, tree: Path, script: str) -> str:
    tree.mkdir(exist_ok=True)
    done = await dependencies.sandbox(base).run(
        Command(argv=("sh", "-c", script), tree=tree, limits=Limits(wall_s=20))
    )
    return done.output


# ---------------------------------------------------------------- made, kept, shown


async def test_commands_see_what_was_prepared_and_cannot_write_it(world: World, tmp_path: Path) -> None:
    await world.commit(**{"lock.txt": "one\n", "src__app.py": "secret_of_the_app = 1\n"})
    dependencies = await world.dependencies()
    output = await seen(
        dependencies, world.head, tmp_path / "tree", "cat deps/it; echo x >deps/it; echo y >deps/new; ls deps"
    )
    assert output.startswith("one\n")
    assert output.count("Read-only file system") == 2
    assert output.endswith("bin\nit\n")


async def test_preparing_sees_the_lock_files_and_nothing_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("GITHUB_TOKEN", CANARY)
    await world.commit(
        **{"lock.txt": "one\n", "app__lock.txt": "two\n", "app__setup.py": CANARY, "Makefile": CANARY}
    )
    script = (
        f"mkdir deps; {{ find . -type f; env; cat /proc/*/environ; ls -A {tmp_path}; grep -rl {CANARY[:6]} "
        "/checkout /home /tmp /etc 2>/dev/null; } >/tmp/saw 2>&1; mv /tmp/saw deps/saw"
    )
    dependencies = await world.dependencies(script, locks=["lock.txt", "app/lock.txt"])
    saw = await seen(dependencies, world.head, tmp_path / "tree", "cat deps/saw")
    assert [line for line in saw.splitlines() if line.startswith("./")] == ["./app/lock.txt", "./lock.txt"]
    assert CANARY not in saw
    assert "TOKEN" not in saw
    assert "No such file or directory" in saw


async def test_what_is_kept_is_not_made_again(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    dependencies = await world.dependencies()
    await world.ready(dependencies)
    await world.ready(dependencies)
    await world.commit(**{"other.txt": "changed\n"})
    await world.ready(await world.dependencies())
    assert world.told == ["Preparing dependencies…", f"Preparing dependencies: sh -c {MAKE}"]
    assert len(world.entries) == 1


CHANGES: Mapping[str, dict[str, Any]] = {
    "commands": {"commands": [["sh", "-c", f"{MAKE}; true"]]},
    "outputs": {"outputs": ["deps/bin"]},
    "env": {"env": {"REGISTRY": "other"}},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_other_settings_make_others(world: World, change: str) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    await world.ready(await world.dependencies())
    await world.ready(await world.dependencies(**CHANGES[change]))
    assert len(world.entries) == 2


async def test_a_lock_file_may_be_larger_than_what_is_read_at_once(world: World, tmp_path: Path) -> None:
    await world.commit(**{"lock.txt": "x" * (MAX_READ_BYTES + 1), "other.txt": "not seen"})
    dependencies = await world.dependencies("mkdir deps; ls >deps/saw; wc -c <lock.txt >>deps/saw")
    saw = await seen(dependencies, world.head, tmp_path / "tree", "cat deps/saw")
    assert saw.split() == ["deps", "lock.txt", str(MAX_READ_BYTES + 1)]


async def test_other_lock_files_make_others(world: World, tmp_path: Path) -> None:
    first = await world.commit(**{"lock.txt": "one\n"})
    await world.ready(await world.dependencies())
    await world.commit(**{"lock.txt": "two\n"})
    dependencies = await world.dependencies()
    assert await seen(dependencies, world.head, tmp_path / "tree", "cat deps/it") == "two\n"
    assert await seen(dependencies, first, tmp_path / "tree", "cat deps/it") == "one\n"
    assert len(world.entries) == 2


async def test_asked_at_once_they_are_made_once(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    several = [await world.dependencies(f"sleep 0.3; {MAKE}") for _ in range(4)]
    await asyncio.gather(*(world.ready(one) for one in several))
    assert len([line for line in world.told if "sleep" in line]) == 1
    assert len(world.entries) == 1


# ---------------------------------------------------------------- failures


FAILURES: Mapping[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "exit": ("echo resolving; echo no package left-pad; exit 3", {}, ("exit code 3", "no package left-pad")),
    "hangs": ("echo waiting; sleep 60", {"timeout_s": 0.5}, ("did not end within 0.5 s", "timeout_s")),
    "nothing made": ("true", {}, ("made no directory deps",)),
    "a link": ("ln -s /usr deps", {}, ("made no directory deps",)),
    "a link on the way": ("mkdir y; ln -s y a; mkdir y/b", {"outputs": ["a/b"]}, ("made no directory a/b",)),
    "a file": ("touch deps", {}, ("made no directory deps",)),
    "too much": ("mkdir deps; for i in 1 2 3 4; do head -c 900000 /dev/zero >deps/$i; done; sleep 5",
                 {"size_mb": 2}, ("wrote more than 2 megabytes", "size_mb")),
    "no program": ("", {"commands": [["no-installer"]]}, ("could not be started", "no-installer")),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failure_is_told_and_leaves_nothing(world: World, failure: str) -> None:
    script, settings, words = FAILURES[failure]
    await world.commit(**{"lock.txt": "one\n"})
    with pytest.raises(RepositoryUnusable) as refused:
        await world.ready(await world.dependencies(script, **settings))
    assert all(word in refused.value.sentence for word in ("web", *words)), refused.value.sentence
    assert len(refused.value.sentence) < 2_000
    assert world.entries == set()


async def test_after_a_failure_it_can_be_tried_again(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    with pytest.raises(RepositoryUnusable):
        await world.ready(await world.dependencies("mkdir deps; exit 1"))
    await world.ready(await world.dependencies())
    assert len(world.entries) == 1


async def test_a_cancelled_preparation_leaves_nothing(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    dependencies = await world.dependencies("mkdir deps; sleep 60")
    making = asyncio.create_task(world.ready(dependencies))
    await becomes(lambda: len(world.told) > 1)
    await asyncio.sleep(0.2)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert world.entries == set()


async def test_what_a_killed_process_left_is_no_entry_and_goes(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    left = world.directory / "prepared" / "web" / "room-0123456789abcdef" / "kept" / "deps"
    left.mkdir(parents=True)
    left.chmod(0o500)
    await world.ready(await world.dependencies())
    assert len(world.entries) == 1
    assert not left.exists()


async def becomes(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be")


@pytest.mark.parametrize(
    ("files", "settings", "words"),
    [
        ({"lock.txt": "x"}, {"locks": ["lock.txt", "uv.lock"]}, ("no file uv.lock", "locks")),
        ({"lock.txt": "x", "deps__it": "x"}, {}, ("holds deps/it", "prepares deps")),
        ({"lock.txt": "x", "deps": "x"}, {"outputs": ["deps/here"]}, ("holds deps", "prepares deps/here")),
    ],
)
async def test_a_configuration_that_does_not_fit_is_told(
    world: World, files: dict[str, str], settings: dict[str, Any], words: tuple[str, ...]
) -> None:
    await world.commit(**files)
    with pytest.raises(RepositoryUnusable) as refused:
        await world.ready(await world.dependencies(**settings))
    assert all(word in refused.value.sentence for word in words), refused.value.sentence


# ---------------------------------------------------------------- the store


async def test_old_ones_go_but_never_one_that_is_seen(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    first = await world.dependencies()
    async with first.mounted(world.head) as mounts:
        for number in range(KEPT + 2):
            os.utime(mounts[0].source.parent, ns=(1, 1))
            await world.ready(await world.dependencies(env={"NUMBER": str(number)}))
        assert (mounts[0].source / "it").read_text() == "one\n"
        assert len(world.entries) == KEPT + 1
    await world.ready(await world.dependencies(env={"NUMBER": "last"}))
    assert not mounts[0].source.exists()
    assert len(world.entries) == KEPT


async def test_what_was_removed_behind_its_back_is_made_again(world: World, tmp_path: Path) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    dependencies = await world.dependencies()
    await world.ready(dependencies)
    shutil.rmtree(world.directory / "prepared")
    assert await seen(dependencies, world.head, tmp_path / "tree", "cat deps/it") == "one\n"


# ---------------------------------------------------------------- commits that change them


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"lock.txt": "two\n"}, "lock.txt differs from the base"),
        ({"deps__own": "x"}, "deps/own stands where deps is prepared"),
        ({"src.txt": "x"}, ""),
    ],
)
async def test_a_commit_with_other_dependencies_is_a_misfit(
    world: World, files: dict[str, str], word: str
) -> None:
    base = await world.commit(**{"lock.txt": "one\n"})
    commit = await world.commit(**files)
    dependencies = await world.dependencies()
    why = await dependencies.misfit(base, commit)
    assert word in why
    assert bool(why) is bool(word)
    assert await dependencies.misfit(base, base) == ""


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.engine.test_dependencies import World
async def main():
    world = World(Path(sys.argv[1]))
    await world.ready(await world.dependencies("mkdir deps; echo x >deps/it; sleep 61234"))
asyncio.run(main())
"""


async def test_a_process_that_is_killed_leaves_no_half_entry_no_lock_and_no_command(world: World) -> None:
    await world.commit(**{"lock.txt": "one\n"})
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    maker = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(world.directory), env=env)
    kept = world.directory / "prepared" / "web"
    await becomes(lambda: any(kept.glob("room-*/tree/deps/it")))
    maker.kill()
    await maker.wait()
    await becomes(lambda: not processes_with("sleep\0" + "61234"))
    await asyncio.wait_for(world.ready(await world.dependencies()), 10)
    (entry,) = world.entries
    assert (kept / entry / "deps" / "it").read_text() == "one\n"
