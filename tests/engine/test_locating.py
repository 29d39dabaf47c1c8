"""A request in a channel of several repositories: named, asked for, chosen, and chosen again."""

from typing import Any

import pytest

from engine.cards import EscalationCard, FindingsCard, ProgressCard, QuestionsCard, SpecCard
from engine.decide import locating, opening
from engine.events import Assessed, Cause, Choice, Failed, Seat, Sign, Specified
from engine.naming import REPOSITORY
from engine.present import Shown, render
from engine.request import CancelRuns, Decided, Located, RunKind, Snapshot, SpecFate, StartRun, State
from engine.schemas import Verdict
from tests.engine.stories import COMMIT, Story
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    CANDIDATES,
    DANA,
    DRAFT,
    ERIN,
    POLICY,
    READER,
    WEB,
    assessment,
    existing,
    task_ended,
    verified,
)

LABELS = ["data", "web"]


def asked() -> Story:
    """A request that names no repository."""
    return Story(candidates=CANDIDATES).opened()


def chosen(name: str = "web") -> Story:
    story = asked()
    story.answers(ASKER, 0, labels=(name,))
    story.submits()
    return story


def runs(story: Story) -> list[StartRun]:
    return [effect for effect in story.last.effects if isinstance(effect, StartRun)]


def question(snapshot: Snapshot, number: int = 1) -> QuestionsCard:
    card = render(snapshot, f"questions:{number}", Shown(), POLICY)
    assert isinstance(card, QuestionsCard)
    return card


def progress(snapshot: Snapshot) -> ProgressCard:
    card = render(snapshot, "progress", Shown(), POLICY)
    assert isinstance(card, ProgressCard)
    return card


# ---------------------------------------------------------------- at the mention


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("Add a metric to data", "data"),
        ("In acme/web, fix it", "web"),
        ("https://github.com/acme/web/issues/1: fix", "web"),
    ],
)
def test_a_request_that_names_one_is_about_it(text: str, repository: str) -> None:
    story = Story(candidates=CANDIDATES).opened(text)

    assert (story.now.repository, story.now.located) == (repository, Located.NAMED)
    assert [run.kind for run in runs(story)] == [RunKind.ASSESS]
    assert story.now.rounds == ()
    assert progress(story.now).repository == f"{repository} (named in the request)"
    assert story.now.reviewers == {"data": POLICY, "web": WEB}[repository].reviewers


def test_a_request_that_names_none_or_several_is_asked_and_nothing_runs() -> None:
    for text in ("Add a metric", "Take over from web what data has"):
        story = Story(candidates=CANDIDATES).opened(text)
        assert (story.now.state, story.now.repository) == (State.CLARIFYING, "")
        assert not runs(story)
        card = question(story.now)
        assert [option.label for item in card.items for option in item.options] == LABELS
        assert not any(item.in_words or item.decidable or item.can_find_out for item in card.items)
        assert (card.open, card.ordinal) == (True, 0)
        assert not any(option.recommended for item in card.items for option in item.options)
        assert progress(story.now).waiting_for == (ASKER,)
        assert progress(story.now).repository == ""


def test_a_repository_of_no_or_another_channel_is_told_alike() -> None:
    story = Story(candidates=CANDIDATES).opened("In repo secret-plans, fix the login")
    assert "“secret-plans” is none of this channel's repositories." in question(story.now).items[0].text

    named = Story(candidates=CANDIDATES).opened("Take over into web what repo secret-plans has")
    assert (named.now.repository, named.told) == ("web", "")

    one = Story(candidates=CANDIDATES[:1]).opened("In repo secret-plans, fix the login")
    assert (one.now.repository, one.now.located) == ("data", Located.ONLY)
    assert one.told.startswith("“secret-plans” is none of this channel's repositories.")
    assert one.told.endswith("Requests of this channel are about data.")


def test_where_there_is_one_nothing_is_asked_and_no_card_names_it() -> None:
    story = Story(candidates=CANDIDATES[:1]).opened("Add a metric")
    assert (story.now.repository, story.now.located) == ("data", Located.ONLY)
    assert (progress(story.now).repository, progress(story.now).movable) == ("", False)


def test_a_follow_up_stays_in_its_requests_repository() -> None:
    story = Story(candidates=CANDIDATES).opened("Do more for data", follows="T1:C1:0.5", repository="web")
    assert (story.now.repository, story.now.located) == ("web", Located.FOLLOWED)
    assert progress(story.now).repository == "web (as the request it follows)"

    gone = Story(candidates=CANDIDATES[:1]).opened("Do more for data", follows="T1:C1:0.5", repository="web")
    assert gone.now.repository == ""
    assert "web is not configured here any more." in question(gone.now).items[0].text


def test_in_a_direct_message_only_what_its_author_may_approve_alone_can_be_asked_for() -> None:
    none = Story()
    none.policy = None
    none.opened("Add a metric", direct=True)
    assert (none.stored, none.told) == (None, opening.NOT_DIRECTLY)
    nobody = Story(candidates=CANDIDATES).opened("Add a metric to data", direct=True)
    assert nobody.stored is None
    assert "somebody else has to approve it" in nobody.told

    own = WEB.model_copy(update={"approvers": (), "requester_may_approve": True})
    mine = CANDIDATES[1].model_copy(update={"policy": own})
    story = Story(candidates=(CANDIDATES[0], mine)).opened("Add a metric to data", direct=True)
    assert (story.now.repository, story.now.direct) == ("web", True)
    for two in (own.model_copy(update={"approvals": 2}), own.model_copy(update={"approvers": (DANA,)})):
        both = (CANDIDATES[0], mine.model_copy(update={"policy": two}))
        assert Story(candidates=both).opened("Add a metric", direct=True).stored is None


# ---------------------------------------------------------------- asked


def test_anyone_answers_and_answers_again_until_it_is_submitted() -> None:
    story = asked()
    story.answers(BYSTANDER, 0, labels=("data",))
    story.answers(DANA, 0, labels=("web",))
    assert question(story.now).items[0].chosen == ("web",)
    assert not runs(story)
    story.submits(BYSTANDER)

    assert (story.now.state, story.now.repository) == (State.ASSESSING, "web")
    assert (story.now.reviewers, story.now.located) == (WEB.reviewers, Located.CHOSEN)
    assert [run.kind for run in runs(story)] == [RunKind.ASSESS]
    closed = question(story.now)
    assert (closed.open, closed.submitted_by, closed.items[0].answer) == (False, BYSTANDER, "web")
    assert story.now.rounds == ()
    story.submits(DANA)
    assert story.told == "These answers were already submitted; your click changed nothing."
    assert not story.last.effects


@pytest.mark.parametrize(
    "given",
    [
        {"text": "my own"},
        {"labels": ("web",), "text": "and more"},
        {"you_decide": True},
        {"find_out": True},
        {"labels": ("secret",)},
        {"labels": ("data", "web")},
        {},
    ],
)
def test_only_one_of_the_options_is_an_answer(given: dict[str, Any]) -> None:
    story = asked()
    before = story.now
    story.answers(ASKER, 0, **given)
    assert story.now == before
    assert story.last.reply.sign is Sign.ONLY_YOU
    story.submits()
    assert story.now == before
    assert "Still open: Repository" in story.told


def test_words_fill_the_card_and_details_are_kept() -> None:
    story = asked()
    story.says("It has to be there on Monday, as in data", BYSTANDER)
    assert (story.now.rounds[0].given, story.now.notes) == ((None,), ())
    story.says("Per tenant, please")
    story.says("I mean the one for web, of course")
    assert story.now.rounds[0].given[0] is not None
    assert story.now.rounds[0].given[0].labels == ("web",)
    assert story.told == "I chose web on the card; please check and submit."
    assert [note.text for note in story.now.notes] == [
        "Per tenant, please",
        "I mean the one for web, of course",
    ]
    # What is chosen changes by a click, or by a list.
    story.says("data has it already")
    assert story.now.rounds[0].given[0].labels == ("web",)
    story.says("1. data", BYSTANDER)
    given = story.now.rounds[0].given[0]
    assert given is not None
    assert (given.labels, given.by) == (("data",), BYSTANDER)
    assert not story.now.live
    story.submits()
    assert story.now.repository == "data"
    assert len(story.now.notes) == 3


def test_a_repository_is_not_ours_to_decide_by_typing_either() -> None:
    story = asked()
    before = story.now
    story.says("1. you decide")
    assert (story.told, story.last.reply.sign) == (locating.ON_THE_CARD, Sign.ONLY_YOU)
    assert story.now == before
    story.says("1. data")
    assert story.told == "I chose data on the card; please check and submit."


LEFT = "Which repository it is, only people can tell: choose one on the card."


@pytest.mark.parametrize(
    ("words", "told", "labels"),
    [
        ("The warehouse must keep its history.\n1. you decide", f"Noted as a detail. {LEFT}", ()),
        ("1. you decide 2. keep its history", f"Noted as a detail. {LEFT}", ()),
        ("1. keep its history\n1. you decide", f"Noted as a detail. {LEFT}", ()),
        ("It is for web.\n1. you decide", "I chose web on the card; please check and submit.", ("web",)),
        ("Keep its history.\n1. web", "I chose web on the card; please check and submit.", ("web",)),
        ("1. web, and keep its history", "I chose web on the card; please check and submit.", ("web",)),
        ("2. you decide", "", ()),
    ],
)
def test_what_is_said_beside_the_answer_is_kept(words: str, told: str, labels: tuple[str, ...]) -> None:
    story = asked()
    story.says(words)
    assert [note.text for note in story.now.notes] == [words]
    assert story.told == told
    given = story.now.rounds[0].given[0]
    assert (given.labels if given else ()) == labels


@pytest.mark.parametrize("words", ["1. web", "<@UBOT>\n1)  web\n"])
def test_an_answer_alone_is_no_detail(words: str) -> None:
    story = asked()
    story.says(words)
    assert story.told == "I chose web on the card; please check and submit."
    assert story.now.notes == ()


def test_words_choose_only_what_stands_on_the_card() -> None:
    story = Story(candidates=CANDIDATES[:1]).opened("Do more", follows="T1:C1:0.5", repository="gone")
    story.candidates = CANDIDATES
    story.says("Then in web, please")
    assert (story.now.rounds[0].given, story.told) == ((None,), "")
    story.says("No, in data")
    assert story.told == "I chose data on the card; please check and submit."


def test_nothing_else_works_before_it_is_chosen() -> None:
    story = asked()
    before = story.now
    for choice in Choice:
        if choice is not Choice.STOP:
            for card in ("progress", "spec:1", "escalation:1", "scope:1", "delivery:1"):
                story.chooses(ASKER, card, choice, "typed")
                assert (story.now, story.told) == (before, locating.CHOOSE_FIRST)
    story.stops(BYSTANDER)
    assert story.now.state is State.STOPPED
    assert not question(story.now).open


def test_it_is_reminded_of_and_expires() -> None:
    story = asked()
    story.waits()
    assert "Still waiting for answers" in story.now.posts[-1].text
    story.waits()
    assert story.now.state is State.EXPIRED
    assert not question(story.now).open


def test_a_repository_that_is_gone_is_asked_for_anew() -> None:
    story = asked()
    story.answers(ASKER, 0, labels=("web",))
    story.candidates = CANDIDATES[:1]
    story.submits()
    assert (story.now.state, story.now.repository, story.now.asked) == (State.CLARIFYING, "", 2)
    assert not runs(story)
    anew = question(story.now, 2)
    assert anew.open
    assert "web is not configured here any more." in anew.items[0].text
    assert [option.label for option in anew.items[0].options] == ["data"]

    story.answers(ASKER, 0, 2, labels=("data",))
    story.candidates = ()
    story.submits(number=2)
    assert (story.now.asked, story.told) == (2, locating.NONE_LEFT)
    story.candidates = CANDIDATES
    story.submits(number=2)
    assert story.now.repository == "data"


def test_the_policy_is_the_chosen_repositorys() -> None:
    story = chosen("web").goes_on(until=State.AWAITING_APPROVAL)
    spec = story.now.spec
    assert spec is not None
    assert spec.branch.startswith("w/")
    story.approves(DANA)
    assert "not one of the approvers" in story.told
    story.approves(BYSTANDER)
    assert story.now.state is State.WORKING


def test_rounds_of_questions_are_counted_from_the_choice_on() -> None:
    story = chosen()
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE))
    story.goes_on(until=State.CLARIFYING)._step()
    card = question(story.now, 2)
    assert (card.round, card.ordinal, card.rounds) == (2, 1, 2)


# ---------------------------------------------------------------- chosen again


def another(story: Story, name: str = "web") -> None:
    story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    story.answers(ASKER, 0, story.now.asked, labels=(name,))
    story.submits(number=story.now.asked)


@pytest.mark.parametrize(
    "state", [State.ASSESSING, State.CLARIFYING, State.SPECIFYING, State.AWAITING_APPROVAL, State.ESCALATED]
)
def test_before_approval_another_repository_starts_over(state: State) -> None:
    story = chosen("data")
    if state is State.ESCALATED:
        story.ends(RunKind.ASSESS, Failed(cause=Cause.REPOSITORY, sentence="It is not there."))
    story.says("Per tenant")
    story.goes_on(until=state)
    if state is State.CLARIFYING:
        story._step()
    assert progress(story.now).movable
    live, epoch = {run.id for run in story.now.live}, story.now.epoch
    story.chooses(ERIN if state is State.SPECIFYING else ASKER, "progress", Choice.OTHER_REPOSITORY)

    assert (story.now.repository, story.now.state, story.now.live) == ("", State.CLARIFYING, ())
    assert story.now.epoch == epoch + 1
    assert [one.about for one in story.now.rounds] == [REPOSITORY]
    assert (story.now.specs, story.now.assessment, story.now.base_commit) == ((), None, "")
    cancelled = [
        run for effect in story.last.effects if isinstance(effect, CancelRuns) for run in effect.runs
    ]
    assert set(cancelled) == live
    assert not runs(story)
    assert question(story.now, story.now.asked).open
    assert not any(question(story.now, n).open for n in range(1, story.now.asked))

    another_round = story.now.asked
    story.answers(BYSTANDER, 0, another_round, labels=("web",))
    story.submits(BYSTANDER, another_round)
    assert (story.now.repository, story.now.state) == ("web", State.ASSESSING)
    assert (story.now.rounds, story.now.specs, story.now.tasks, story.now.assessment) == ((), (), (), None)
    story.goes_on(until=State.AWAITING_APPROVAL)
    spec = story.now.spec
    assert spec is not None
    assert spec.number == len(story.now.past.specs) + 1
    assert spec.branch.startswith("w/")


def test_a_spec_for_another_repository_cannot_be_approved_any_more() -> None:
    story = chosen("data").goes_on(until=State.AWAITING_APPROVAL)
    old = story.now.spec
    assert old is not None
    another(story)
    assert story.now.past.specs[0].fate is SpecFate.SUPERSEDED
    story.goes_on(until=State.AWAITING_APPROVAL)
    before = story.now
    for by in (DANA, BYSTANDER):
        story.approves(by, version=old.number, hash=old.hash)
        assert story.now == before
    card = render(story.now, "spec:1", Shown(), WEB)
    assert isinstance(card, SpecCard)
    assert (card.fate, card.repository) == ("superseded", "")
    new = render(story.now, "spec:2", Shown(), WEB)
    assert isinstance(new, SpecCard)
    assert (new.fate, new.repository, new.diff) == ("open", "web (chosen here)", ())


def test_what_was_found_in_the_other_repository_reaches_nobody_any_more() -> None:
    story = chosen("data")
    for repository, look in (("data", "look1"), ("web", "look2")):
        investigate = Assessed(assessment=assessment(Verdict.INVESTIGATE), base_commit=BASE)
        story.ends(RunKind.ASSESS, investigate)
        assert [task.id for task in story.now.tasks] == [look]
        story.ends(RunKind.TASK, task_ended(look, COMMIT))
        findings = render(story.now, f"findings:{look[-1]}", Shown(), POLICY)
        assert isinstance(findings, FindingsCard)
        assert findings.number == int(look[-1])
        if repository == "data":
            another(story)
            assert (story.now.tasks, story.now.investigations) == ((), ())
            assert render(story.now, "findings:1", Shown(), WEB) is None
    assert [task.id for task in story.now.every_task] == ["look1", "look2"]


def test_nothing_of_the_other_repository_is_left_behind() -> None:
    """Not its agents, its branch, the answers of its checks, a draft, nor the way out that was picked."""
    found = Assessed(
        assessment=assessment(),
        base_commit=BASE,
        seats=(Seat(name=READER, tools=("read",)),),
        left_out=("x.md",),
    )
    branch = existing(COMMIT, unclear=False)
    dilemma = Assessed(assessment=assessment(Verdict.ESCALATE), base_commit=BASE)
    picked = chosen("data")
    picked.says("Per tenant")
    picked.ends(RunKind.ASSESS, dilemma)
    picked.chooses(ASKER, "escalation:1", Choice.PICK, "Two")
    drafted, checked, theirs = chosen("data"), chosen("data"), chosen("data")
    for story, result in ((picked, found), (drafted, found), (checked, found), (theirs, branch)):
        story.ends(RunKind.ASSESS, result)
    drafted.ends(RunKind.SPECIFY, Specified(draft=DRAFT))
    checked.goes_on(until=State.AWAITING_APPROVAL).ends(RunKind.VERIFY, verified(BASE))
    assert (picked.now.seats, picked.now.left_out) == (found.seats, found.left_out)
    assert picked.now.notes[-1].picked
    assert (drafted.now.draft, theirs.now.existing) == (DRAFT, branch.existing)
    assert checked.now.base_results

    for story in (picked, drafted, checked, theirs):
        another(story)
        now = story.now
        assert (now.seats, now.left_out, now.draft, now.existing, now.base_results) == (
            (),
            (),
            None,
            None,
            (),
        )
    assert [note.text for note in picked.now.notes] == ["Per tenant"]


def test_what_was_decided_before_stays_who_decided_it() -> None:
    story = chosen("data")
    for number in (1, 2, 3):
        story.ends(RunKind.ASSESS, Failed(cause=Cause.REPOSITORY, sentence="It is not there."))
        if number < 3:
            story.chooses(ASKER, f"escalation:{number}", Choice.RETRY)
    story.chooses(DANA, "progress", Choice.OTHER_REPOSITORY)
    decided = [one.decided for one in story.now.escalations]
    assert [(one.by, one.choice) for one in decided if one] == [
        (ASKER, Choice.RETRY),
        (ASKER, Choice.RETRY),
        (DANA, Choice.OTHER_REPOSITORY),
    ]

    story = chosen("data")
    story.ends(RunKind.ASSESS, Failed(cause=Cause.REPOSITORY, sentence="It is not there."))
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    story.goes_on(until=State.AWAITING_APPROVAL)
    story.chooses(ASKER, "spec:1", Choice.CHANGE_SPEC, "By week")
    story.chooses(DANA, "progress", Choice.OTHER_REPOSITORY)
    assert story.now.past.specs[0].decided_by == ASKER
    assert story.now.escalations[0].decided == Decided(by=ASKER, choice=Choice.RETRY)


def test_a_card_that_waited_says_what_became_of_it() -> None:
    story = chosen("data")
    story.ends(RunKind.ASSESS, Failed(cause=Cause.REPOSITORY, sentence="It is not there."))
    another(story)
    closed = render(story.now, "escalation:1", Shown(), WEB)
    assert isinstance(closed, EscalationCard)
    assert (closed.open, closed.decided_by, closed.decision) == (False, ASKER, "other repository")


def test_who_may_not_and_what_is_too_late_is_told() -> None:
    story = chosen("data").goes_on(until=State.AWAITING_APPROVAL)
    before = story.now
    story.chooses(BYSTANDER, "progress", Choice.OTHER_REPOSITORY)
    assert (story.now, story.told) == (before, locating.NOT_YOURS)
    story.candidates = CANDIDATES[:1]
    story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    assert (story.now, story.told) == (before, locating.NO_OTHER)
    story.candidates = CANDIDATES
    for state in (State.WORKING, State.REVIEWING, State.DELIVERED):
        story.goes_on(until=state)
        assert not progress(story.now).movable
        working = story.now
        story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
        assert story.now == working
        assert "mention me in a new thread" in story.told


def test_a_spec_that_is_changed_after_approval_stays_where_it_is() -> None:
    story = chosen("data").goes_on(until=State.WORKING)
    story.says("also a dashboard")
    redefined = story.now.model_copy(
        update={"specs": tuple(s.model_copy(update={"fate": SpecFate.SUPERSEDED}) for s in story.now.specs)}
    )
    story.stored = redefined.model_copy(update={"state": State.SPECIFYING})
    story.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY)
    assert "was approved for data already" in story.told


def test_the_requester_leaves_a_repository_that_is_gone() -> None:
    story = chosen("web")
    story.candidates = CANDIDATES[:1]
    story.chooses(DANA, "progress", Choice.OTHER_REPOSITORY)
    assert story.told == locating.NOT_YOURS
    another(story, "data")
    assert (story.now.repository, story.now.state) == ("data", State.ASSESSING)
