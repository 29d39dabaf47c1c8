"""What agents wrote is looked through before it leaves: secrets, protected paths, workflows."""

import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import ApproveSpec, Choose, ChooseInWords, packed
from bot.playground.rehearsal import ReceivedCall, Reply
from engine.events import Choice
from engine.request import State
from engine.state_dir import DATABASE
from tests.fake_secrets import FAKES
from tests.journeys.bad_input import (
    DANA,
    RILEY,
    SAM,
    Thread,
    World,
    pressed,
    remote,
    repository,
    small_repository,
    world,
)
from tests.journeys.mistaken import REPORT, Mistaken
from tests.journeys.reading import git

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("leaving")]

RELEASE, CI = ".github/workflows/release.yml", ".github/workflows/ci.yml"
WITH_SECRETS = "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ secrets.TOKEN }}'}]}}\n"
SECRET = FAKES["GitHub token (fine-grained)"]
FIRST, FIXED = f'Hello.\ntoken = "{SECRET}"\n', "Hello.\n"


@dataclass
class Careless(Mistaken):
    """Writes a credential first, says it in its report and in a command; a fix leaves it out.

    Where it is asked for a workflow, that is what it writes.
    """

    def reply(self, call: ReceivedCall) -> Reply:
        if "a workflow" in call.conversation.request:
            return self._workflow(call)
        done = [call.conversation.results_of(tool) for tool in ("write", "run")]
        if "keep a token" not in call.conversation.request or not call.role.startswith("task:"):
            return super().reply(call)
        fixes = "Why the work was stopped before" in call.conversation.opening
        if not done[0]:
            given = {"path": "notes/hello.md", "content": FIXED if fixes else FIRST}
            return Reply([{"type": "tool_use", "id": "toolu_1", "name": "write", "input": given}])
        if not done[1] and not fixes:
            argv = {"argv": ["echo", SECRET]}
            return Reply([{"type": "tool_use", "id": "toolu_2", "name": "run", "input": argv}])
        self.say("keep a token", call.role, REPORT | {"summary": "Written." if fixes else f"Wrote {SECRET}."})
        return super().reply(call)

    def _workflow(self, call: ReceivedCall) -> Reply:
        if not call.role.startswith("task:") or call.conversation.results_of("write"):
            return super().reply(call)
        number = "two" if "did not let this be pushed" in call.conversation.opening else "one"
        files = {"notes/hello.md": "Hello.\n", CI: f"# {number}\non: workflow_dispatch\njobs: {{}}\n"}
        return Reply(
            [
                {
                    "type": "tool_use",
                    "id": f"toolu_{n}",
                    "name": "write",
                    "input": {"path": path, "content": text},
                }
                for n, (path, text) in enumerate(files.items())
            ]
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("leaving")
    await small_repository(remote(directory, "notes"))
    await small_repository(remote(directory, "ci"))
    await add_file(remote(directory, "ci"), RELEASE, WITH_SECRETS)
    repositories = [
        repository(directory, "notes", ["C0NOTES"]),
        repository(directory, "ci", ["C0CI"]),
        repository(
            directory,
            "ci-accepted",
            ["C0FINE"],
            remote=str(remote(directory, "ci")),
            accepted_workflows=(RELEASE,),
        ),
    ]
    async with world(directory, repositories, model=Careless()) as running:
        yield running


async def add_file(bare: Path, path: str, text: str) -> None:
    """A second commit on main."""
    work = bare.with_suffix(".work")
    await git(bare, "clone", "--quiet", str(bare), str(work))
    (work / path).parent.mkdir(parents=True)
    (work / path).write_text(text)
    await git(work, "add", path)
    who = ("-c", "user.name=Second", "-c", "user.email=second@localhost")
    await git(work, *who, "commit", "--quiet", "--message", "Second")
    await git(work, "push", "--quiet", "origin", "main")


async def blocked(bot: World) -> Thread:
    thread = await bot.ask("C0NOTES", "Add a greeting, and keep a token in it")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("escalation:1", "notes/hello.md:2", "GitHub token")
    await thread.becomes(State.BLOCKED)
    return thread


def said_anywhere(bot: World) -> str:
    """Everything that people, the journal, the state, the forge and the branches hold."""
    slack = [repr(message) for message in bot.slack.workspace.messages.values()]
    calls = [str(call.args) for call in bot.slack.calls]
    with sqlite3.connect(bot.directory / "state" / DATABASE) as database:
        rows = [
            str(row)
            for table in ("gl_event", "gl_request", "gl_effect", "gl_card")
            for row in database.execute(f"select * from {table}")  # noqa: S608 (our own names)
        ]
    forge = [path.read_text() for path in (bot.directory / "forge").glob("*.json")]
    return "\n".join([*slack, *calls, *rows, *forge])


async def test_a_secret_blocks_is_shown_nowhere_and_goes_by_a_fix(bot: World) -> None:
    with capture_logs() as logs:
        thread = await blocked(bot)
        assert bot.pull_requests == 0
        card = await thread.card("escalation:1")
        await thread.press(DANA, card, ChooseInWords, choice=Choice.FIX)
        view = bot.slack.open_view(DANA)
        assert view is not None
        await bot.slack.person(DANA).submit_view(view.id, {BLOCK: {FIELD: "Without the token."}})
        await thread.card("delivery:1")
        delivered = await thread.becomes(State.DELIVERED)
    assert delivered.delivery is not None
    reviews = [call for call in bot.api.calls if call.role.startswith("review:")]
    told = [c for c in bot.api.calls if "Why the work was stopped before" in c.conversation.opening]
    assert told
    assert "notes/hello.md:2 (GitHub token)" in told[0].conversation.opening
    places = {
        "anywhere": said_anywhere(bot),
        "logs": str(logs),
        "reviewers": str([call.body for call in reviews]),
        "git": await git(bot.remote("notes"), "log", "-p", "--all"),
    }
    assert {name for name, text in places.items() if SECRET in text or SECRET[11:40] in text} == set()
    assert logs
    assert re.search("Hello", places["git"])
    wrote = [call for call in bot.api.calls if SECRET in str(call.body)]
    assert wrote, "the look for the secret finds it where the agent wrote it"


async def test_only_an_approver_lets_it_through_and_for_that_commit_alone(bot: World) -> None:
    thread = await blocked(bot)
    card = await thread.card("escalation:1")
    await thread.press(SAM, card, Choose, choice=Choice.LET_THROUGH)
    await bot.told(SAM, "Only an approver")
    forged = Choose(request=thread.request, card="escalation:1", choice=Choice.LET_THROUGH, item="L9")
    await bot.forge(DANA, card, packed(forged))
    await bot.told(DANA, "not one of the options")
    assert (await thread.snapshot()).state is State.BLOCKED
    before = bot.pull_requests
    await thread.press(DANA, card, Choose, choice=Choice.LET_THROUGH)
    await thread.card("delivery:1")
    delivered = await thread.becomes(State.DELIVERED)
    assert bot.pull_requests == before + 1
    (word,) = delivered.let_through
    assert (word.commit, word.by.user, word.leak.place) == (delivered.head, DANA, "notes/hello.md:2")


# ---------------------------------------------------------------- pushes that do more


async def test_a_changed_workflow_needs_an_approval_of_its_own_for_its_commit(bot: World) -> None:
    thread = await bot.ask("C0NOTES", "Add a workflow")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.press(DANA, await thread.card("escalation:1", CI), Choose, choice=Choice.KEEP_OUTSIDE)
    first = await thread.card("push:1", CI, "+on: workflow_dispatch", "+# one", "Approve this push")
    before = bot.pull_requests
    heads = await git(bot.remote("notes"), "for-each-ref", "--format=%(objectname)")
    waiting = await thread.becomes(State.AWAITING_APPROVAL)
    assert waiting.head not in heads
    _, _, approve = pressed(first, Choose, choice=Choice.APPROVE_PUSH)
    await thread.press(RILEY, first, Choose, choice=Choice.APPROVE_PUSH)
    await bot.told(RILEY, "somebody else has to approve the push")
    await thread.press(SAM, first, Choose, choice=Choice.APPROVE_PUSH)
    await bot.told(SAM, "not one of the approvers")
    forged = approve.model_copy(update={"item": "d" * 40})
    await bot.forge(DANA, first, packed(forged))
    await bot.told(DANA, "no longer what is to be pushed")
    await bot.slack.person(DANA).say("C0NOTES", thread.ts, "<@U0GREENLIGHT> approved")
    assert (await thread.snapshot()).pushes == waiting.pushes

    await thread.press(DANA, first, ChooseInWords, choice=Choice.FIX)
    view = bot.slack.open_view(DANA)
    assert view is not None
    await bot.slack.person(DANA).submit_view(view.id, {BLOCK: {FIELD: "Say two"}})
    second = await thread.card("push:2", "+# two", "Approve this push")
    await bot.forge(DANA, first, packed(approve))
    await bot.told(DANA, "no longer what is to be pushed", count=2)
    assert (await thread.snapshot()).state is State.AWAITING_APPROVAL
    whole = await bot.running.engine.detail(thread.request, "push:2")
    assert whole is not None
    assert "+# two\n+on: workflow_dispatch\n" in whole.text

    await thread.press(DANA, second, Choose, choice=Choice.APPROVE_PUSH)
    await thread.card("delivery:1")
    delivered = await thread.becomes(State.DELIVERED)
    assert delivered.delivery is not None
    assert delivered.delivery.commit == delivered.pushes[-1].held.commit != waiting.head
    assert bot.pull_requests == before + 1
    kept = await git(bot.remote("notes"), "cat-file", "--batch-all-objects", "--batch-check")
    assert waiting.head not in kept, "what was not approved never left"


async def test_a_workflow_with_secrets_that_our_branch_would_run_needs_one_too(bot: World) -> None:
    thread = await bot.ask("C0CI", "Add a greeting")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    card = await thread.card("push:1", RELEASE, "it uses secrets", "Approve this push")
    assert "Have it changed" not in card.words
    await thread.press(DANA, card, Choose, choice=Choice.APPROVE_PUSH)
    await thread.becomes(State.DELIVERED)


async def test_a_workflow_that_the_operator_accepts_asks_nobody(bot: World) -> None:
    thread = await bot.ask("C0FINE", "Add a greeting")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    delivered = await thread.becomes(State.DELIVERED)
    assert delivered.pushes == ()
