"""The card of a push: what may not be cut stands on it, and what cannot be shown cannot be approved."""

from bot.cards import blocks
from bot.cards.presses import Choose, unpacked
from engine.cards import ApprovalWait, PushCard
from engine.events import Choice
from engine.people import Person
from tests.bot.cards.test_limits import REQUEST, texts, values

DANA = Person(team="T0LOCAL", user="U0DANA")
CARD = PushCard(
    request=REQUEST,
    key="push:1",
    title="A greeting",
    commit="c" * 40,
    branch="greenlight/greeting-012345",
    guarded=(".github/workflows/ci.yml: what runs after a push",),
    workflows=(".github/workflows/release.yml (on push): it uses secrets",),
    diff="+on: push\n+\u202eevil\n",
    whole=True,
    text="all",
    wait=ApprovalWait(named=(DANA,), have=(), need=1),
)


def choices(card: PushCard) -> set[Choice]:
    presses = [unpacked(value) for value in values(blocks(card).blocks)]
    return {press.choice for press in presses if press is not None and hasattr(press, "choice")}


def shown(card: PushCard) -> str:
    message = blocks(card).blocks
    return "\n".join([*texts(message, "mrkdwn"), *texts(message, "plain_text")])


def test_it_names_what_changes_and_runs_with_the_diff() -> None:
    text = shown(CARD)
    for words in (
        *(
            "c" * 40,
            "greenlight/greeting-012345",
            ".github/workflows/ci.yml",
            "release.yml",
            "it uses secrets",
        ),
        *("+on: push", "⟨U+202E⟩evil", "<@U0DANA>, 0 of 1"),
    ):
        assert words in text
    assert choices(CARD) == {Choice.APPROVE_PUSH, Choice.FIX, Choice.STOP}
    (approve,) = [
        press
        for value in values(blocks(CARD).blocks)
        if isinstance(press := unpacked(value), Choose) and press.choice is Choice.APPROVE_PUSH
    ]
    assert approve.item == CARD.commit


def test_every_listed_path_stands_on_it_or_nobody_can_approve() -> None:
    some = CARD.model_copy(update={"guarded": tuple(f"sub{n}/CLAUDE.md: told" for n in range(90))})
    assert Choice.APPROVE_PUSH in choices(some)
    assert all(f"sub{n}/CLAUDE.md" in shown(some) for n in range(90))
    many = CARD.model_copy(update={"guarded": tuple(f"{'x' * 300}{n}/CLAUDE.md" for n in range(90))})
    assert Choice.APPROVE_PUSH not in choices(many)
    assert "too much to be shown whole" in shown(many)


def test_what_cannot_be_shown_whole_cannot_be_approved() -> None:
    for card in (
        CARD.model_copy(update={"whole": False}),
        CARD.model_copy(update={"text": "line\n" * 90_000}),
    ):
        assert choices(card) == {Choice.FIX, Choice.STOP}


def test_workflows_alone_leave_nothing_to_change() -> None:
    assert choices(CARD.model_copy(update={"guarded": (), "diff": ""})) == {Choice.APPROVE_PUSH, Choice.STOP}


def test_a_decided_card_has_no_buttons_but_the_whole() -> None:
    for fate in ("approved", "changed", "closed"):
        assert choices(CARD.model_copy(update={"fate": fate})) == set()
