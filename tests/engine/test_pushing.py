"""A push that needs an approval of its own: whose clicks count, for which commit, and what else happens."""

import pytest

from engine.decide import decide
from engine.decide.opening import LONGEST_REQUEST
from engine.events import Approved, Choice, Chose, Guarded, RunFinished, Triaged
from engine.policy import pending_push
from engine.present import Shown, detail, render
from engine.request import Approval, PushFate, RunKind, ShowCard, SpecFate, State
from engine.runs.pushing import allowed
from engine.schemas import MessageKind
from engine.story import tell
from tests.engine.laws import clear, lawful, nothing_beyond_scope, shown
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BYSTANDER,
    DANA,
    DAY,
    ERIN,
    FOREIGN,
    POLICY,
    REQUEST,
    START,
    held,
    task_ended,
)
from tests.engine.test_decide_total import every_event

OTHER = "d" * 40
TWO = POLICY.model_copy(update={"approvals": 2})


def holding(policy: object = POLICY, *, whole: bool = True) -> Story:
    """The delivery run found that the push needs an approval of its own."""
    story = reached(State.DELIVERING)
    story.policy = policy  # type: ignore[assignment]
    story.ends(RunKind.DELIVER, held(story.now.head, whole))
    assert story.now.state is State.AWAITING_APPROVAL
    return story


def approves(story: Story, by: object = DANA, commit: str | None = None, card: str = "push:1") -> None:
    item = story.now.head if commit is None else commit
    story.chooses(by, card, Choice.APPROVE_PUSH, item=item)  # type: ignore[arg-type]


def test_an_approvers_click_delivers() -> None:
    story = holding()
    assert pending_push(story.now)
    approves(story)
    assert story.now.state is State.DELIVERING
    assert story.now.pushes[0].fate is PushFate.APPROVED
    story.goes_on(until=State.DELIVERED)


@pytest.mark.parametrize(
    ("by", "commit", "card", "told"),
    [
        (ASKER, None, "push:1", "somebody else has to approve"),
        (BYSTANDER, None, "push:1", "not one of the approvers"),
        (FOREIGN, None, "push:1", "Only members of this workspace"),
        (DANA, OTHER, "push:1", "no longer what is to be pushed"),
        (DANA, "", "push:1", "no longer what is to be pushed"),
        (DANA, None, "push:2", "no longer what is to be pushed"),
        (DANA, None, "spec:1", "decided already"),
        (DANA, None, "escalation:1", "decided already"),
        (DANA, None, "delivery:1", ""),
    ],
)
def test_other_clicks_change_nothing_and_say_so(by: object, commit: str | None, card: str, told: str) -> None:
    story = holding()
    before = story.now
    approves(story, by, commit, card)
    assert story.now == before
    assert told in story.told
    assert story.told


def test_the_specs_approval_never_counts_for_it() -> None:
    story = holding()
    spec = story.now.spec
    assert spec is not None
    assert spec.fate is SpecFate.APPROVED
    before = story.now
    click = Approved(key="k", request=REQUEST, at=START, by=ERIN, version=spec.number, hash=spec.hash)
    decision = decide(before, click, POLICY)
    assert decision.snapshot == before
    assert "card of its own" in decision.reply.text
    for words in ("approved", "LGTM"):
        story.says(words, DANA, mentions=True)
        assert story.now.pushes == before.pushes
        assert story.told == "Only the Approve button on the push approves it; words do not count."


def cards(story: Story) -> list[str]:
    return [effect.card for effect in story.last.effects if isinstance(effect, ShowCard)]


def test_a_card_of_its_own_asks_and_people_are_reminded() -> None:
    story = holding()
    assert cards(story) == ["push:1", "progress"]
    assert story.now.due_at == story.at + DAY
    assert (story.now.pushes[0].number, story.now.pushes[0].held) == (1, held(story.now.head))


def test_half_of_the_approvals_are_waited_for_anew_and_enough_deliver() -> None:
    story = holding(TWO)
    before = story.now.pushes[0]
    story.stored = story.now.model_copy(update={"due_at": None, "pushes": (before, before)})
    story.chooses(DANA, "push:1", Choice.APPROVE_PUSH, item=story.now.head)
    assert cards(story) == ["push:1", "progress"]
    assert story.now.due_at == story.at + DAY
    assert story.now.pushes == (
        before,
        before.model_copy(update={"approvals": (Approval(by=DANA, at=story.at),)}),
    )


def test_who_asked_for_it_may_approve_it_only_where_that_is_configured() -> None:
    allowed_to = POLICY.model_copy(update={"requester_may_approve": True})
    story = holding(allowed_to)
    approves(story, ASKER)
    assert story.told == "You are not one of the approvers of this repository. Your click changed nothing."
    story = holding()
    approves(story, ASKER)
    assert story.told.startswith("You asked for this, so somebody else has to approve the push.")


def test_what_changes_no_protected_file_can_only_be_approved_or_stopped() -> None:
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, held(story.now.head).model_copy(update={"guarded": ()}))
    for choice in (Choice.FIX, Choice.CONFIRM):
        before = story.now
        story.chooses(DANA, "push:1", choice)
        assert story.now == before
        assert "not one of the options" in story.told
    story = holding()
    story.chooses(DANA, "push:1", Choice.CONFIRM)
    assert "not one of the options" in story.told


def test_a_fix_is_told_a_bounded_number_of_protected_files_and_has_a_round() -> None:
    story = reached(State.DELIVERING)
    guarded = tuple(Guarded(path=f".github/{n:02}.yml", what="it runs") for n in range(1, 22))
    story.ends(RunKind.DELIVER, held(story.now.head).model_copy(update={"guarded": guarded}))
    one_round = POLICY.model_copy(update={"review_rounds": 1})
    story.policy = one_round
    story.chooses(DANA, "push:1", Choice.FIX, "  " + "x" * (LONGEST_REQUEST + 1))
    fix = story.now.tasks[-1]
    assert fix.objective == "x" * LONGEST_REQUEST
    named = "; ".join(f".github/{n:02}.yml (it runs)" for n in range(1, 21))
    assert fix.trouble.endswith(f"because it changes protected files: {named}")
    assert (story.now.pushes[0].fate, story.now.pushes[0].decided_by) == (PushFate.CHANGED, DANA)
    assert story.now.extra_rounds == 1
    assert "push:1" in cards(story)


def test_wishes_meanwhile_are_kept_aside() -> None:
    story = holding()
    story.says("Also show cohorts")
    wish = Triaged(message=story.now.heard[0].ts, kind=MessageKind.NEW_SCOPE, title="Cohorts")
    story.ends(RunKind.TRIAGE, wish)
    assert [item.title for item in story.now.scope_items] == ["Cohorts"]
    assert pending_push(story.now)
    approves(story)
    story.goes_on(until=State.DELIVERED)


def test_as_many_as_a_spec_needs_each_once() -> None:
    story = holding(TWO)
    approves(story)
    assert pending_push(story.now)
    approves(story)
    assert story.told == "You have approved this push already."
    approves(story, ERIN)
    assert story.now.pushes[0].fate is PushFate.APPROVED
    assert story.now.spec is not None
    assert story.now.spec.fate is SpecFate.OPEN, "the spec has one approval only, and asks again"


def test_a_new_commit_voids_it() -> None:
    story = holding()
    story.chooses(DANA, "push:1", Choice.FIX, "Leave the workflow alone")
    assert story.now.pushes[0].fate is PushFate.CHANGED
    fix = story.now.tasks[-1]
    assert ".github/workflows/ci.yml" in fix.trouble
    assert fix.objective == "Leave the workflow alone"
    approves(story)
    assert "no longer" in story.told
    story.ends(RunKind.TASK, task_ended(fix.id, OTHER))
    story.goes_on(until=State.DELIVERING)
    story.ends(RunKind.DELIVER, held(OTHER))
    assert [push.held.commit for push in story.now.pushes] == [COMMIT, OTHER]
    approves(story, DANA, COMMIT, "push:1")
    approves(story, DANA, COMMIT, "push:2")
    approves(story, DANA, OTHER, "push:1")
    assert pending_push(story.now)
    assert story.now.pushes[-1].approvals == ()
    approves(story, DANA, OTHER, "push:2")
    assert story.now.state is State.DELIVERING
    fates = [(push.held.commit, push.fate) for push in story.now.pushes]
    assert fates == [(COMMIT, PushFate.CHANGED), (OTHER, PushFate.APPROVED)]


def test_only_approvers_advise() -> None:
    story = holding()
    story.chooses(BYSTANDER, "push:1", Choice.FIX)
    assert "requester or an approver" in story.told
    story.chooses(ASKER, "push:1", Choice.FIX, "Do something else too")
    assert "Only approvers can advise" in story.told
    story.chooses(ASKER, "push:1", Choice.FIX)
    assert story.now.pushes[0].fate is PushFate.CHANGED


def test_what_nobody_can_see_whole_nobody_can_approve() -> None:
    story = holding(whole=False)
    approves(story)
    assert "too much to be shown whole" in story.told
    assert story.now.pushes[0].approvals == ()


def test_it_counts_again_at_delivery() -> None:
    story = holding()
    approves(story)
    now, asked = story.now, held(COMMIT)
    assert allowed(now, POLICY, asked, frozenset({DANA}))
    assert not allowed(now, POLICY, asked, frozenset()), "who left no longer counts"
    assert not allowed(now, TWO, asked, frozenset({DANA}))
    assert not allowed(now, POLICY, held(OTHER), frozenset({DANA}))
    assert not allowed(now, POLICY, asked.model_copy(update={"diff": "other"}), frozenset({DANA}))
    assert not allowed(now, POLICY, asked.model_copy(update={"branch": "other"}), frozenset({DANA}))
    assert not allowed(now, POLICY, asked.model_copy(update={"workflows": ()}), frozenset({DANA}))


def test_a_stale_stop_on_its_card_stops_nothing() -> None:
    story = holding()
    approves(story)
    before = story.now
    story.chooses(DANA, "push:1", Choice.STOP)
    assert story.now == before
    assert story.told
    story = holding()
    story.chooses(BYSTANDER, "push:1", Choice.STOP)
    assert story.now.state is State.STOPPED


def test_the_card_tells_all_of_it() -> None:
    story = holding()
    card = render(story.now, "push:1", Shown(), POLICY)
    assert card is not None
    for words in (COMMIT, ".github/workflows/ci.yml", "Jenkinsfile", "+on: push"):
        assert words in card.model_dump_json()
        whole = detail(story.now, "push:1")
        assert whole is not None
        assert words in whole.text


@pytest.mark.parametrize("policy", [POLICY, TWO, None])
def test_every_event_has_a_lawful_answer_while_it_waits(policy: object) -> None:
    snapshot = holding().now
    for event in every_event(snapshot):
        decision = decide(snapshot, event, policy)  # type: ignore[arg-type]
        lawful(snapshot, event, decision)
        assert decision.snapshot is not None
        if decision.snapshot == snapshot:
            assert decision.effects == ()
            continue
        clear(decision.snapshot, policy)  # type: ignore[arg-type]
        nothing_beyond_scope(decision.snapshot)
        shown(decision.snapshot, decision, policy)  # type: ignore[arg-type]


def test_the_record_tells_what_was_asked_and_whose_clicks_counted() -> None:
    story = holding()
    run = RunFinished(key="r", request=REQUEST, at=START, run="x", result=held(COMMIT))
    click = {"key": "k", "request": REQUEST, "at": START, "card": "push:1", "choice": Choice.APPROVE_PUSH}
    clicks = [Chose.model_validate({**click, "by": by, "item": COMMIT}) for by in (DANA, BYSTANDER)]
    approves(story)
    lines = tell(story.now, [run, *clicks], {DANA.user: "Dana"}).lines
    assert [line.what for line in lines] == [
        f"asked for an approval of the push of commit {COMMIT[:10]} to greenlight/resolution-time",
        f"approved the push of commit {COMMIT[:10]}",
        f"approved the push of commit {COMMIT[:10]}; that did not count",
    ]
    assert lines[0].details == (
        "Changes .github/workflows/ci.yml: what runs after a push",
        "Would run Jenkinsfile: Jenkins may run it",
    )
    assert lines[1].who == "Dana"
