"""What comes back from the pull request, and what becomes of it, said as people meet it."""

from copy import copy
from typing import Any

import pytest

from engine.cards import DeliveryCard, FeedbackCard
from engine.decide.answering import pull_of
from engine.decide.feedback import TOGETHER
from engine.events import (
    AtTheForge,
    Cause,
    CheckFailed,
    CheckPassed,
    Choice,
    Closed,
    Event,
    Merged,
    Moved,
    Remarked,
    Reopened,
    Shared,
    ToldApart,
    Triaged,
    Undrafted,
)
from engine.people import Person
from engine.ports import CheckState, Fate, Watched
from engine.present import Shown, render
from engine.request import Decided, Live, Pull, RunKind, ShowCard, State, WishFate
from engine.runs.material import told_in_thread
from engine.schemas import MessageKind
from engine.story import tell
from engine.watching import news
from tests.engine.forge_side import ORDER, failed_check, remark
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import ASKER, BYSTANDER, DANA, POLICY, delivered


class Followed(Story):
    """A request whose pull request is open."""

    def sees(self, event: type[AtTheForge], **more: Any) -> None:
        """A look brings this."""
        self.happens(event.model_validate({**self.common(), "number": 7, **more}))

    def remarked(self, name: str = "r1", **more: Any) -> None:
        self.sees(Remarked, remark=remark(name, **more))

    def are_told_apart(self, *kinds: MessageKind, criteria: tuple[str, ...] = ("AC1",)) -> None:
        """The remarks that wait are told apart."""
        live = next(run for run in self.now.live if run.kind is RunKind.TRIAGE)
        waiting = [one.remark.id for one in self.now.feedback[-1].untold]
        first, *others = [
            ToldApart(message=name, kind=kind, title="A title", criteria=criteria)
            for name, kind in zip(waiting, kinds, strict=False)
        ]
        self.ends(live.kind, Triaged(**first.model_dump(), others=tuple(others)), live.about)

    def state(self) -> State:
        return self.now.state

    def card(self, number: int = 1) -> FeedbackCard:
        shown = render(self.now, f"feedback:{number}", Shown(), self.policy)
        assert isinstance(shown, FeedbackCard)
        return shown

    def delivery_card(self) -> DeliveryCard:
        shown = render(self.now, f"delivery:{self.now.deliveries}", Shown(), self.policy)
        assert isinstance(shown, DeliveryCard)
        return shown


def followed(state: State = State.DELIVERED, **policy: Any) -> Followed:
    story = Followed(policy=POLICY.model_copy(update=policy))
    story.stored = reached(state).stored
    return story


def offered(card: FeedbackCard) -> list[str]:
    return [offer.choice for offer in card.offers]


# ---------------------------------------------------------------- remarks


def test_a_remark_about_the_spec_becomes_a_fix_that_is_told_criteria_and_no_words() -> None:
    story = followed()
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    (line,) = story.card().remarks
    assert (line.who, line.place, line.taken) == ("alice", "src/a.sql:3", "about AC1")
    assert offered(story.card()) == ["fix", "keep_as_task", "ignore"]
    labels = [offer.label for offer in story.card().offers]
    assert labels == ["Fix within the spec", "Keep as proposed tasks", "Ignore"]

    story.chooses(BYSTANDER, "feedback:1", Choice.FIX)
    assert "Your click changed nothing" in story.told
    story.chooses(ASKER, "feedback:1", Choice.FIX)

    assert story.state() is State.WORKING
    fix = story.now.tasks[-1]
    assert "AC1" in fix.trouble
    assert ORDER not in fix.model_dump_json()
    assert told_in_thread(story.now) == ([], ["AC1"])
    assert story.card().outcome == "It is being fixed, within the approved spec."
    story.goes_on(until=State.DELIVERED)
    assert story.now.deliveries == 2
    assert story.card().outcome.startswith(f"Commit {story.now.head[:10]} was made to answer it")


def test_words_reach_the_agents_once_an_approver_hands_them_on() -> None:
    story = followed()
    story.remarked(text="Round the minutes to two decimals")
    story.are_told_apart(MessageKind.NEW_SCOPE)
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    assert "An approver can say that it is" in story.told
    assert story.state() is State.DELIVERED
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert story.state() is State.WORKING
    (words,) = told_in_thread(story.now)[0]
    assert words == "On the pull request, alice at src/a.sql:3: Round the minutes to two decimals"


def test_what_goes_beyond_the_spec_stays_a_proposed_task_of_whoever_keeps_it() -> None:
    story = followed()
    story.remarked("r1", text="Also show it by month")
    story.remarked("r2", text="The rounding is missing")
    story.are_told_apart(MessageKind.NEW_SCOPE)
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    (item,) = story.now.scope_items
    assert (item.by, item.title, item.fate) == (ASKER, "A title", WishFate.PROPOSED)
    assert item.text.endswith("Also show it by month")
    assert story.state() is State.WORKING


@pytest.mark.parametrize("more", [{"may_write": False}, {"by_bot": True, "author": "lint[bot]"}])
def test_strangers_and_bots_stay_in_the_journal(more: dict[str, Any]) -> None:
    story = followed()
    before = story.now
    story.remarked(**more)
    assert story.now == before


def test_a_review_bot_that_the_configuration_names_is_heard() -> None:
    story = followed(review_bots=("lint[bot]",))
    story.remarked(by_bot=True, may_write=False, author="lint[bot]")
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    assert story.card().remarks[0].who == "lint[bot]"


def test_remarks_at_about_the_same_time_are_one_card_and_talk_is_none() -> None:
    story = followed()
    for name in ("r1", "r2", "r3"):
        story.remarked(name)
    assert [run.about for run in story.now.live] == ["feedback:1"]
    story.are_told_apart(MessageKind.CHATTER)
    assert render(story.now, "feedback:1", Shown(), POLICY) is None
    story.are_told_apart(MessageKind.QUESTION, MessageKind.NEW_SCOPE)
    assert len(story.card().remarks) == 3
    for _ in range(20):
        story.common()
    story.remarked("r4")
    assert len(story.now.feedback) == 2


def test_a_remark_that_nobody_could_tell_apart_is_shown_for_people_to_choose() -> None:
    story = followed()
    story.remarked()
    live = story.now.live[0]
    story.ends(live.kind, Triaged(message="another", kind=MessageKind.CHATTER, title=""), live.about)
    assert story.card().remarks[0].taken == "not told apart"


def test_what_was_told_apart_once_stays_so() -> None:
    story = followed()
    story.remarked("r1")
    story.remarked("r2")
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    again = ToldApart(message="r1", kind=MessageKind.CHATTER, title="")
    live = story.now.live[0]
    story.ends(
        live.kind, Triaged(message="r2", kind=MessageKind.NEW_SCOPE, title="", others=(again,)), live.about
    )
    assert [line.taken for line in story.card().remarks] == ["about AC1", "goes beyond the approved spec"]


@pytest.mark.parametrize("about", ["feedback:1", "feedback:9"])
def test_an_answer_about_nothing_that_waits_changes_nothing(about: str) -> None:
    story = followed()
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    before = story.now
    late = Live(id="late", kind=RunKind.TRIAGE, about=about)
    story.stored = before.model_copy(update={"live": (late,)})
    story.ends(late.kind, Triaged(message="r1", kind=MessageKind.CHATTER, title=""))
    assert story.now.feedback == before.feedback


def test_after_the_end_a_remark_can_still_become_a_task() -> None:
    story = followed(State.DONE)
    story.remarked()
    assert story.now.live == ()
    assert offered(story.card()) == ["keep_as_task", "ignore"]
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    assert "not one of the options" in story.told
    story.chooses(ASKER, "feedback:1", Choice.KEEP_AS_TASK)
    (item,) = story.now.scope_items
    story.chooses(ASKER, "scope:1", Choice.START_WISH, item=item.ts)
    assert story.now.scope_items[0].fate is WishFate.STARTED
    assert story.state() is State.DONE


# ---------------------------------------------------------------- checks


def shown_at_last(story: Story) -> list[str]:
    cards = [effect.card for effect in story.last.effects if isinstance(effect, ShowCard)]
    return [card for card in cards if card.startswith("feedback:")]


def five_fates() -> Followed:
    """A failed check that is fixed, talk, a remark that is kept, an ignored check, an open check."""
    story = followed()
    story.sees(CheckFailed, check=failed_check(story.now.head))
    story.chooses(DANA, "feedback:1", Choice.FIX)
    story.goes_on(until=State.DELIVERED)
    story.at += TOGETHER * 2
    story.remarked("talk")
    story.are_told_apart(MessageKind.CHATTER)
    story.at += TOGETHER * 2
    story.remarked("wish")
    story.are_told_apart(MessageKind.NEW_SCOPE)
    story.chooses(ASKER, "feedback:3", Choice.KEEP_AS_TASK)
    for name in ("lint", "docs"):
        story.at += TOGETHER * 2
        story.sees(CheckFailed, check=failed_check(story.now.head, name))
        if name == "lint":
            story.chooses(ASKER, "feedback:4", Choice.IGNORE)
    return story


def test_at_the_end_what_was_open_loses_its_buttons_and_says_why() -> None:
    story = five_fates()
    assert offered(story.card(5)) == ["fix", "ignore"]
    story.stops()
    assert shown_at_last(story) == ["feedback:5"]
    assert offered(story.card(5)) == []
    assert story.card(5).outcome == "Nothing was decided about it before this request ended."
    assert story.card(1).outcome.startswith("Commit ")
    assert (story.card(3).outcome, story.card(4).outcome) == ("Kept as proposed tasks.", "Ignored.")
    story.chooses(ASKER, "feedback:5", Choice.IGNORE)
    assert "has ended (stopped)" in story.told
    assert shown_at_last(story) == []


def test_what_nobody_answers_in_time_loses_its_buttons_too() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(story.now.head))
    story.sees(Closed, login="dana")
    story.waits()
    assert shown_at_last(story) == []
    story.waits()
    assert story.state() is State.EXPIRED
    assert shown_at_last(story) == ["feedback:1"]
    assert offered(story.card()) == []


def test_confirmed_what_is_open_can_still_be_kept_and_no_longer_be_fixed() -> None:
    story = five_fates()
    story.at += TOGETHER * 2
    story.remarked("late")
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    story.chooses(ASKER, f"delivery:{story.now.deliveries}", Choice.CONFIRM)
    assert story.state() is State.DONE
    assert shown_at_last(story) == ["feedback:5", "feedback:6"]
    assert (offered(story.card(5)), story.card(5).outcome) == (["ignore"], "")
    assert (offered(story.card(6)), story.card(6).outcome) == (["keep_as_task", "ignore"], "")


@pytest.mark.parametrize("by", [ASKER, DANA])
@pytest.mark.parametrize("choice", [Choice.KEEP_AS_TASK, Choice.IGNORE])
def test_confirmed_what_is_open_stays_open_while_its_repository_is_not_configured(
    choice: Choice, by: Person
) -> None:
    story = followed()
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    before, policy = story.now, story.policy
    story.policy = None
    story.chooses(by, "feedback:1", choice)
    assert (story.now, story.last.effects) == (before, ())
    assert story.told.startswith("This request has ended (done).")
    story.policy = policy
    story.chooses(by, "feedback:1", choice)
    assert story.now.feedback[0].decided == Decided(by=by, choice=choice)
    assert shown_at_last(story) == ["feedback:1"]


@pytest.mark.parametrize("asks", [True, False])
def test_a_fix_that_ended_with_the_request_is_promised_no_more(asks: bool) -> None:
    story = followed(follow_asks=asks)
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    if asks:
        story.chooses(DANA, "feedback:1", Choice.FIX)
    assert story.state() is State.WORKING
    assert story.card().outcome == "It is being fixed, within the approved spec."
    story.stops()
    assert shown_at_last(story) == ["feedback:1"]
    assert story.card().outcome == "It was being fixed, but this request ended before that was delivered."


def test_what_passed_by_itself_or_was_left_as_it_is_promises_no_fix_at_the_end() -> None:
    story = followed(follow_asks=False, follow_rounds=0)
    check = failed_check(story.now.head)
    story.sees(CheckFailed, check=check)
    assert story.now.feedback[0].by_itself
    assert story.card().outcome == "To be fixed; a choice is asked for below."
    left = copy(story)
    left.stops()
    assert left.card().outcome == "It was left as it is when this request ended."
    story.sees(CheckPassed, check=check.model_copy(update={"state": CheckState.PASSED}))
    story.stops()
    assert story.card().outcome == "What had failed was run again, and passed."


def test_what_passed_in_the_end_says_so_after_the_end() -> None:
    story = followed()
    check = failed_check(story.now.head)
    story.sees(CheckFailed, check=check)
    story.sees(CheckPassed, check=check.model_copy(update={"state": CheckState.PASSED}))
    story.stops()
    assert story.card().outcome == "What had failed was run again, and passed."


def test_nothing_is_shown_in_front_of_others_at_the_end() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(story.now.head))
    story.happens(Shared.model_validate({**story.common(), "team": "T9"}))
    assert story.now.exposed
    story.stops()
    assert story.state() is State.STOPPED
    assert shown_at_last(story) == []


def test_a_failed_check_counts_for_exactly_the_delivered_commit() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check("e" * 40))
    assert story.now.feedback == ()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    (check,) = story.card().checks
    assert check.url == "https://ci.example.org/1"
    assert offered(story.card()) == ["fix", "ignore"]


def test_a_check_that_passes_when_run_again_asks_for_nothing() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    again = failed_check(COMMIT, "c2").model_copy(update={"state": CheckState.PASSED})
    story.sees(CheckPassed, check=again)
    assert [check.passed for check in story.card().checks] == [True]
    assert story.card().offers == ()
    assert story.card().outcome == "What had failed was run again, and passed."
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert "not one of the options" in story.told
    before = story.now
    story.sees(CheckPassed, check=again)
    assert story.now == before


@pytest.mark.parametrize(("by", "told"), [(ASKER, False), (DANA, True)])
def test_what_a_check_says_reaches_the_agents_by_an_approver_alone(by: Any, told: bool) -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(by, "feedback:1", Choice.FIX)
    fix = story.now.tasks[-1]
    assert "“ci / <test>”" in fix.trouble
    assert ("AssertionError" in fix.trouble) is told


def test_after_as_many_rounds_as_configured_an_approver_is_asked() -> None:
    story = followed(follow_rounds=1)
    for number in (1, 2):
        commit = story.now.head
        story.sees(CheckFailed, check=failed_check(commit, f"c{number}"))
        story.chooses(ASKER, f"feedback:{number}", Choice.FIX)
        if number == 1:
            story.goes_on(until=State.DELIVERED)
    escalation = story.now.escalation
    assert story.state() is State.ESCALATED
    assert escalation is not None
    assert escalation.cause is Cause.FOLLOWED
    assert story.delivery_card().halted
    story.chooses(ASKER, "escalation:1", Choice.ANOTHER_ROUND)
    assert "Only an approver" in story.told
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert story.state() is State.DELIVERED
    assert not story.delivery_card().halted


def test_one_more_round_answers_what_asked_for_it() -> None:
    story = followed(follow_rounds=0)
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND, "Look at the log")
    assert "ci / <test>" in story.now.tasks[-1].trouble
    story.goes_on(until=State.DELIVERED)
    assert story.now.feedback[0].answered == story.now.head


def test_a_round_that_is_granted_goes_on_whatever_asked_for_it() -> None:
    story = followed(follow_rounds=0)
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    story.stored = story.now.model_copy(update={"feedback": ()})
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND)
    assert story.state() is State.WORKING


def test_nothing_more_is_made_for_a_pull_request_that_was_merged_meanwhile() -> None:
    story = followed(follow_rounds=0)
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(ASKER, "feedback:1", Choice.FIX)
    story.sees(Merged, login="bob")
    story.chooses(DANA, "escalation:1", Choice.ANOTHER_ROUND)
    assert "merged: ask for more in a new thread" in story.told
    story.chooses(DANA, "escalation:1", Choice.RETRY)
    assert story.state() is State.DELIVERED


def test_what_is_said_to_be_missing_is_kept_where_a_fix_could_not_be_pushed() -> None:
    story = followed()
    story.sees(Moved, commit="e" * 40)
    story.chooses(DANA, "delivery:1", Choice.NOT_YET, "The median")
    live = story.now.live[0]
    told = Triaged(message=live.about, kind=MessageKind.WITHIN_SPEC, title="The median", criteria=("AC1",))
    story.ends(RunKind.TRIAGE, told)
    assert story.state() is State.DELIVERED
    assert [item.title for item in story.now.scope_items] == ["The median"]
    assert "I never push over others' work" in story.now.posts[-1].text


def test_where_nobody_is_asked_a_fix_starts_by_itself_and_without_outside_words() -> None:
    story = followed(follow_asks=False)
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    assert story.state() is State.WORKING
    assert told_in_thread(story.now) == ([], ["AC1"])
    assert story.card().offers == ()


# ---------------------------------------------------------------- its fate


def test_a_merge_is_told_once_and_confirms_nothing() -> None:
    story = followed()
    story.sees(Merged, login="bob", since=story.at)
    assert story.state() is State.DELIVERED
    assert story.now.confirmed_by is None
    assert "merged by bob. If it is what was asked for, please confirm" in story.now.posts[-1].text
    assert story.delivery_card().standing.startswith("Merged by bob on 2026-11-02")
    posts = len(story.now.posts)
    story.sees(Merged, login="bob", since=story.at)
    assert len(story.now.posts) == posts
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "More please")
    assert "merged" in story.told
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert story.state() is State.DONE


def test_closed_without_a_merge_asks_how_to_go_on_and_a_reopening_answers_that() -> None:
    story = followed()
    story.sees(Closed, login="bob", words="We do this  elsewhere", since=story.at)
    assert story.state() is State.ESCALATED
    escalation = story.now.escalation
    assert escalation is not None
    assert (
        escalation.situation
        == "Pull request #7 was closed without a merge by bob. Their last words there: We do this elsewhere"
    )
    story.sees(Reopened)
    assert story.state() is State.DELIVERED
    assert story.delivery_card().standing == "A draft."
    story.sees(Closed, login="bob")
    story.chooses(ASKER, "escalation:2", Choice.RETRY)
    assert story.state() is State.DELIVERED
    assert story.delivery_card().standing == "Closed without a merge by bob."
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert "open it again at the forge first" in story.told
    story.sees(Reopened)
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert story.state() is State.WORKING


def test_a_merge_answers_what_was_asked_about_a_closing() -> None:
    story = followed()
    story.sees(Closed, login="bob", since=story.at)
    story.sees(Merged, login="bob", since=story.at)
    assert story.state() is State.DELIVERED
    assert "please confirm the delivery" in story.now.posts[-1].text
    story.chooses(ASKER, "escalation:1", Choice.RETRY)
    assert "decided already" in story.told
    assert story.delivery_card().standing.startswith("Merged by bob")


def test_no_fix_starts_where_it_could_not_be_delivered() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.sees(Moved, commit="e" * 40)
    assert "I never push over it" in story.now.posts[-1].text
    assert "moved to eeeeeeeeee" in story.delivery_card().standing
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert "I never push over others' work" in story.told
    assert story.state() is State.DELIVERED
    story.sees(Moved, commit=COMMIT)
    assert story.now.pull is not None
    assert story.now.pull.moved_to == ""
    story.chooses(DANA, "feedback:1", Choice.FIX)
    assert story.state() is State.WORKING


def test_a_branch_that_is_moved_there_and_back_is_news_each_time() -> None:
    story = followed()
    keys = []
    for commit in ("e" * 40, COMMIT, "e" * 40):
        watched = Watched(fate=Fate.OPEN, draft=True, commit=commit, remarks=(), checks=())
        (event,) = news(story.now, watched, story.at)
        keys.append(event.key)
        story.happens(event)
        assert news(story.now, watched, story.at) == []
    assert len(set(keys)) == 3
    assert "moved to eeeeeeeeee" in story.delivery_card().standing


def test_our_own_push_is_no_move() -> None:
    story = followed()
    story.sees(CheckFailed, check=failed_check(COMMIT))
    story.chooses(DANA, "feedback:1", Choice.FIX)
    story.goes_on(until=State.DELIVERING)
    before = story.now
    story.sees(Moved, commit=story.now.head)
    assert story.now == before


def test_another_pull_request_is_none_of_ours() -> None:
    story = followed()
    before = story.now
    story.happens(Undrafted.model_validate({**story.common(), "number": 8}))
    assert story.now == before


def test_before_the_delivery_there_is_no_pull_request() -> None:
    assert pull_of(reached(State.WORKING).now) == Pull(number=0)


def test_ready_for_review_is_told_once() -> None:
    story = followed()
    story.sees(Undrafted)
    story.sees(Undrafted)
    assert [post.text for post in story.now.posts] == ["Pull request #7 is marked as ready for review."]
    assert story.delivery_card().standing == "Ready for review."
    assert not story.delivery_card().draft


def test_where_the_forge_has_no_drafts_nothing_is_told_of_one() -> None:
    story = followed(State.DELIVERING)
    story.ends(RunKind.DELIVER, delivered(COMMIT).model_copy(update={"draft": False}))
    story.sees(Undrafted)
    assert story.now.posts == ()
    assert story.delivery_card().standing == "Ready for review."


# ---------------------------------------------------------------- the record


def test_the_record_tells_what_happened_at_the_forge_and_who_is_nobody_of_the_chat() -> None:
    story = followed()
    events: list[Event] = []
    for kind, more in (
        (Remarked, {"remark": remark(text="Round it")}),
        (Remarked, {"remark": remark("r2", text="Buy now", author="eve", may_write=False)}),
        (CheckFailed, {"check": failed_check(COMMIT)}),
        (Undrafted, {}),
        (Closed, {"login": "bob", "words": "Elsewhere"}),
        (Merged, {"login": "bob"}),
    ):
        story.sees(kind, **more)
        events.append(kind.model_validate({**story.common(), "number": 7, **more}))

    lines = [(line.who, line.what, line.details) for line in tell(story.now, events).lines]

    assert lines[0] == ("alice (at the forge)", "remarked on pull request #7 at src/a.sql:3: Round it", ())
    assert (
        lines[1][1] == "remarked on pull request #7 at src/a.sql:3; it was not carried over into the thread"
    )
    assert lines[2][1] == "reported the check ci / <test> of pull request #7 as failed"
    assert lines[4][1:] == ("closed pull request #7 without a merge", ("Their last words there: Elsewhere",))
    assert lines[5][1].startswith("asked for a decision (closed)")
    assert lines[6][:2] == ("bob (at the forge)", "merged pull request #7")
