"""Wishes during work: whatever a classifier says, none reaches the work before somebody who may says so."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import story_runs
from engine.cards import NoteCard, ScopeCard, TakenFor
from engine.decide import hearing, scoping
from engine.decide.moves import Moves
from engine.events import CURRENT, Cause, Choice, Chose, Failed, Linked, Said, ToldApart, Triaged
from engine.people import Person
from engine.present import Shown, render
from engine.request import OpenThread, RunKind, ShowCard, Snapshot, SpecFate, State, Taken, WishFate
from engine.runs.material import told_in_thread
from engine.schemas import MessageKind
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import ASKER, BYSTANDER, DANA, START

CANARY = "canary-wish"
STRANGER = Person(team="T1", user="U9")
LEDGER = {"scope_items", "heard", "taken"}

kinds = st.sampled_from(MessageKind)
criteria = st.lists(st.sampled_from(("AC1", "AC2", "AC99", CANARY)), max_size=3).map(tuple)


def told(story: Story, kind: MessageKind, **more: object) -> None:
    """The oldest message that waits is told apart."""
    about = story.now.heard[0].ts
    result = Triaged(message=about, kind=kind, title="A wish").model_copy(update=more)
    story.ends(RunKind.TRIAGE, result)


def wished(state: State = State.WORKING, *texts: str) -> Story:
    """A request in this state with these wishes in its ledger."""
    story = reached(state)
    for text in texts or ("Also add trends", "Also show cohorts"):
        story.says(text)
        told(story, MessageKind.NEW_SCOPE, title=text.removeprefix("Also "))
    return story


def kept_out(now: Snapshot) -> None:
    """No canary stands anywhere but in the ledger, and what hand-overs say of the thread holds none."""
    assert CANARY not in now.model_dump_json(exclude=LEDGER)
    words, pointed_at = told_in_thread(now)
    assert CANARY not in " ".join((*words, *pointed_at))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    answers=st.lists(st.tuples(kinds, criteria, st.booleans()), min_size=1, max_size=6),
    state=st.sampled_from((State.WORKING, State.REVIEWING, State.DELIVERING, State.DELIVERED, State.BLOCKED)),
)
def test_nothing_of_a_wish_reaches_the_work_whatever_the_classifier_says(
    answers: list[tuple[MessageKind, tuple[str, ...], bool]], state: State
) -> None:
    story = reached(state)
    for number, (kind, named, clicks) in enumerate(answers):
        story.says(f"{CANARY} {number}", BYSTANDER)
        told(story, kind, title=CANARY, criteria=named, needs=(CANARY,), after=(CANARY, CURRENT))
        kept_out(story.now)
        if clicks:  # by somebody who may not approve
            for choice in (Choice.IS_SPEC, Choice.IS_SCOPE, Choice.IS_TALK):
                corrects(story, BYSTANDER, choice)
                kept_out(story.now)
    for item in story.now.scope_items:
        assert "canary" in item.title


def corrects(story: Story, by: object, choice: Choice, ts: str = "") -> None:
    """Somebody says what the newest message is."""
    known = [item.ts for item in story.now.scope_items] + [taken.ts for taken in story.now.taken]
    event = {**story.common(), "by": by, "card": "scope:1", "choice": choice, "item": ts or known[-1]}
    story.happens(Chose.model_validate(event))


def picks(story: Story, by: object, choice: Choice, *places: int) -> None:
    """A choice about some of the wishes, by their place."""
    chosen = tuple(story.now.scope_items[place].ts for place in places)
    event = {**story.common(), "by": by, "card": "scope:1", "choice": choice, "picks": chosen}
    story.happens(Chose.model_validate(event))


def test_five_hundred_messages_can_be_corrected_and_what_was_passed_on_stays_besides() -> None:
    talk = [Taken(ts=f"{n}.0", by=ASKER, text="Hm", kind=MessageKind.CHATTER) for n in range(500)]
    first = talk[0].model_copy(update={"passed_on": True})
    for kept, whole in ((talk, talk[1:]), ([first, *talk[1:]], [first, *talk[1:]])):
        moves = Moves(reached(State.WORKING).now.model_copy(update={"taken": tuple(kept)}), START)
        scoping.remember(moves, newest := Taken(ts="new", by=ASKER, text="Hm", kind=MessageKind.CHATTER))
        assert moves.now.taken == (*whole, newest)


def test_finishing_first_stops_nothing() -> None:
    story = wished()
    live, epoch = story.now.live, story.now.epoch
    story.chooses(ASKER, "scope:1", Choice.FINISH_FIRST)
    assert (story.now.live, story.now.epoch, story.now.state) == (live, epoch, State.WORKING)
    assert story.now.scope_decided is not None


def test_redefining_halts_keeps_the_commit_and_asks_for_approval_again() -> None:
    story = wished(State.REVIEWING)
    epoch = story.now.epoch
    picks(story, BYSTANDER, Choice.REDEFINE, 0)
    assert story.now.state is State.REVIEWING
    picks(story, ASKER, Choice.REDEFINE, 0)
    assert (story.now.state, story.now.epoch) == (State.SPECIFYING, epoch + 1)
    assert [run.kind for run in story.now.live] == [RunKind.SPECIFY]
    assert story.now.kept_commit == COMMIT
    assert [note.text for note in story.now.notes] == ["Also add trends"]
    assert [item.fate for item in story.now.scope_items] == [WishFate.INCLUDED, WishFate.PROPOSED]
    story.goes_on(until=State.AWAITING_APPROVAL)
    assert [spec.fate for spec in story.now.specs] == [SpecFate.SUPERSEDED, SpecFate.OPEN]
    story.goes_on(until=State.WORKING)
    assert story.now.head == COMMIT


def test_the_record_names_each_message_of_a_batch() -> None:
    story = wished(State.WORKING, "Also add trends")
    other = ToldApart(message="9.9", kind=MessageKind.QUESTION, title="")
    wish = story.now.scope_items[0].ts
    result = Triaged(message=wish, kind=MessageKind.NEW_SCOPE, title="Trends", others=(other,))
    assert [what for _, what, _ in story_runs.told(result, story.now)] == [
        "took “Also add trends” for: new scope (Trends)",
        "took a message for: question",
    ]


def test_an_order_is_applied_to_the_ledger() -> None:
    story = wished()
    picks(story, DANA, Choice.PRIORITISE, 1, 0)
    assert [item.title for item in story.now.scope_items] == ["show cohorts", "add trends"]
    picks(story, DANA, Choice.PRIORITISE, 1, 1)
    assert "once more" in story.told


def test_only_an_approver_passes_words_on() -> None:
    story = wished()
    corrects(story, ASKER, Choice.IS_SPEC)
    assert story.told == "Only an approver can say that it is part of the approved spec."
    corrects(story, DANA, Choice.IS_SPEC)
    assert told_in_thread(story.now)[0] == ["Also show cohorts"]
    assert [item.title for item in story.now.scope_items] == ["add trends"]


def test_an_accepted_wish_starts_once_the_delivery_is_confirmed() -> None:
    story = wished(State.DELIVERED)
    first = story.now.scope_items[0].ts
    corrects(story, ASKER, Choice.START_WISH, first)
    assert not any(isinstance(effect, OpenThread) for effect in story.last.effects)
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    assert [e.wish for e in story.last.effects if isinstance(e, OpenThread)] == [first]
    story.happens(Linked.model_validate({**story.common(), "wish": first, "follow_up": "T1:C1:9.9"}))
    assert story.now.scope_items[0].follow_up == "T1:C1:9.9"
    corrects(story, ASKER, Choice.START_WISH, story.now.scope_items[1].ts)
    assert any(isinstance(effect, OpenThread) for effect in story.last.effects)


@pytest.mark.parametrize("by", [ASKER, DANA])
@pytest.mark.parametrize("choice", [Choice.START_WISH, Choice.DROP_WISH])
def test_after_the_end_a_wish_stays_open_while_its_repository_is_not_configured(
    choice: Choice, by: Person
) -> None:
    story = wished(State.DELIVERED, "Also add trends")
    story.chooses(ASKER, "delivery:1", Choice.CONFIRM)
    before, policy = story.now, story.policy
    story.policy = None
    corrects(story, by, choice)
    assert (story.now, story.last.effects) == (before, ())
    assert story.told.startswith("This request has ended (done).")
    story.policy = policy
    corrects(story, by, choice)
    assert not story.now.scope_items[0].open
    assert story.last.effects


def test_many_messages_at_once_are_read_in_order_and_none_is_lost() -> None:
    story = reached(State.WORKING)
    for number in range(60):
        story.says(f"Also add number {number}")
    assert sum(run.kind is RunKind.TRIAGE for run in story.now.live) == 1
    while story.now.heard:
        waiting = story.now.heard[:20]
        others = tuple(
            ToldApart(message=heard.ts, kind=MessageKind.NEW_SCOPE, title=heard.text) for heard in waiting[1:]
        )
        told(story, MessageKind.NEW_SCOPE, title=waiting[0].text, others=others)
    assert [item.text for item in story.now.scope_items] == [f"Also add number {n}" for n in range(60)]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "How is it going?",
            "how\u2019s it going so far?",
            "status?",
            "Status update please",
            "any progress yet?",
        ),
        *("what's the status?", "what is the status of this?", "how far are you?", "When is it done?"),
        *(
            "where are we?",
            "how long will it take?",
            "are you done yet?",
            "hey, what are you working on now?",
        ),
    ],
)
def test_a_question_about_the_work_is_answered_at_once_and_can_be_corrected(text: str) -> None:
    story = reached(State.WORKING)
    story.says(text, BYSTANDER)
    assert "tasks done" in story.told
    assert not story.now.heard
    assert [(taken.text, taken.kind) for taken in story.now.taken] == [(text, MessageKind.QUESTION)]
    assert ShowCard(card="progress") in story.last.effects
    corrects(story, BYSTANDER, Choice.IS_SCOPE)
    assert [item.text for item in story.now.scope_items] == [text]


@pytest.mark.parametrize(
    "text",
    [
        *("How does it handle null scores?", "Where are the retention cohorts?", "progress bar please"),
        *(
            "what's the status column for?",
            "how is it going, and add a chart",
            "is it ready for weekly scores?",
        ),
    ],
)
def test_a_question_about_anything_else_is_told_apart(text: str) -> None:
    story = reached(State.WORKING)
    story.says(text)
    assert story.told == ""
    assert [heard.text for heard in story.now.heard] == [text]
    assert [run.kind for run in story.now.live].count(RunKind.TRIAGE) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("stop all of it!", "Please halt the work", "Stop rounding the score to integers"),
        "cancel the daily view, use weekly",
    ],
)
def test_an_order_to_stop_something_is_told_apart_and_its_author_learns_how_to_stop(text: str) -> None:
    story = reached(State.WORKING)
    story.says(text)
    assert "the word “stop” alone" in story.told
    assert [heard.text for heard in story.now.heard] == [text]
    told(story, MessageKind.WITHIN_SPEC, criteria=("AC1",))
    assert [taken.text for taken in story.now.taken] == [text]


def test_a_message_that_comes_twice_is_taken_once() -> None:
    story = reached(State.WORKING)
    event = {**story.common(), "by": ASKER, "text": "status?", "ts": "7.0"}
    for _ in range(2):
        story.happens(Said.model_validate(event))
    assert len(story.now.taken) == 1
    assert story.last.effects == ()


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        (MessageKind.QUESTION, State.WORKING, "tasks done"),
        (MessageKind.ANSWER, State.BLOCKED, "Words decide nothing here"),
    ],
)
def test_what_a_batch_is_owed_is_said_once(kind: MessageKind, state: State, words: str) -> None:
    for people, addressed in (
        ((ASKER, ASKER), (ASKER,)),
        ((BYSTANDER, ASKER, BYSTANDER, DANA), (BYSTANDER, ASKER, DANA)),
    ):
        story = reached(state)
        for number, by in enumerate(people):
            story.says(f"What of number {number}?", by)
        others = tuple(ToldApart(message=heard.ts, kind=kind, title="") for heard in story.now.heard[1:])
        told(story, kind, others=others)
        assert len(story.now.posts) == 1
        card = render(story.now, "note:1", Shown(), story.policy)
        assert isinstance(card, NoteCard)
        assert card.to == addressed
        assert words in card.text
        assert len(story.now.taken) == len(people)


def fails(story: Story) -> None:
    """The call that tells messages apart gives up."""
    story.ends(RunKind.TRIAGE, Failed(cause=Cause.MODEL, sentence="No answer that can be used."))


def test_what_a_failed_call_read_is_shown_as_not_told_apart_and_nothing_else_is() -> None:
    story = reached(State.WORKING)
    for number in range(3):
        story.says(f"{CANARY} {number}", BYSTANDER)
    fails(story)  # it had read the first alone
    assert [taken.kind for taken in story.now.taken] == [None]
    assert story.now.scope_items == ()
    story.says(f"{CANARY} 3", BYSTANDER)
    fails(story)  # it had read the two that waited when it began
    assert [taken.text for taken in story.now.taken] == [f"{CANARY} {number}" for number in range(3)]
    assert [heard.text for heard in story.now.heard] == [f"{CANARY} 3"]
    assert [run.kind for run in story.now.live].count(RunKind.TRIAGE) == 1
    told(story, MessageKind.CHATTER)
    assert story.now.taken[-1].kind is MessageKind.CHATTER
    kept_out(story.now)


def test_what_could_not_be_told_apart_is_shown_as_that_and_corrected_by_a_click() -> None:
    story = reached(State.WORKING)
    story.says("Also add trends")
    fails(story)
    assert ShowCard(card="scope:1") in story.last.effects
    card = render(story.now, "scope:1", Shown(), story.policy)
    assert isinstance(card, ScopeCard)
    assert (card.wishes, [line.kind for line in card.taken]) == ((), [TakenFor.UNTOLD])
    corrects(story, ASKER, Choice.IS_SCOPE)
    assert [item.text for item in story.now.scope_items] == ["Also add trends"]
    assert story.now.taken == ()


def test_a_not_yet_that_could_not_be_told_apart_stays_a_proposed_task() -> None:
    story = reached(State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "The docs are missing")
    fails(story)
    assert [item.text for item in story.now.scope_items] == ["The docs are missing"]
    assert "“Not yet” on the delivery tries again" in story.now.posts[-1].text


def test_messages_that_were_being_read_are_read_again_after_a_renewal() -> None:
    story = wished(State.REVIEWING)
    story.says("One more thing")
    story.says("And another")
    picks(story, ASKER, Choice.REDEFINE, 0)
    assert [run.about for run in story.now.live if run.kind is RunKind.TRIAGE] == [story.now.heard[0].ts]
    assert [heard.text for heard in hearing.batch(story.now)] == ["One more thing"]
    told(story, MessageKind.CHATTER)
    assert [heard.text for heard in hearing.batch(story.now)] == ["And another"]


# ---------------------------------------------------------------- corrections


def passed_on(state: State = State.WORKING) -> Story:
    """An approver said of the requester's wish that it is part of the spec."""
    story = wished(state, "Also add trends")
    corrects(story, DANA, Choice.IS_SPEC)
    assert told_in_thread(story.now)[0] == ["Also add trends"]
    return story


@pytest.mark.parametrize("choice", [Choice.IS_TALK, Choice.IS_SCOPE])
@pytest.mark.parametrize("by", [ASKER, BYSTANDER])
def test_only_an_approver_takes_back_what_an_approver_passed_on(choice: Choice, by: Person) -> None:
    story = passed_on()
    before = story.now
    corrects(story, by, choice)
    assert story.now == before
    assert "only an approver takes that back" in story.told
    corrects(story, DANA, choice)
    assert told_in_thread(story.now)[0] == []


@pytest.mark.parametrize(("by", "may"), [(ASKER, True), (DANA, True), (BYSTANDER, True), (STRANGER, False)])
def test_the_requester_an_approver_and_the_author_correct_by_one_click(by: Person, may: bool) -> None:
    story = reached(State.WORKING)
    story.says("Also add trends", BYSTANDER)
    told(story, MessageKind.NEW_SCOPE)
    for choice in (Choice.IS_TALK, Choice.IS_SCOPE):
        before = story.now
        corrects(story, by, choice)
        assert (story.now != before) is may
        assert ("changed nothing" in story.told) is not may


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.WORKING, ""),
        (State.REVIEWING, "If another round comes"),
        (State.DELIVERING, "If another round comes"),
        (State.DELIVERED, "“Not yet” on the delivery starts another round"),
    ],
)
def test_the_approver_learns_whether_anybody_is_told(state: State, said: str) -> None:
    story = passed_on(state)
    assert said in story.told
    assert bool(said) is bool(story.told)


def test_what_was_passed_on_stays_however_much_is_said_later() -> None:
    story = passed_on()
    for _ in range(scoping.TAKEN + 10):
        story.says("status?")
    assert told_in_thread(story.now)[0] == ["Also add trends"]
    assert len(story.now.taken) == scoping.TAKEN + 1


@pytest.mark.parametrize(
    "title", ["Wish (ETA 2 weeks)", "Trends, 2 h", "Trends by Friday", "Trends, end of month", "Trends in Q3"]
)
def test_an_estimate_in_a_title_or_a_need_is_nobodys(title: str) -> None:
    story = reached(State.WORKING)
    story.says("Also add trends")
    told(story, MessageKind.NEW_SCOPE, title=title, needs=(title, "access to billing data"))
    (item,) = story.now.scope_items
    assert (item.title, item.needs) == ("Also add trends", ("access to billing data",))


@pytest.mark.parametrize("kind", [MessageKind.WITHIN_SPEC, MessageKind.QUESTION, MessageKind.CHATTER])
@pytest.mark.parametrize("named", [("AC1",), ("AC99",), ()])
@pytest.mark.parametrize("by", [ASKER, DANA])
def test_not_yet_hands_on_the_words_of_approvers_only(
    by: Person, named: tuple[str, ...], kind: MessageKind
) -> None:
    story = reached(State.DELIVERED)
    story.chooses(by, "delivery:1", Choice.NOT_YET, "Predict churn as well")
    story.ends(RunKind.TRIAGE, Triaged(message="", kind=kind, title="Churn", criteria=named))
    works = story.now.state is State.WORKING
    fix = story.now.tasks[-1].objective if works else ""
    words, pointed_at = told_in_thread(story.now)
    assert words == []
    if by == DANA:
        assert works is (kind is not MessageKind.CHATTER)
        assert fix == ("Predict churn as well" if works else "")
    else:
        assert works is (kind is MessageKind.WITHIN_SPEC and named == ("AC1",))
        assert fix == ""
        assert pointed_at == (["AC1"] if works else [])
    assert [item.title for item in story.now.scope_items] == ([] if works else ["Churn"])
