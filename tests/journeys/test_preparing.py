"""Dependencies that cannot be prepared, and work that needs others than were prepared."""

from pathlib import Path

import pytest

from bot.cards.presses import ApproveSpec, Choose
from bot.playground.rehearsal import ReceivedCall, Reply
from engine.events import UNPREPARED, Choice, Ran
from engine.prepare_settings import PrepareSettings
from engine.request import State, Status
from engine.settings import CheckSettings
from tests.journeys.bad_input import DANA, RILEY, remote, repository, small_repository, world
from tests.journeys.mistaken import Mistaken
from tests.projects.registries import serving

pytestmark = pytest.mark.xdist_group("journey preparing")

FETCH = "import os, urllib.request as r; print('fetching'); r.urlretrieve(os.environ['FROM'], 'deps/it')"
CHECKS = {"green": CheckSettings(argv=("cat", "deps/it"), about="greeting files are green")}


def prepare(url: str) -> PrepareSettings:
    return PrepareSettings(
        commands=(("mkdir", "deps"), ("python", "-c", FETCH)),
        locks=("README.md",),
        outputs=("deps",),
        env={"FROM": f"{url}/package"},
    )


class Locking(Mistaken):
    """Changes the lock file as well."""

    def reply(self, call: ReceivedCall) -> Reply:
        if call.role.startswith("task:") and not call.conversation.results_of("write"):
            files = {"notes/hello.md": "Hello.\n", "README.md": "Other dependencies.\n"}
            uses = [
                {
                    "type": "tool_use",
                    "id": f"toolu_{n}",
                    "name": "write",
                    "input": {"path": path, "content": text},
                }
                for n, (path, text) in enumerate(files.items())
            ]
            return Reply(uses)
        return super().reply(call)


async def test_what_cannot_be_prepared_is_told_and_tried_again(tmp_path: Path) -> None:
    await small_repository(remote(tmp_path, "shop"))
    files = {"/package": ("application/octet-stream", b"prepared\n")}
    shelf: dict[str, tuple[str, bytes]] = {}
    async with serving(shelf) as registry:
        shop = repository(tmp_path, "shop", ["C0SHOP"], checks=CHECKS, prepare=prepare(registry.url))
        async with world(tmp_path, [shop]) as bot:
            thread = await bot.ask("C0SHOP", "Add a greeting")
            await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)

            told = await thread.card("escalation:1", "Try again")
            for words in (
                "Preparing the dependencies of shop failed",
                "python -c",
                "exit code 1",
                "HTTP Error 404",
            ):
                assert words in told.words
            assert list((tmp_path / "state" / "prepared" / "shop").iterdir()) == [
                tmp_path / "state" / "prepared" / "shop" / "lock"
            ]

            shelf.update(files)
            await thread.press(RILEY, told, Choose, choice=Choice.RETRY)
            await thread.card("delivery:1")
            done = await thread.becomes(State.DELIVERED)
        assert registry.asked.count("/package") >= 2
    assert done.round is not None
    assert {(r.ended, r.output_tail) for r in done.round.results or ()} == {("exit", "prepared\n")}


async def test_checks_of_work_that_changes_a_lock_file_are_not_run_and_a_person_decides(
    tmp_path: Path,
) -> None:
    await small_repository(remote(tmp_path, "shop"))
    async with serving({"/package": ("application/octet-stream", b"prepared\n")}) as registry:
        shop = repository(tmp_path, "shop", ["C0SHOP"], checks=CHECKS, prepare=prepare(registry.url))
        async with world(tmp_path, [shop], model=Locking()) as bot:
            thread = await bot.ask("C0SHOP", "Add a greeting")
            await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
            await thread.press(
                DANA, await thread.card("escalation:1", "README.md"), Choose, choice=Choice.KEEP_OUTSIDE
            )
            told = await thread.card("escalation:2", "AC2", "README.md differs from the base")
            now = await thread.snapshot()
            assert bot.pull_requests == 0
            assert registry.asked.count("/package") == 1
    assert now.round is not None
    assert {s.id: s.status for s in now.round.settled}["AC2"] is Status.NOT_CHECKED
    ends = {result.where: result.ended for result in now.round.results or ()}
    assert (ends[Ran.COMMIT], ends[Ran.ARTIFACTS]) == (UNPREPARED, UNPREPARED)
    assert "was not run" in told.words
