"""Work on a branch of the remote: its ticket is what people say, also after they were asked."""

from pathlib import Path

from engine import existing
from engine.events import Delivered, Existing
from engine.people import Person
from engine.ports import ThreadMessage
from engine.request import Given, Round, RunKind, Snapshot
from engine.runs.commits import commit_of
from engine.runs.existing import Found, existing_work
from engine.schemas import Assessment, Verdict
from tests.engine.runs.states import version
from tests.engine.runs.world import RITA, World, snapshot, world

BRANCH = "feat-DPA-456-churn-model"
ABOUT = Assessment(
    verdict=Verdict.SPECIFIC,
    title="Pull request for the churn model",
    understood="A branch is to become a pull request.",
    interpretations=(),
    gaps=(),
    investigate=(),
    existing_work=True,
    existing_branch=BRANCH,
)


async def found(w: World, state: Snapshot) -> Found:
    base = await w.context.workspace.refresh()
    return await existing_work(w.run(RunKind.ASSESS, state), ABOUT, base)


def answered(*labels: str) -> Round:
    question = existing.ticket_question((), BRANCH, ())
    given = Given(by=RITA, labels=labels)
    return Round(questions=(question,), given=(given,), about=existing.TICKET, submitted_by=RITA)


def said(ts: str, text: str, by: Person | None = RITA) -> ThreadMessage:
    return ThreadMessage(ts=ts, author=by, by_bot=by is None, text=text)


async def test_words_and_branch_that_disagree_are_asked_about(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        agreed = await found(w, snapshot(text=f"PR for {BRANCH}"))
        other = await found(w, snapshot(text=f"PR for {BRANCH}, DPA-9"))

    assert agreed.work is not None
    assert (agreed.work.ticket, agreed.ticket_wanted) == ("DPA-456", False)
    assert other.work is not None
    assert (other.work.ticket, other.ticket_wanted) == ("", True)
    assert other.tickets == ("DPA-9", "DPA-456")


async def test_a_fix_of_what_went_on_after_its_delivery_stands_on_what_is_there_now(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        workspace, tree = w.context.workspace, tmp_path / "tree"
        base = await workspace.refresh()
        await workspace.checkout(base, tree)
        commits: list[str] = []
        for text in ("delivered", "pushed since"):
            (tree / "src").mkdir(exist_ok=True)
            (tree / "src" / "a.sql").write_text(f"-- {text}\n")
            made = await workspace.commit(tree, commits[-1] if commits else base, text)
            commits.append(made.commit)
        delivered, now = commits
        work = Existing(branch=BRANCH, head=now, changed=("src/a.sql",))
        spec = version(lambda _: "a", base).model_copy(update={"existing": work})
        delivery = Delivered(branch=BRANCH, commit=delivered, number=1, url="https://example.org/1")
        state = snapshot(specs=(spec,), delivery=delivery, deliveries=1, head=now)
        (tree / "src" / "a.sql").write_text("-- fixed\n")
        fixed, _ = await commit_of(w.run(RunKind.TASK, state, "fix1"), tree, now, "fix1")
        assert [entry.commit for entry in await workspace.history(fixed, limit=3)] == [fixed, now, delivered]


async def test_in_the_thread_is_what_the_team_wrote_below_the_mention(tmp_path: Path) -> None:
    state = snapshot(text=f"PR for {BRANCH}, DPA-9", rounds=(answered(existing.IN_THE_THREAD),))
    stranger = Person(team="T9", user="U9")
    above = (said("0.5", "DPA-1"), said("1.0", f"PR for {BRANCH}, DPA-9"))
    async with world(tmp_path) as w:
        w.thread.messages = (*above, said("1.1", f"Which? {BRANCH}"), said("1.2", "DPA-3", None))
        nothing = await found(w, state)
        w.thread.messages = (*above, said("1.1", "It is DPA-8"), said("1.2", "DPA-3", stranger))
        written = await found(w, state)

    assert (nothing.ticket_wanted, nothing.tickets) == (True, ("DPA-9", "DPA-456"))
    assert written.work is not None
    assert (written.work.ticket, written.ticket_wanted, written.tickets) == ("DPA-8", False, ())
