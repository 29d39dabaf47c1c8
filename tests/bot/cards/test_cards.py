"""What people read on the cards, and what they can do there."""

from typing import Any

import pytest

from bot.cards import blocks
from bot.cards.modals import detail_modal, fits_modal
from bot.cards.presses import ApproveSpec, Choose, ChooseInWords, Press, SubmitRound, unpacked
from bot.cards.spec import as_text
from engine.cards import (
    ApprovalWait,
    Card,
    CriterionLine,
    DeliveryCard,
    Detail,
    EscalationCard,
    NoteCard,
    OfferLine,
    OptionLine,
    ProgressCard,
    QuestionItem,
    QuestionsCard,
    Reading,
    SectionDiff,
    SpecCard,
    SpecSection,
    Step,
    StepStatus,
)
from engine.events import Choice
from engine.people import Person
from engine.plans import AgentKind, validate
from engine.present import Shown, detail, render
from engine.present.spec import spec_text
from engine.request import SpecVersion, State
from engine.schemas import Plan
from tests.engine.specs import changed, task
from tests.engine.stories import Story, reached
from tests.engine.strategies import CANDIDATES, POLICY

REQUEST = "T0LOCAL:C0DATA:1764000000.000100"
RILEY = Person(team="T0LOCAL", user="U0RILEY")
DANA = Person(team="T0LOCAL", user="U0DANA")
WRITER = {"writer": AgentKind(writes=True, reviews=False)}


def read(card: Card) -> str:
    """Everything a person reads, in order."""
    return "\n".join(_texts(blocks(card).blocks))


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + [text for key, item in value.items() if key != "confirm" for text in _texts(item)]


def elements(card: Card) -> dict[str, dict[str, Any]]:
    """Buttons and menus by what they say."""
    found = {}
    for block in blocks(card).blocks:
        for element in [*block.get("elements", []), block.get("accessory")]:
            if element and "action_id" in element:
                found[(element.get("text") or element["placeholder"])["text"]] = element
    return found


def press(card: Card, label: str) -> Press | None:
    return unpacked(elements(card)[label]["value"])


def spec(**changes: Any) -> SpecCard:
    card = SpecCard(
        request=REQUEST,
        key="spec:2",
        title="Resolution time",
        version=2,
        hash="ab" * 32,
        sections=(
            SpecSection(name="Problem", lines=("Nobody sees it.",)),
            SpecSection(name="Files that may change", lines=("src/a_b.sql", "docs/*x*.md"), whole=True),
        ),
        because="Also by week",
        diff=(SectionDiff(name="In scope", removed=("By day",), added=("By week",)),),
        wait=ApprovalWait(named=(DANA,), have=(), need=1),
    )
    return card.model_copy(update=changes)


def test_progress_says_where_it_stands_who_is_waited_for_and_what_it_cost() -> None:
    card = ProgressCard(
        request=REQUEST,
        key="progress",
        title="Resolution time",
        state="awaiting_approval",
        headline="The spec waits for approval.",
        steps=(
            Step(name="Ask", status=StepStatus.DONE, detail="5 answered"),
            Step(name="Agree", status=StepStatus.WAITING),
            Step(name="Work", status=StepStatus.PENDING),
        ),
        waiting_for=(DANA,),
        kept=("Weekly view",),
        spent_usd=0.1234,
        cap_usd=5,
        spent_tokens=30_960,
    )
    text = read(card)
    for part in (
        "✅ *Ask* — 5 answered",
        "✋ *Agree*",
        "▫️ *Work*",
        "Waiting for <@U0DANA>",
        "$0.12 of $5.00 · 31k tokens · 0 min worked",
    ):
        assert part in text
    assert "Kept for later: Weekly view" in text
    free = card.model_copy(update={"spent_usd": 0.0, "cap_tokens": 400_000})
    assert "$0.00 of $5.00 · 31k of 400k tokens" in read(free)
    timed = card.model_copy(update={"worked_minutes": 12.9, "cap_minutes": 60.0})
    assert "31k tokens · 12 of 60 min worked" in read(timed), "begun minutes are not over"
    assert elements(card)["Stop"]["confirm"]["confirm"]["text"] == "Stop"
    assert "Stop" not in elements(card.model_copy(update={"can_stop": False}))


def questions(**changes: Any) -> QuestionsCard:
    options = (
        OptionLine(label="All conversations", description="Comparable", recommended=True),
        OptionLine(label="Closed ones", description="Smaller"),
    )
    items = (
        QuestionItem(
            index=0,
            header="Scope",
            text="Which ones?",
            multi=False,
            options=options,
            chosen=("All conversations",),
            answer="All conversations",
            answered_by=RILEY,
        ),
        QuestionItem(index=1, header="Rules", text="Which rules?", multi=True, options=options),
        QuestionItem(
            index=2,
            header="Grain",
            text="Per?",
            multi=False,
            options=options,
            answer="You decide",
            assumed=True,
        ),
    )
    card = QuestionsCard(
        request=REQUEST,
        key="questions:1",
        title="Resolution time",
        round=1,
        rounds=2,
        readings=(Reading(reading="Last close", risk="Longer averages"),),
        items=items,
    )
    return card.model_copy(update=changes)


def test_questions_show_trade_offs_beside_options_and_what_was_understood() -> None:
    card = questions()
    text = read(card)
    assert text.index("Last close") < text.index("Which ones?")
    assert "Comparable _(recommended)_" in text
    assert "<@U0RILEY>: All conversations" in text
    assert "numbered list" in text
    assert elements(card)["✓ All conversations"]["style"] == "primary"
    assert isinstance(press(card, "Submit (2 of 3 answered)"), SubmitRound)
    menu = elements(card)["Choose one or more"]
    assert [option["value"] for option in menu["options"]] == ["All conversations", "Closed ones"]
    assert "initial_options" not in menu


def which(*names: str, chosen: str = "") -> QuestionsCard:
    """The program's question for the repository."""
    item = QuestionItem(
        index=0,
        header="Repository",
        text="Which repository is this about?",
        multi=False,
        options=tuple(OptionLine(label=name, description=f"The {name}") for name in names),
        chosen=(chosen,) if chosen else (),
        decidable=False,
        in_words=False,
    )
    return questions(items=(item,), readings=())


def test_up_to_four_repositories_are_buttons_and_nothing_else_is_offered() -> None:
    card = which("data", "web", "billing", "ops", chosen="web")
    assert list(elements(card)) == ["data", "✓ web", "billing", "ops", "Submit (0 of 1 answered)"]
    assert "The billing" in read(card)
    assert "numbered list" not in read(card)
    assert "Round" not in read(card)


def test_more_repositories_are_a_menu() -> None:
    names = [f"repository-{number}" for number in range(100)]
    card = which(*names, chosen="repository-7")
    menu = elements(card)["Choose one"]
    assert [option["value"] for option in menu["options"]] == names
    assert menu["options"][3]["text"]["text"] == "repository-3: The repository-3"
    assert menu["initial_option"]["value"] == "repository-7"
    assert "initial_option" not in elements(which(*names))["Choose one"]


def test_cards_name_the_repository_where_there_are_several() -> None:
    for candidates, named in ((CANDIDATES, True), (CANDIDATES[:1], False)):
        story = Story(candidates=candidates).opened("Add a metric to data")
        story.goes_on(until=State.AWAITING_APPROVAL)
        early = {key: render(story.now, key, Shown(), POLICY) for key in ("progress", "spec:1")}
        assert early["progress"] is not None
        button = elements(early["progress"]).get("Other repository…")
        assert (button is not None) == named
        if button:
            other = unpacked(button["value"])
            assert isinstance(other, Choose)
            assert (other.choice, "confirm" in button) == (Choice.OTHER_REPOSITORY, True)
        late = story.goes_on(until=State.DELIVERED).now
        delivered = {key: render(late, key, Shown(), POLICY) for key in ("progress", "delivery:1")}
        for key, card in (*early.items(), *delivered.items()):
            assert card is not None
            text = "of *data*" if key == "delivery:1" else "Repository: data (named in the request)"
            assert (text in read(card)) == named
        assert delivered["progress"] is not None
        assert "Other repository…" not in elements(delivered["progress"])


def test_a_submitted_round_collapses_to_who_answered_what() -> None:
    card = questions(submitted_by=DANA, open=False)
    assert elements(card) == {}
    assert "1. *Scope*: All conversations (<@U0RILEY>)" in read(card)
    assert "2. *Rules*: not answered" in read(card)
    assert "Submitted by <@U0DANA>" in read(card)
    assert len(blocks(card).blocks) == 5


def test_a_spec_shows_its_difference_whom_it_waits_for_and_what_can_be_done() -> None:
    text = read(spec())
    for part in ("~By day~", "*By week*", "Waiting for <@U0DANA>, 0 of 1", "Also by week"):
        assert part in text
    assert "```\nsrc/a_b.sql\ndocs/*x*.md\n```" in text
    approve = press(spec(), "Approve")
    assert isinstance(approve, ApproveSpec)
    assert (approve.version, approve.hash) == (2, "ab" * 32)
    assert "confirm" in elements(spec())["Approve"]
    change, reject = press(spec(), "Say what to change…"), press(spec(), "Reject…")
    assert isinstance(change, ChooseInWords)
    assert not change.optional
    assert isinstance(reject, ChooseInWords)
    assert reject.optional


def test_files_stand_in_full_even_if_the_rest_has_to_be_cut() -> None:
    paths = tuple(f"src/a_long_directory_name/{number:03}/" + "x" * 200 + ".sql" for number in range(20))
    long = SpecSection(name="Approach", lines=("word " * 200,) * 12)
    card = spec(sections=(long, long, long, long, SpecSection(name="Files", lines=paths, whole=True)))
    text = read(card)
    assert all(path in text for path in paths)
    assert "Approve" in elements(card)
    assert "Show all" in elements(card)


def test_what_does_not_fit_in_full_cannot_be_approved() -> None:
    paths = tuple(f"src/{number:03}/" + "x" * 230 for number in range(60))
    card = spec(sections=(SpecSection(name="Files", lines=paths, whole=True),))
    assert "Approve" not in elements(card)
    assert "cannot be approved here" in read(card)
    assert "Say what to change…" in elements(card)


@pytest.mark.parametrize(
    "lines",
    [("word " * 1000,) * 60, ("語" * 1000,) * 70, ("a" * 100, "b" * 2890) * 50, ("\u202e" * 300,) * 90],
    ids=["long", "bytes", "blocks", "made visible"],
)
def test_what_is_cut_even_behind_show_all_cannot_be_approved(lines: tuple[str, ...]) -> None:
    plan = SpecSection(name="Plan", lines=lines)
    card = spec(sections=(plan, SpecSection(name="Files", lines=("src/a.sql",), whole=True)))
    assert "Approve" not in elements(card)
    assert "too long to be shown whole" in read(card)
    assert "src/a.sql" in read(card)
    assert "The rest is too long" in str(detail_modal(Detail(title="Spec", text=as_text(card))))
    few = plan.model_copy(update={"lines": lines[:10]})
    assert "Approve" in elements(card.model_copy(update={"sections": (few, *card.sections[1:])}))


def longest(char: str, objective: str) -> SpecVersion:
    """As much as a specification and a plan may hold, all in one script."""
    line = char * 300
    lists = ("approach", "upstream", "downstream", "data_quality", "in_scope", "out_of_scope", "assumptions")
    fields = dict.fromkeys(lists, (line,) * 12)
    success = ({"text": line, "criteria": tuple(f"AC{n}" for n in range(1, 13))},) * 12
    criteria = tuple(
        {"id": f"AC{n}", "text": line, "settled_by": "check", "check": "tests"} for n in range(1, 13)
    )
    files = tuple(f"{number:02}{char * 238}" for number in range(20))
    whole = {"problem": char * 3000, "success_criteria": success, "criteria": criteria, "artifacts": files}
    tasks = [task(f"t{n}", *([f"t{n - 1}"] if n > 1 else []), objective=objective) for n in range(1, 21)]
    most = next(n for n in range(20, 0, -1) if validate(Plan(tasks=tuple(tasks[:n])), WRITER, 20) == ())
    draft = changed(title=char * 80, **fields | whole)
    plan = Plan(tasks=tuple(tasks[:most]))
    return SpecVersion(number=1, base_commit="0" * 40, branch="b" * 50, draft=draft, plan=plan, hash="0" * 64)


@pytest.mark.parametrize("char", ["a", "é", "語"])
@pytest.mark.parametrize("shape", ["{0}", "{1}\n{2}", "{1}"])
def test_the_longest_spec_with_the_longest_plan_stands_whole_behind_show_all(char: str, shape: str) -> None:
    text = spec_text(longest(char, shape.format(char * 3000, char * 900, char * 2000)))
    assert fits_modal(text)
    assert "The rest is too long" not in str(detail_modal(Detail(title="Spec", text=text)))


def test_what_the_card_takes_for_its_whole_text_is_what_is_shown() -> None:
    story = reached(State.AWAITING_APPROVAL)
    card = render(story.now, "spec:1", Shown(), story.policy)
    whole = detail(story.now, "spec:1")
    assert isinstance(card, SpecCard)
    assert whole is not None
    named = ("; fails today", "; passes today: guards against regressions only")
    text = as_text(card)
    for words in named:
        text = text.replace(words, "")
    assert text == whole.text


def test_hidden_characters_of_a_spec_are_shown() -> None:
    card = spec(sections=(SpecSection(name="Files", lines=("src/a\u202e.sql", "b\u200b`"), whole=True),))
    assert "src/a⟨U+202E⟩.sql" in read(card)
    assert "b⟨U+200B⟩" in read(card)


def test_a_decided_spec_collapses_to_who_decided() -> None:
    wait = ApprovalWait(named=(DANA,), have=(DANA,), need=1)
    card = spec(fate="approved", wait=wait)
    assert "was approved by <@U0DANA>" in read(card)
    assert set(elements(card)) == {"Show spec"}
    assert "was rejected by <@U0DANA>" in read(spec(fate="rejected", decided_by=DANA))
    replaced = read(spec(fate="superseded", decided_by=RILEY, wait=wait))
    assert "approved by <@U0DANA>, was replaced by a newer one" in replaced


@pytest.mark.parametrize("choice", [Choice.FIX, Choice.ANOTHER_ROUND, Choice.RETRY, Choice.TELL_MORE])
def test_advice_may_stay_empty_for_requesters_may_choose_but_not_advise(choice: Choice) -> None:
    offer = OfferLine(choice=choice.value, label="Go on", tradeoff="It goes on.", asks="Advice")
    chosen = press(escalation(offers=(offer,)), "Go on…")
    assert isinstance(chosen, ChooseInWords)
    assert chosen.optional is (choice is not Choice.TELL_MORE)


def escalation(**changes: Any) -> EscalationCard:
    card = EscalationCard(
        request=REQUEST,
        key="escalation:1",
        title="Resolution time",
        heading="Not fixed after all rounds",
        situation="The entry is missing.",
        attempts=("Round 1",),
        offers=(
            OfferLine(choice="another_round", label="One more round", tradeoff="$0.05"),
            OfferLine(choice="fix", label="Say how", tradeoff="Your words", asks="How?", recommended=True),
            OfferLine(choice="stop", label="Stop here", tradeoff="Nothing more"),
        ),
        recommendation="Say how",
        asked=(RILEY,),
    )
    return card.model_copy(update=changes)


def test_an_escalation_offers_options_with_their_price() -> None:
    card = escalation()
    assert press(card, "One more round") == Choose(
        request=REQUEST, card="escalation:1", choice=Choice.ANOTHER_ROUND
    )
    words = press(card, "Say how…")
    assert isinstance(words, ChooseInWords)
    assert words.ask == "How? (may stay empty)"
    assert elements(card)["Say how…"]["style"] == "primary"
    assert "confirm" in elements(card)["Stop here"]
    decided = escalation(decided_by=DANA, decision="One more round", open=False)
    assert elements(decided) == {}
    assert "<@U0DANA> decided: One more round" in read(decided)


def test_a_delivery_never_calls_passed_what_was_not_checked() -> None:
    card = DeliveryCard(
        request=REQUEST,
        key="delivery:1",
        title="Resolution time",
        number=7,
        url="https://forge.example/pulls/7",
        branch="greenlight/x",
        commit="c" * 40,
        criteria=(
            CriterionLine(id="AC1", text="Exists", status="passed", evidence="a.sql"),
            CriterionLine(id="AC2", text="Tests", status="regression only", evidence="green before too"),
            CriterionLine(id="AC3", text="Fast", status="attestation pending", evidence="Dana, by Friday"),
            CriterionLine(id="AC4", text="Odd", status="not checked", evidence="no result"),
            CriterionLine(id="AC5", text="New word", status="sparkling", evidence=""),
            CriterionLine(id="AC6", text="Runs", status="attested", evidence="said that it held", by=RILEY),
        ),
        minor=(),
        unverified=("agent: I ran the tests (no receipt)",),
        kept=(),
        cost_usd=0.17,
        tokens=1_234_567,
        requester=RILEY,
    )
    text = read(card)
    assert text.count("✅") == 1
    for part in (
        "<https://forge.example/pulls/7|Pull request #7>",
        "`greenlight/x`",
        "`cccccccccc`",
        "Cost $0.17 · 1.2M tokens",
    ):
        assert part in text
    assert "_attested_: <@U0RILEY> said that it held" in text
    assert "Not set" not in text
    unset = ("labels bot: GitHub says <!channel> *no*", "reviewer @ann: " + "x" * 2000)
    missing = read(card.model_copy(update={"unset": unset}))
    assert "⚠️ Not set at the forge: labels bot: GitHub says" in missing
    assert "<!channel>" not in missing
    assert "x" * 1000 not in missing
    assert "Claimed, but not verified" in text
    assert press(card, "Confirm: done") == Choose(request=REQUEST, card="delivery:1", choice=Choice.CONFIRM)
    assert isinstance(press(card, "Not yet…"), ChooseInWords)
    confirmed = card.model_copy(update={"confirmed_by": RILEY})
    assert set(elements(confirmed)) == {"Show evidence"}
    assert "<@U0RILEY> confirmed" in read(confirmed)


@pytest.mark.parametrize(
    ("number", "begins"),
    [(0, "So it"), (1, "<@U1> So it"), (3, "<@U1> <@U2> <@U3> So it"), (22, "<@U20> and 2 more: So it")],
)
def test_a_note_mentions_everyone_it_is_for_up_to_a_number(number: int, begins: str) -> None:
    people = tuple(Person(team="T1", user=f"U{n}") for n in range(1, number + 1))
    card = NoteCard(request="T1:C1:1.0", key="note:1", text="So it stands.", to=people)
    message = blocks(card)
    assert f"{begins} stands." in message.text
    assert f"{begins} stands." in read(card)
    assert message.text.count("<@") == min(number, 20)
