"""A version of the spec from its writing to the approval that lets work begin, each decision as a whole."""

import hashlib

import pytest

from engine.decide import decide
from engine.decide.moves import Moves
from engine.decide.opening import NOTES
from engine.decide.speccing import planned
from engine.events import Approved, Choice, Chose, Existing, Planned, Sign, Specified
from engine.people import Person
from engine.request import (
    Approval,
    CancelRuns,
    Decided,
    Note,
    Policy,
    RunKind,
    ScopeItem,
    ShowCard,
    Snapshot,
    SpecFate,
    StartRun,
    State,
    hash_of,
)
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DANA,
    DAY,
    DRAFT,
    ERIN,
    FOREIGN,
    PLANS,
    POLICY,
    START,
    delivered,
    verified,
)

TWO = POLICY.model_copy(update={"approvals": 2})
OLD_VERSION = "That is an old version; please look at version 1 below."
DECIDED = "This spec is decided already; your click changed nothing."


def waiting(policy: Policy = POLICY) -> Story:
    story = reached(State.AWAITING_APPROVAL)
    story.policy = policy
    return story


def cards(story: Story) -> list[str]:
    return [effect.card for effect in story.last.effects if isinstance(effect, ShowCard)]


def runs(story: Story) -> list[tuple[RunKind, str]]:
    return [(effect.kind, effect.about) for effect in story.last.effects if isinstance(effect, StartRun)]


def cancelled(story: Story) -> list[str]:
    return [run for effect in story.last.effects if isinstance(effect, CancelRuns) for run in effect.runs]


# ---------------------------------------------------------------- a version


def test_a_draft_is_planned() -> None:
    story = reached(State.SPECIFYING)
    story.ends(RunKind.SPECIFY, Specified(draft=DRAFT))
    assert story.now.draft == DRAFT
    assert runs(story) == [(RunKind.PLAN, "")]


def test_the_first_version_names_all_that_is_approved_with_it() -> None:
    story = waiting()
    spec, suffix = story.now.spec, hashlib.sha256(story.now.id.encode()).hexdigest()[:6]
    assert spec is not None
    assert spec.number == 1
    assert (spec.base_commit, spec.draft, spec.plan, spec.existing) == (BASE, DRAFT, PLANS[0], None)
    assert spec.branch == f"greenlight/{DRAFT.branch}-{suffix}"
    assert spec.hash == hash_of(spec)
    assert (spec.because, spec.approvals, spec.fate) == ("", (), SpecFate.OPEN)
    assert cards(story)[0] == "spec:1"
    assert runs(story) == [(RunKind.VERIFY, BASE)]
    now = story.now
    assert (now.draft, now.title, now.base_results, now.head) == (None, DRAFT.title, (), "")
    assert now.due_at == story.at + DAY


def test_a_change_makes_a_new_version_on_the_same_branch_and_says_why() -> None:
    story = waiting()
    first, epoch = story.now.spec, story.now.epoch
    assert first is not None
    live = [run.id for run in story.now.live]
    story.chooses(DANA, "spec:1", Choice.CHANGE_SPEC, "  By week, please \n")
    assert (story.now.state, story.now.epoch) == (State.SPECIFYING, epoch + 1)
    assert story.now.specs == (first.model_copy(update={"fate": SpecFate.SUPERSEDED, "decided_by": DANA}),)
    assert story.now.notes[-1] == Note(by=DANA, text="By week, please")
    assert "spec:1" in cards(story)
    assert cancelled(story) == live
    assert live
    assert runs(story) == [(RunKind.SPECIFY, "")]

    other = DRAFT.model_copy(update={"branch": "another-name", "title": "By week"})
    story.ends(RunKind.SPECIFY, Specified(draft=other))
    story.goes_on(until=State.AWAITING_APPROVAL)
    second = story.now.spec
    assert second is not None
    assert (second.number, second.branch, second.because) == (2, first.branch, "By week, please")
    assert second.hash == hash_of(second) != first.hash
    assert (story.now.title, cards(story)[0]) == ("By week", "spec:2")


def test_a_version_voids_what_an_older_one_began_and_knows_nothing_of_its_base_yet() -> None:
    story = reached(State.SPECIFYING)
    story.ends(RunKind.SPECIFY, Specified(draft=DRAFT))
    story.stored = story.now.model_copy(update={"base_results": verified(BASE).results, "head": COMMIT})
    epoch = story.now.epoch
    story.ends(RunKind.PLAN, Planned(plan=PLANS[0]))
    assert (story.now.epoch, story.now.base_results, story.now.head) == (epoch + 1, (), "")


def test_every_version_and_every_word_on_it_is_kept() -> None:
    story = waiting()
    for number, words in enumerate(("first", "second"), start=1):
        story.chooses(DANA, f"spec:{number}", Choice.CHANGE_SPEC, words)
        story.goes_on(until=State.AWAITING_APPROVAL)
    assert [(spec.number, spec.fate) for spec in story.now.specs] == [
        (1, SpecFate.SUPERSEDED), (2, SpecFate.SUPERSEDED), (3, SpecFate.OPEN)
    ]  # fmt: skip
    assert [note.text for note in story.now.notes[-2:]] == ["first", "second"]
    assert [spec.because for spec in story.now.specs] == ["", "first", "second"]


def next_version(**fields: object) -> Snapshot:
    """What comes of a plan where a version is approved and work goes on."""
    working = reached(State.WORKING).now.model_copy(update={"draft": DRAFT, **fields})
    moves = Moves(working, START)
    planned(moves, PLANS[0], POLICY)
    return moves.now


def wish(title: str, version: int | None) -> ScopeItem:
    return ScopeItem(by=ASKER, text="x", title=title, ts=title, version=version)


def there(head: str) -> Existing:
    return Existing(branch="feat-x", head=head, changed=("a.sql",))


def specs(existing: Existing | None) -> dict[str, object]:
    spec = reached(State.WORKING).now.spec
    assert spec is not None
    return {"specs": (spec.model_copy(update={"existing": existing}),)}


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({}, ""),
        ({"notes": (Note(by=ASKER, text="old"), Note(by=ASKER, text="by week"))}, "by week"),
        ({"notes": (Note(by=ASKER, text="by week"),), "specs": ()}, ""),
        ({"scope_items": (wish("A", 1), wish("B", 2), wish("C", None), wish("D", 2), wish("E", 3))},
         "Now also: B, D"),
        ({**specs(there(COMMIT)), "existing": there("d" * 40)}, f"feat-x stands at commit {'d' * 10} now"),
        ({**specs(there(COMMIT)), "existing": there(COMMIT)}, ""),
        ({**specs(there(COMMIT)), "existing": None}, ""),
        ({**specs(None), "existing": there(COMMIT)}, ""),
    ],
)  # fmt: skip
def test_a_version_says_why_it_came_to_be(fields: dict[str, object], because: str) -> None:
    spec = next_version(**fields).spec
    assert spec is not None
    assert spec.because == because


@pytest.mark.parametrize(("asked", "by"), [(None, None), (False, None), (True, DANA)])
def test_what_was_approved_of_an_older_commit_is_over(asked: bool | None, by: Person | None) -> None:
    decided = Decided(by=DANA, choice=Choice.RETRY) if asked else None
    blocked = reached(State.BLOCKED).now.escalation
    assert blocked is not None
    escalations = () if asked is None else (blocked.model_copy(update={"decided": decided}),)
    now = next_version(escalations=escalations, kept_commit=COMMIT)
    assert (now.specs[0].fate, now.specs[0].decided_by, now.kept_commit) == (SpecFate.SUPERSEDED, by, "")
    open_one = next_version(**{"specs": waiting().now.specs}, kept_commit=COMMIT)
    assert (open_one.specs[0].fate, open_one.kept_commit) == (SpecFate.OPEN, COMMIT)


# ---------------------------------------------------------------- approving


@pytest.mark.parametrize(
    ("by", "changes", "told"),
    [
        (DANA, {"version": 2}, OLD_VERSION),
        (DANA, {"version": 0}, OLD_VERSION),
        (DANA, {"hash": "0" * 64}, OLD_VERSION),
        (ASKER, {}, "You asked for this, so somebody else has to approve it. Your click changed nothing."),
        (BYSTANDER, {}, "You are not one of the approvers of this repository. Your click changed nothing."),
        (FOREIGN, {}, "Only members of this workspace"),
    ],
)
def test_an_approval_that_does_not_count_says_why(by: Person, changes: dict[str, object], told: str) -> None:
    story = waiting()
    before = story.now
    story.approves(by, **changes)
    assert story.now == before
    assert told in story.told
    assert story.last.effects == ()


def test_a_requester_who_may_approve_but_is_not_named_hears_that() -> None:
    story = waiting(POLICY.model_copy(update={"requester_may_approve": True}))
    story.approves(ASKER)
    assert story.told == "You are not one of the approvers of this repository. Your click changed nothing."


@pytest.mark.parametrize("state", [State.SPECIFYING, State.WORKING, State.REVIEWING, State.BLOCKED])
def test_where_nothing_waits_for_approval_a_click_changes_nothing(state: State) -> None:
    story = reached(state)
    before = story.now
    click = {**story.common(), "by": DANA, "version": 1, "hash": before.spec.hash if before.spec else ""}
    story.happens(Approved.model_validate(click))
    assert story.now == before
    assert story.told == "Nothing waits for approval here; your click changed nothing."


def test_one_approval_where_one_is_enough_lets_work_begin() -> None:
    story = waiting()
    story.approves(DANA)
    spec = story.now.spec
    assert spec is not None
    assert (spec.fate, spec.approvals) == (SpecFate.APPROVED, (Approval(by=DANA, at=story.at),))
    assert (story.now.state, story.now.due_at) == (State.WORKING, None)
    assert cards(story)[0] == "spec:1"
    assert (RunKind.TASK, "analyse") in runs(story)


def test_two_are_waited_for_each_counted_once() -> None:
    story = waiting(TWO)
    story.stored = story.now.model_copy(update={"due_at": None, "reminded": True})
    story.approves(DANA)
    first = Approval(by=DANA, at=story.at)
    assert story.now.spec is not None
    assert (story.now.spec.fate, story.now.spec.approvals) == (SpecFate.OPEN, (first,))
    assert (story.now.due_at, story.now.reminded) == (story.at + DAY, False)
    assert cards(story)[0] == "spec:1"
    before = story.now
    story.approves(DANA)
    assert (story.now, story.told) == (before, "You have approved this version already.")
    story.approves(ERIN)
    assert story.now.state is State.WORKING
    assert story.now.spec.approvals == (first, Approval(by=ERIN, at=story.at))


def test_who_approved_already_lets_it_begin_once_fewer_are_needed() -> None:
    story = waiting(TWO)
    story.approves(DANA)
    story.policy = POLICY
    story.approves(DANA)
    assert story.now.state is State.WORKING
    assert story.now.spec is not None
    assert [approval.by for approval in story.now.spec.approvals] == [DANA]


def test_what_was_worked_and_reviewed_already_is_delivered_once_it_is_approved_again() -> None:
    story = reached(State.REVIEWING)
    story.policy = TWO
    story.review_ends()
    assert story.now.states[-1] is State.AWAITING_APPROVAL
    assert story.now.posts[-1].text.startswith("Who may approve has changed since")
    story.approves(ERIN)
    assert story.now.state is State.DELIVERING
    assert runs(story) == [(RunKind.DELIVER, "")]


# ---------------------------------------------------------------- changing and rejecting


@pytest.mark.parametrize(
    ("by", "card", "choice", "text", "told"),
    [
        (DANA, "spec:0", Choice.CHANGE_SPEC, "x", OLD_VERSION),
        (DANA, "spec:2", Choice.REJECT_SPEC, "x", OLD_VERSION),
        (DANA, "spec:1", Choice.CONFIRM, "x", "That is not a choice for a spec; your click changed nothing."),
        (BYSTANDER, "spec:1", Choice.CHANGE_SPEC, "x",
         "Only the requester and the approvers can change the spec. Your click changed nothing."),
        (BYSTANDER, "spec:1", Choice.REJECT_SPEC, "x",
         "Only the requester and the approvers can reject the spec. Your click changed nothing."),
        (ASKER, "spec:1", Choice.CHANGE_SPEC, " \n", "Please say what should change."),
    ],
)  # fmt: skip
def test_a_click_that_changes_nothing_says_why(
    by: Person, card: str, choice: Choice, text: str, told: str
) -> None:
    story = waiting()
    before = story.now
    story.chooses(by, card, choice, text)
    assert (story.now, story.told, story.last.effects) == (before, told, ())


@pytest.mark.parametrize("state", [State.WORKING, State.REVIEWING, State.DELIVERED])
def test_what_is_approved_is_neither_changed_nor_rejected(state: State) -> None:
    for choice in (Choice.CHANGE_SPEC, Choice.REJECT_SPEC):
        story = reached(state)
        before = story.now
        story.chooses(DANA, "spec:1", choice, "x")
        assert (story.now, story.told) == (before, DECIDED)


@pytest.mark.parametrize(("notes", "taken"), [(NOTES - 1, True), (NOTES, False), (NOTES + 1, False)])
def test_a_spec_is_changed_so_often_and_no_more(notes: int, taken: bool) -> None:
    story = waiting()
    story.stored = story.now.model_copy(update={"notes": (Note(by=ASKER, text="x"),) * notes})
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "one more")
    assert (story.now.state is State.SPECIFYING) is taken
    assert taken or story.told == "This spec was changed too often; please reject it and start anew."


def test_an_edited_section_is_kept_to_the_letter_and_a_bad_edit_stays_open() -> None:
    story = waiting()
    before = story.now
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "x", "no_such_section")
    assert story.now == before
    assert story.last.reply.sign is Sign.AGAIN
    assert story.told == "That section cannot be edited; use “Say what to change”."
    story.chooses(DANA, "spec:1", Choice.CHANGE_SPEC, " Dashboards \n", "out_of_scope")
    note = story.now.notes[-1]
    assert (note.by, note.section, note.lines) == (DANA, "out_of_scope", " Dashboards \n")
    assert note.text.endswith("becomes exactly:\nDashboards")


@pytest.mark.parametrize(("text", "because"), [("", "."), ("  \n", "."), (" Not now \n", ": Not now")])
@pytest.mark.parametrize("by", [ASKER, DANA])
def test_a_rejection_ends_it_with_the_reason(by: Person, text: str, because: str) -> None:
    story = waiting()
    live, epoch = [run.id for run in story.now.live], story.now.epoch
    story.chooses(by, "spec:1", Choice.REJECT_SPEC, text)
    now = story.now
    assert (now.state, now.epoch, now.live, now.due_at) == (State.STOPPED, epoch + 1, (), None)
    assert (now.ended_because, now.ended_by) == (f"Version 1 of the spec was rejected{because}", by)
    assert now.spec is not None
    assert (now.spec.fate, now.spec.decided_by) == (SpecFate.REJECTED, by)
    assert cancelled(story) == live
    assert live
    assert "spec:1" in cards(story)


def test_whatever_is_open_is_closed_with_a_rejection() -> None:
    story = waiting()
    story.stored = story.now.model_copy(update={"deliveries": 1, "delivery": delivered(COMMIT)})
    story.chooses(DANA, "spec:1", Choice.REJECT_SPEC)
    assert "delivery:1" in cards(story)


def test_without_any_version_nothing_is_approved_or_rejected() -> None:
    story = waiting()
    before = story.stored = story.now.model_copy(update={"specs": ()})
    click = {**story.common(), "by": DANA}
    approval = Approved.model_validate({**click, "version": 1, "hash": "x"})
    assert decide(before, approval, POLICY).snapshot == before
    reject = {**click, "card": "spec:1", "choice": Choice.REJECT_SPEC}
    assert decide(before, Chose.model_validate(reject), POLICY).snapshot == before


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    "text",
    ["approve", "Approved!", "LGTM", "ship it", "Go ahead.", "yes", "ok", "okay", "looks good", "  yes "],
)
def test_a_yes_in_words_approves_nothing_and_says_what_does(text: str) -> None:
    for mentions in (True, False):
        story = waiting()
        before = story.now
        story.says(text, DANA, mentions=mentions)
        assert story.now == before
        assert story.told == "Only the Approve button on the spec approves it; words do not count."


@pytest.mark.parametrize("text", ["yes, but by week", "I would not approve", "not ok"])
def test_other_words_are_heard_as_such(text: str) -> None:
    story = waiting()
    before = story.now
    story.says(text, DANA)
    assert (story.now, story.told) == (before, "")
    story.says(text, DANA, mentions=True)
    assert story.told == "Use “Say what to change” on the spec; I write a new version from it."


def test_words_while_it_is_written() -> None:
    story = reached(State.SPECIFYING)
    for text in ("yes", "by week"):
        story.says(text, DANA, mentions=True)
        assert story.told == "I am writing the spec. When it is here, use “Say what to change” on it."
