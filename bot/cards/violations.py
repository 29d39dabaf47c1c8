"""Findings of reviewers on a card: what, where, expected, actual, fix; struck through once withdrawn."""

from bot.cards.page import Block, Page, Rank, button, section
from bot.cards.presses import ChooseInWords
from bot.cards.text import bold, code, line, mention, struck
from engine.cards import ViolationLine
from engine.events import Choice

ASK = "Why does this finding not hold?"
_MARKS = {"critical": "⛔", "major": "✗", "minor": "·"}


def violation(page: Page, found: ViolationLine, card: str) -> Block:
    """One finding, with its dispute button where the card takes disputes."""
    text = _withdrawn(page, found) if found.withdrawn else _standing(page, found)
    if found.disputed_by is not None:
        text += (
            f"\n   Disputed by {mention(found.disputed_by)}: {page.words(found.reason, 200, line)}"
            f"\n   {page.words(found.outcome, 400, line)}"
        )
    if not found.disputable:
        return section(text)
    press = ChooseInWords(
        request=page.request, card=card, choice=Choice.DISPUTE, ask=f"{found.id}: {ASK}", item=found.id
    )
    return section(text, button(f"dispute:{found.id}", "Dispute…", press))


def rank_of(found: ViolationLine) -> Rank:
    """What a card may leave out first."""
    return Rank.EXTRA if found.severity == "minor" else Rank.MAIN


def _standing(page: Page, found: ViolationLine) -> str:
    mark = _MARKS.get(found.severity, "✗")
    about = f"{page.words(found.severity, 20, line)} · {page.words(found.place, 200, code)}"
    rows = [
        f"{mark} {found.id} {page.words(found.title, 300, bold)}",
        f"   {about} · {page.words(found.reviewer, 60, line)}",
    ]
    labelled = (("Expected", found.expected), ("Actual", found.actual), ("Fix", found.fix))
    rows += [f"   *{label}:* {page.words(text, 320, line)}" for label, text in labelled if text.strip()]
    return "\n".join(rows)


def _withdrawn(page: Page, found: ViolationLine) -> str:
    return f"{found.id} {page.words(found.title, 300, struck)} ({page.words(found.place, 200, code)})"
