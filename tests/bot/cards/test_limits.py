"""Every card stays within Slack's limits and lets nothing untrusted become markup, whatever it holds."""

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.cards import blocks
from bot.cards.modals import detail_modal, text_modal
from bot.cards.page import MAX_CHARACTERS, characters
from bot.cards.presses import ChooseInWords, InWords, unpacked
from bot.playground.slack.limits import Surface, view_violations, violations
from engine.cards import (
    ApprovalWait,
    Card,
    CriterionLine,
    DeliveryCard,
    Detail,
    EscalationCard,
    FailedCheckLine,
    Failure,
    FeedbackCard,
    FindingsCard,
    FollowUpCard,
    FoundLine,
    FoundReport,
    NoteCard,
    OfferLine,
    OptionLine,
    ProgressCard,
    PushCard,
    QuestionItem,
    QuestionsCard,
    Reading,
    RemarkLine,
    ReviewCard,
    ScopeCard,
    SectionDiff,
    SpecCard,
    SpecSection,
    Step,
    StepStatus,
    TakenFor,
    TakenLine,
    Trust,
    WishLine,
)
from engine.events import Choice
from engine.people import Person

REQUEST = "T0LOCAL:C0DATA:1764000000.000100"
NASTY = (
    "<!channel>",
    "<@U0DANA>",
    "<http://evil.example|ok>",
    "&amp;<>",
    "*b* _i_ ~s~ `c`",
    "```\nx\n```",
    "\u202eabc",
    "\u200b",
    "\x00\x07",
    "> quote",
    "",
    " ",
    "😀" * 40,
    "&" * 700,
    "\n" * 90,
)
long = st.text(min_size=1, max_size=12).map(lambda text: text * (4000 // len(text)))
words = st.one_of(st.sampled_from(NASTY), st.text(max_size=30), long)
short = st.one_of(st.sampled_from(NASTY), st.text(max_size=20), long)
people = st.builds(
    Person, team=st.just("T0LOCAL"), user=st.sampled_from(["U0RILEY", "W012", "U0>|<!here", "x" * 99, ""])
)
flags = st.booleans()
numbers = st.integers(min_value=0, max_value=99)


def many(of: st.SearchStrategy[Any], most: int = 10) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


common = {"request": st.just(REQUEST)}
stamps = st.sampled_from(["1764000000.000100", "view:V0:1764000000.abc"])
taken = st.builds(
    TakenLine,
    ts=stamps,
    by=people,
    text=words,
    kind=st.sampled_from(TakenFor),
    outcome=words,
    confirmed=flags,
)
progress = st.builds(
    ProgressCard,
    **common,
    key=st.just("progress"),
    title=words,
    state=short,
    headline=words,
    steps=many(st.builds(Step, name=short, status=st.sampled_from(StepStatus), detail=words)),
    activity=many(words, 8),
    waiting_for=many(people, 12),
    kept=many(words),
    talk=many(taken, 6),
    can_stop=flags,
    repository=words,
    movable=flags,
)
options = st.builds(OptionLine, label=short, description=words, recommended=flags)
items = st.builds(
    QuestionItem,
    index=numbers,
    header=short,
    text=words,
    multi=flags,
    options=st.one_of(many(options, 8), many(options, 100)),
    chosen=many(short, 3),
    answer=words,
    answered_by=st.none() | people,
    assumed=flags,
    can_find_out=flags,
    finding_out=flags,
    in_words=flags,
)
questions = st.builds(
    QuestionsCard,
    **common,
    key=st.just("questions:1"),
    title=words,
    round=numbers,
    rounds=numbers,
    readings=many(st.builds(Reading, reading=words, risk=words), 8),
    items=st.lists(items, max_size=9, unique_by=lambda item: item.index).map(tuple),
    submitted_by=st.none() | people,
    open=flags,
)
found = st.builds(
    FoundReport,
    agent=short,
    summary=words,
    lines=many(
        st.builds(FoundLine, text=words, cites=many(words, 3), trust=st.sampled_from(Trust), why=words)
    ),
)
findings = st.builds(
    FindingsCard,
    **common,
    key=st.just("findings:1"),
    title=words,
    number=numbers,
    reports=many(found),
    recommendations=many(words),
    contradictions=many(words),
    missing=many(words),
)
specs = st.builds(
    SpecCard,
    **common,
    key=st.just("spec:2"),
    title=words,
    version=numbers,
    hash=short,
    sections=many(st.builds(SpecSection, name=short, lines=many(words), whole=flags), 12),
    because=words,
    diff=many(st.builds(SectionDiff, name=short, removed=many(words, 5), added=many(words, 5)), 10),
    wait=st.builds(ApprovalWait, named=many(people, 12), have=many(people, 12), need=numbers),
    fate=st.sampled_from(["open", "open", "approved", "superseded", "rejected"]) | short,
    decided_by=st.none() | people,
)
failures = st.builds(
    Failure, title=words, severity=short, source=words, expected=words, actual=words, fix=words
)
reviews = st.builds(
    ReviewCard,
    **common,
    key=st.just("review:1"),
    title=words,
    round=numbers,
    rounds=numbers,
    commit=short,
    gate=st.sampled_from(["PASS", "FIX", "BLOCKED", "ESCALATE"]) | short,
    passed=many(words),
    failed=many(failures),
    unsettled=many(words),
    minor=many(words),
    next_steps=many(words),
)
pushes = st.builds(
    PushCard,
    **common,
    key=st.just("push:1"),
    title=words,
    commit=words,
    branch=words,
    guarded=many(words, 40),
    workflows=many(words, 40),
    diff=words,
    whole=flags,
    text=words,
    wait=st.builds(ApprovalWait, named=many(people, 30), have=many(people, 30), need=st.integers(0, 9)),
    fate=st.sampled_from(["open", "open", "approved", "changed", "closed"]) | short,
    decided_by=st.none() | people,
)
escalations = st.builds(
    EscalationCard,
    **common,
    key=st.just("escalation:1"),
    title=words,
    heading=words,
    situation=words,
    attempts=many(words),
    offers=many(
        st.builds(
            OfferLine,
            choice=st.sampled_from([*map(str, Choice)]) | short,
            label=words,
            tradeoff=words,
            asks=words,
            recommended=flags,
        )
    ),
    recommendation=words,
    asked=many(people, 12),
    decided_by=st.none() | people,
    decision=words,
    open=flags,
)
deliveries = st.builds(
    DeliveryCard,
    **common,
    key=st.just("delivery:1"),
    title=words,
    number=numbers,
    url=st.sampled_from(["https://github.com/a/b/pull/1", "javascript:alert(1)", "http://a|b>c"]) | short,
    branch=words,
    commit=short,
    criteria=many(st.builds(CriterionLine, id=short, text=words, status=short, evidence=words), 20),
    minor=many(words),
    unverified=many(words),
    kept=many(words),
    cost_usd=st.floats(0, 9),
    tokens=st.integers(0, 10**9),
    unset=many(words),
    requester=people,
    confirmed_by=st.none() | people,
    superseded=flags,
    standing=words,
)
remarks = st.builds(RemarkLine, who=words, place=words, text=words, taken=words)
failed_checks = st.builds(
    FailedCheckLine,
    name=words,
    url=st.sampled_from(["", "https://github.com/a/b/pull/1", "javascript:alert(1)", "http://a|b>c"]) | short,
    summary=words,
    passed=flags,
)
feedback = st.builds(
    FeedbackCard,
    **common,
    key=st.just("feedback:1"),
    title=words,
    number=numbers,
    commit=short,
    remarks=many(remarks),
    checks=many(failed_checks),
    offers=many(
        st.builds(
            OfferLine,
            choice=st.sampled_from([Choice.FIX, Choice.KEEP_AS_TASK]).map(str) | short,
            label=words,
            tradeoff=words,
        )
    ),
    decided_by=st.none() | people,
    outcome=words,
)
wishes = st.builds(
    WishLine,
    number=numbers,
    ts=stamps,
    title=words,
    text=words,
    by=people,
    scope=words,
    after=words,
    fate=st.sampled_from(["proposed", "included", "accepted", "started", "dropped"]),
    outcome=words,
    decided_by=st.none() | people,
    fixed=flags,
)
ways = st.builds(
    OfferLine,
    choice=st.sampled_from([Choice.FINISH_FIRST, Choice.REDEFINE, Choice.PRIORITISE]).map(str),
    label=words,
    tradeoff=words,
    recommended=flags,
)
scopes = st.builds(
    ScopeCard,
    **common,
    key=st.just("scope:1"),
    title=words,
    files=words,
    wishes=many(wishes, 40),
    taken=many(taken, 14),
    offers=st.lists(ways, max_size=3, unique_by=lambda way: way.choice).map(tuple),
    startable=flags,
    open=flags,
    decided_by=st.none() | people,
    decision=words,
)
follow_ups = st.builds(
    FollowUpCard, **common, key=st.just("follow_up"), text=words, follows=words, asked_by=people
)
notes = st.builds(NoteCard, **common, key=st.just("note:1"), text=words, to=many(people, 30))

CARDS: dict[type[BaseModel], st.SearchStrategy[Any]] = {
    ProgressCard: progress,
    QuestionsCard: questions,
    FindingsCard: findings,
    SpecCard: specs,
    ReviewCard: reviews,
    EscalationCard: escalations,
    PushCard: pushes,
    DeliveryCard: deliveries,
    FeedbackCard: feedback,
    ScopeCard: scopes,
    FollowUpCard: follow_ups,
    NoteCard: notes,
}
MARKUP = re.compile(r"<(?!@[UW][A-Z0-9]+>|https://github\.com/a/b/pull/1\|)")
HIDDEN = re.compile("[\u0000-\u0008\u000b-\u001f\u200b-\u200f\u202a-\u202e\u2060-\u206f]")


def texts(value: Any, kind: str) -> list[str]:
    """All text objects of a kind."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item, kind)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if value.get("type") == kind and isinstance(value.get("text"), str) else []
    return own + [text for item in value.values() for text in texts(item, kind)]


def values(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in values(item)]
    if not isinstance(value, dict):
        return []
    own = [value["value"]] if value.get("type") == "button" else []
    return own + [found for item in value.values() for found in values(item)]


def test_every_kind_of_card_is_tried() -> None:
    kinds = get_args(get_args(Card)[0])
    assert set(kinds) == set(CARDS)


@pytest.mark.parametrize("kind", CARDS, ids=lambda kind: kind.__name__)
def test_any_card_fits_and_holds_only_our_markup(kind: type[BaseModel]) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(CARDS[kind])
    def holds(card: Any) -> None:
        message = blocks(card)
        assert violations(message.blocks, Surface.MESSAGE) == []
        assert message.blocks
        assert characters(message.blocks) <= MAX_CHARACTERS
        assert 0 < len(message.text) < 4000
        for text in [*texts(message.blocks, "mrkdwn"), message.text]:
            assert not MARKUP.search(text), text
            assert not re.search(r"&(?!amp;|lt;|gt;)", text), text
        for text in [*texts(message.blocks, "mrkdwn"), *texts(message.blocks, "plain_text"), message.text]:
            assert text.strip()
            assert not HIDDEN.search(text), text
        assert all(unpacked(value) is not None for value in values(message.blocks))

    holds()


@settings(max_examples=60, deadline=None)
@given(text=st.one_of(words, st.text(min_size=1).map(lambda text: text * 3000)), title=words)
def test_any_detail_fits_a_modal(text: str, title: str) -> None:
    view = detail_modal(Detail(title=title, text=text[:400_000]))
    assert view_violations(view) == []
    assert len(json.dumps(view, ensure_ascii=False).encode()) < 250_000


@given(ask=words, optional=flags)
def test_any_question_for_words_fits_a_modal(ask: str, optional: bool) -> None:
    press = ChooseInWords(
        request=REQUEST, card="escalation:1", choice=Choice.TELL_MORE, ask=ask[:150], optional=optional
    )
    assert view_violations(text_modal(InWords(press=press, channel="C0DATA", thread_ts=None))) == []
