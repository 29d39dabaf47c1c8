"""What held and what did not in one review round."""

from bot.cards.page import Message, Page, Rank, context, section
from bot.cards.text import bold, code, fit, line
from bot.cards.violations import violation
from engine.cards import Failure, ReviewCard
from engine.counting import count

_GATE = {
    "PASS": "✅ Everything the spec asks for holds. A draft pull request comes next.",
    "FIX": "🔧 Something does not hold yet. It goes back to be fixed.",
    "BLOCKED": "⛔ Blocked: there will be no pull request as it is.",
    "ESCALATE": "✋ Not everything could be settled. A person has to decide.",
}
_FAILURES = 12


def review(card: ReviewCard) -> Message:
    """Passed, failed with expected, actual and fix, unsettled, minor, next steps."""
    page = Page(card.request, card.key)
    page.header(f"Review: {card.title}")
    page.add(section(_verdict(page, card)), rank=Rank.MUST)
    page.add(
        context(f"Round {card.round} of {card.rounds} · commit {code(card.commit[:10])}"), rank=Rank.MUST
    )
    for failure in card.failed[:_FAILURES]:
        page.add(section(_failure(page, failure)))
    if len(card.failed) > _FAILURES:
        page.cut = True
    for found in card.withdrawn:
        page.add(violation(page, found, card.key))
    page.bullets("✓ Passed", card.passed, Rank.EXTRA)
    page.bullets("Reviewers say", card.praised, Rank.EXTRA)
    page.bullets("? Could not be settled", card.unsettled, Rank.MAIN)
    page.bullets("Next steps", card.next_steps, Rank.MAIN)
    page.bullets("Minor, does not hold it up", card.minor, Rank.EXTRA)
    return Message(_fallback(card), page.blocks())


def _fallback(card: ReviewCard) -> str:
    return fit(f"Review of {card.title}: {_held(card)} (round {card.round} of {card.rounds})", 300, line).text


def _verdict(page: Page, card: ReviewCard) -> str:
    gate = _GATE.get(card.gate) or page.words(card.gate, 100, line)
    if card.gate == "PASS" and card.pending:
        ids = page.words(", ".join(card.pending), 100, line)
        gate = (
            "✅ What can be settled beforehand holds. A draft pull request comes next; "
            f"after it people are asked about {ids}."
        )
    counts = _held(card)
    if card.unsettled:
        counts += f", {len(card.unsettled)} could not be settled"
    if card.minor:
        counts += f", {count(len(card.minor), 'minor remark')}"
    return f"{gate}\n{counts}"


def _held(card: ReviewCard) -> str:
    held = count(len(card.passed), "criterion holds", "criteria hold")
    return f"{held}, {len(card.failed)} failed"


def _failure(page: Page, failure: Failure) -> str:
    lines = [f"✗ {page.words(failure.title, 300, bold)}"]
    labelled = (("Expected", failure.expected), ("Actual", failure.actual), ("Fix", failure.fix))
    lines += [f"   *{label}:* {page.words(text, 500, line)}" for label, text in labelled if text.strip()]
    about = " · ".join(text for text in (failure.severity, failure.source) if text.strip())
    return "\n".join([*lines, f"   {page.words(about, 200, line)}"]) if about else "\n".join(lines)
