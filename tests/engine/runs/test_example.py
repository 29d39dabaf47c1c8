"""Example 1 through every kind of run, over the real things, with the scripted model."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.playground.script import SCENARIOS, Scenario
from engine import gate
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.git_workspace import GitWorkspace
from engine.errors import SandboxUnavailable
from engine.events import (
    Asked,
    Assessed,
    Delivered,
    Failed,
    Held,
    Planned,
    Ran,
    Reviewed,
    Specified,
    TaskEnded,
    Verified,
)
from engine.request import (
    Approval,
    GateVerdict,
    Given,
    Heard,
    LetThrough,
    Push,
    ReviewRound,
    Round,
    RunKind,
    Snapshot,
    SpecFate,
    SpecVersion,
    State,
    Task,
    TaskStatus,
    branch_ending,
    hash_of,
    spec_hash,
)
from engine.runs import RUNS
from engine.schemas import MessageKind, Verdict
from tests.engine.runs.world import AT, DANA, REVIEWER, RITA, World, snapshot, world
from tests.fake_secrets import FAKES

SCENARIO = SCENARIOS / "conversation-resolution-time"


@pytest.fixture(autouse=True)
async def _sandbox() -> None:
    try:
        await BubblewrapSandbox().probe()
    except SandboxUnavailable as reason:
        pytest.skip(f"no sandbox here: {reason.sentence}")


async def requirements(w: World) -> Snapshot:
    """From the mention to a specific request."""
    now = snapshot()
    assessed = await RUNS[RunKind.ASSESS](w.run(RunKind.ASSESS, now, number=1))
    assert isinstance(assessed, Assessed)
    assert assessed.assessment.verdict is Verdict.VAGUE
    now = now.model_copy(
        update={
            "assessment": assessed.assessment,
            "base_commit": assessed.base_commit,
            "state": State.CLARIFYING,
        }
    )
    asked = await RUNS[RunKind.ASK](w.run(RunKind.ASK, now, number=2))
    assert isinstance(asked, Asked)
    questions = asked.questions.questions
    given = tuple(Given(by=RITA, labels=(question.options[0].label,)) for question in questions)
    given = (Given(by=RITA, you_decide=True), *given[1:])
    now = now.model_copy(update={"rounds": (Round(questions=questions, given=given, submitted_by=RITA),)})
    assessed = await RUNS[RunKind.ASSESS](w.run(RunKind.ASSESS, now, number=3))
    assert isinstance(assessed, Assessed)
    assert assessed.assessment.verdict is Verdict.SPECIFIC
    return now.model_copy(update={"assessment": assessed.assessment})


async def approved(w: World, now: Snapshot) -> Snapshot:
    """From a specific request to an approved spec."""
    specified = await RUNS[RunKind.SPECIFY](w.run(RunKind.SPECIFY, now, number=4))
    assert isinstance(specified, Specified)
    assert any(line.startswith("Scope:") for line in specified.draft.assumptions)
    now = now.model_copy(update={"draft": specified.draft})
    planned = await RUNS[RunKind.PLAN](w.run(RunKind.PLAN, now, number=5))
    assert isinstance(planned, Planned)
    branch = "greenlight/conversation-resolution-time"
    spec = SpecVersion(
        number=1,
        base_commit=now.base_commit,
        branch=branch,
        draft=specified.draft,
        plan=planned.plan,
        hash=spec_hash(1, now.base_commit, branch, specified.draft, planned.plan),
        approvals=(Approval(by=DANA, at=AT),),
        fate=SpecFate.APPROVED,
    )
    tasks = tuple(Task(id=task.id, agent=task.agent) for task in planned.plan.tasks)
    return now.model_copy(
        update={
            "draft": None,
            "specs": (spec,),
            "tasks": tasks,
            "head": now.base_commit,
            "state": State.WORKING,
        }
    )


async def work_on(w: World, now: Snapshot, task: str, number: int) -> tuple[Snapshot, TaskEnded]:
    if task not in {one.id for one in now.tasks}:
        now = now.model_copy(update={"tasks": (*now.tasks, Task(id=task, agent=now.implementer))})
    ended = await RUNS[RunKind.TASK](w.run(RunKind.TASK, now, task, number=number))
    assert isinstance(ended, TaskEnded)
    done = {"status": TaskStatus.DONE, "report": ended.report, "marks": ended.marks, "commit": ended.commit}
    tasks = tuple(one.model_copy(update=done) if one.id == task else one for one in now.tasks)
    return now.model_copy(update={"tasks": tasks, "head": ended.commit or now.head}), ended


async def review(w: World, now: Snapshot, number: int) -> Snapshot:
    """One round: verify, review, settle, gate."""
    spec = now.spec
    assert spec is not None
    started = ReviewRound(number=len(now.review_rounds) + 1, commit=now.head)
    now = now.model_copy(update={"review_rounds": (*now.review_rounds, started), "state": State.REVIEWING})
    verified = await RUNS[RunKind.VERIFY](w.run(RunKind.VERIFY, now, now.head, number=number))
    reviewed = await RUNS[RunKind.REVIEW](w.run(RunKind.REVIEW, now, REVIEWER, number=number + 1))
    assert isinstance(verified, Verified)
    assert isinstance(reviewed, Reviewed)
    at_base = tuple(r for r in verified.results if r.where is Ran.BASE) or now.base_results
    rest = tuple(r for r in verified.results if r.where is not Ran.BASE)
    settled = gate.settle(spec.draft, at_base, rest, verified.facts, (reviewed,), commit=now.head)
    verdict = gate.gate(settled, (reviewed,), required=(REVIEWER,), commit=now.head, unchecked_allowed=False)
    ended = started.model_copy(
        update={
            "results": rest,
            "facts": verified.facts,
            "reviews": (reviewed,),
            "settled": settled,
            "gate": verdict.verdict,
        }
    )
    return now.model_copy(update={"base_results": at_base, "review_rounds": (*now.review_rounds[:-1], ended)})


async def delivered(w: World) -> tuple[Snapshot, Delivered]:
    now = await approved(w, await requirements(w))
    now, research = await work_on(w, now, "research", 6)
    assert research.commit == ""
    assert [mark.why for mark in research.marks if not mark.verified] == []
    now, implemented = await work_on(w, now, "implement", 7)
    assert implemented.outside == ()
    assert implemented.refused == ()
    assert all(mark.verified for mark in implemented.marks), implemented.marks
    now = await review(w, now, 8)
    assert now.round is not None
    assert now.round.gate is GateVerdict.FIX
    assert {s.id for s in now.round.settled if s.status == "failed"} == {"AC3", "AC4"}
    now, _ = await work_on(w, now, "fix2", 10)
    now = await review(w, now, 11)
    assert now.round is not None
    assert now.round.gate is GateVerdict.PASS, now.round.reasons
    now = now.model_copy(update={"state": State.DELIVERING})
    result = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, now, number=13))
    assert isinstance(result, Delivered), result
    return now, result


@pytest.mark.timeout(300)
async def test_example_one_becomes_a_checked_draft_pull_request(tmp_path: Path) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIO)]) as w:
        now, result = await delivered(w)
        again = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, now, number=14))
        heard = Heard(ts="2.0", by=RITA, text="Can we also have it by week?")
        triaged = await RUNS[RunKind.TRIAGE](
            w.run(RunKind.TRIAGE, now.model_copy(update={"heard": (heard,)}), "2.0", number=15)
        )
        unapproved = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, _tampered(now), number=16))
        beyond = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, _narrower(now), number=17))
        allowed = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, _unchecked(now), number=19))
        await _looks_at_what_leaves(w, now, result)
        w.thread.gone.add(RITA.user)
        left = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, _unchecked(now), number=20))
        w.thread.gone.add(DANA.user)
        gone = await RUNS[RunKind.DELIVER](w.run(RunKind.DELIVER, now, number=18))
    assert isinstance(beyond, Failed)
    assert "files that nobody approved" in beyond.sentence
    assert "src/amp_metrics_incremental/conversation_resolution_time.sql" in beyond.sentence
    assert allowed == result
    assert isinstance(left, Failed)
    assert "There is no result of check tests with only the artifacts" in left.sentence
    assert isinstance(gone, Failed)
    assert "not enough approvals that count today" in gone.sentence
    assert triaged.of == "triaged"
    assert triaged.kind is MessageKind.NEW_SCOPE
    assert again == result
    assert isinstance(unapproved, Failed)
    held = subprocess.run(
        ["git", "-C", str(w.remote), "rev-parse", result.branch], capture_output=True, text=True, check=True
    )
    assert held.stdout.strip() == result.commit == now.head
    records = list((tmp_path / "forge").glob("[0-9]*.json"))
    assert len(records) == 1
    _describes(json.loads(records[0].read_text())["content"]["body"], now)
    _calls_are_as_documented(w)


def _tampered(now: Snapshot) -> Snapshot:
    assert now.spec is not None
    draft = now.spec.draft.model_copy(update={"artifacts": (*now.spec.draft.artifacts, "other.sql")})
    return now.model_copy(update={"specs": (now.spec.model_copy(update={"draft": draft}),)})


def _unchecked(now: Snapshot) -> Snapshot:
    """As if a check had no second result, and Rita had decided to deliver nevertheless."""
    assert now.round is not None
    once = tuple(r for r in now.round.results or () if (r.check, r.where) != ("tests", Ran.ARTIFACTS))
    rounds = (*now.review_rounds[:-1], now.round.model_copy(update={"results": once}))
    return now.model_copy(update={"review_rounds": rounds, "unchecked_by": RITA})


def _narrower(now: Snapshot) -> Snapshot:
    """As if a spec had been approved that names fewer files than the work changes."""
    assert now.spec is not None
    kept = tuple(
        path for path in now.spec.draft.artifacts if not path.endswith("conversation_resolution_time.sql")
    )
    spec = now.spec.model_copy(update={"draft": now.spec.draft.model_copy(update={"artifacts": kept})})
    return now.model_copy(update={"specs": (spec.model_copy(update={"hash": hash_of(spec)}),)})


async def _looks_at_what_leaves(w: World, now: Snapshot, result: Delivered) -> None:
    """Whatever started the delivery: secrets and protected paths are looked for in the commit itself."""
    assert now.spec is not None
    path = now.spec.draft.artifacts[0]
    strict = w.context.repository.model_copy(update={"protected": (path,)})

    async def deliver(state: Snapshot, number: int) -> object:
        context = w.run(RunKind.DELIVER, state, number=number)
        return await RUNS[RunKind.DELIVER](replace(context, repository=strict))

    held = await deliver(now, 21)
    assert isinstance(held, Held)
    assert [one.path for one in held.guarded] == [path]
    assert f"+++ b/{path}" in held.diff
    push = Push(number=1, held=held, approvals=(Approval(by=DANA, at=AT),))
    assert await deliver(now.model_copy(update={"pushes": (push,)}), 22) == result
    other = push.model_copy(update={"held": held.model_copy(update={"diff": "something else"})})
    assert await deliver(now.model_copy(update={"pushes": (other,)}), 23) == held
    by_rita = push.model_copy(update={"approvals": (Approval(by=RITA, at=AT),)})
    assert await deliver(now.model_copy(update={"pushes": (by_rita,)}), 24) == held

    tree = w.context.checkouts / "leaky"
    await w.context.workspace.checkout(now.head, tree)
    with (tree / path).open("a") as file:
        file.write(f"-- {FAKES['Databricks token']}\n")
    leaky = (await w.context.workspace.commit(tree, now.spec.base_commit, "Leaky")).commit
    state = Snapshot.model_validate_json(now.model_dump_json().replace(now.head, leaky))
    failed = await deliver(state, 25)
    assert isinstance(failed, Failed)
    assert [(leak.path, leak.kind) for leak in failed.leaks] == [(path, "Databricks token")]
    assert FAKES["Databricks token"] not in failed.model_dump_json()
    words = tuple(
        LetThrough(commit=commit, leak=failed.leaks[0], by=by, at=AT)
        for commit, by in ((leaky, RITA), (now.head, DANA))
    )
    assert await deliver(state.model_copy(update={"let_through": words}), 26) == failed
    allowed = LetThrough(commit=leaky, leak=failed.leaks[0], by=DANA, at=AT)
    assert isinstance(await deliver(state.model_copy(update={"let_through": (allowed,)}), 27), Held)


def _describes(body: str, now: Snapshot) -> None:
    assert "Rita" in body
    assert "Dana, 2026-11-24 09:00 UTC" in body
    assert now.spec is not None
    assert f"`{now.spec.hash}`" in body
    for criterion in now.spec.draft.criteria:
        assert f"| {criterion.id} |" in body
    assert "`make test`, exit code 0" in body


def _calls_are_as_documented(w: World) -> None:
    roles = {call.role for call in w.api.calls}
    assert roles == {
        "assess",
        "ask",
        "specify",
        "plan",
        "task:codebase-analyzer",
        "task:databricks-genius",
        f"review:{REVIEWER}",
        "triage",
    }
    for call in w.api.calls:
        opening = call.conversation.opening
        assert opening.startswith("<request>\nAdd a new metric"), call.role
        system = {json.dumps(c.body["system"]) for c in w.api.calls if c.role == call.role}
        assert len(system) == 1
        if call.role.startswith("review:"):
            assert re.search(r"^Commit: [0-9a-f]{40}$", opening, re.MULTILINE)
            assert re.search(r"^Round [12] of 3\.$", opening, re.MULTILINE)
            assert "greenlight/conversation-resolution-time" not in opening
    fixes = [
        c for c in w.api.calls if c.role == "task:databricks-genius" and "Round" in c.conversation.opening
    ]
    assert "Does not hold: AC3" in fixes[0].conversation.opening
    assert "missing library entry" in fixes[0].conversation.opening


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("put_there", "taken"),
    [
        ({"as-it-was": "theirs"}, "as-it-was"),
        ({"as-it-was": "ours", "as-it-went-on": "theirs", "Not_a_name": "ours"}, "as-it-was"),
        ({"another": "theirs", "as-it-was": "theirs"}, "conversation-resolution-time"),
        ({"another": "ours", "as-it-was": "ours"}, "conversation-resolution-time"),
    ],
)
async def test_a_branch_that_is_there_before_the_first_spec_is_gone_on_with_if_it_can_be_told(
    tmp_path: Path, put_there: dict[str, str], taken: str
) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIO)]) as w:
        lost = GitWorkspace(str(w.remote), "main", tmp_path / "lost.git")
        base, tree = await lost.refresh(), tmp_path / "tree"
        await lost.checkout(base, tree)
        (tree / "notes").write_text("made before the state was lost\n")
        ours = (await lost.commit(tree, base, "work")).commit
        for name, whose in put_there.items():
            branch = f"greenlight/{name}{branch_ending(snapshot().id)}"
            await lost.push(ours if whose == "ours" else base, branch)
        now = await requirements(w)
        specified = await RUNS[RunKind.SPECIFY](w.run(RunKind.SPECIFY, now, number=4))
    assert isinstance(specified, Specified)
    assert specified.draft.branch == taken


async def test_a_file_outside_the_spec_is_told_and_put_back(tmp_path: Path) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIO, "makefile-true")]) as w:
        now = await approved(w, await requirements(w))
        now, ended = await work_on(w, now, "implement", 7)
        assert ended.outside == ("Makefile",)
        now, reverted = await work_on(
            w,
            now.model_copy(update={"tasks": (*now.tasks, Task(id="revert1", agent="greenlight"))}),
            "revert1",
            9,
        )
        assert reverted.outside == ()
        makefile = await w.context.workspace.read(reverted.commit, "Makefile")
        assert makefile == await w.context.workspace.read(now.base_commit, "Makefile")


@pytest.mark.timeout(300)
async def test_a_report_that_lies_is_marked(tmp_path: Path) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIO, "lying-report")]) as w:
        now = await approved(w, await requirements(w))
        _, ended = await work_on(w, now, "fix2", 7)
    assert [mark.verified for mark in ended.marks] == [False, False, False]
    assert list((tmp_path / "checkouts").iterdir()) == []


@pytest.mark.timeout(300)
async def test_checks_at_the_base_alone_come_before_the_work(tmp_path: Path) -> None:
    async with world(tmp_path, [Scenario.load(SCENARIO)]) as w:
        now = await approved(w, await requirements(w))
        state = now.model_copy(update={"state": State.AWAITING_APPROVAL})
        verified = await RUNS[RunKind.VERIFY](w.run(RunKind.VERIFY, state, now.base_commit, number=6))
        receipts = await w.context.store.receipts(w.context.run.id.replace("/1", "/6"))
    assert isinstance(verified, Verified)
    assert [(r.check, r.where, r.green) for r in verified.results] == [
        ("tests", Ran.BASE, True),
        ("lint-sql", Ran.BASE, True),
        ("check-quality", Ran.BASE, True),
    ]
    assert not any(fact.at_base or fact.at_commit for fact in verified.facts)
    assert len(receipts) == 3
    assert list((tmp_path / "checkouts").iterdir()) == []
