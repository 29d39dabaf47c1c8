"""What an investigation found: every report, what it cites, what is advised, and what is missing."""

from bot.cards.page import Message, Page, Rank, context, divider, section
from bot.cards.text import bold, code, fit, line, size
from engine.cards import FindingsCard, FoundLine, FoundReport, Trust
from engine.counting import count

_REPORTS = 8
_LINES = 8
_LISTED = 8
_PIECE = 2800


def findings(card: FindingsCard) -> Message:
    """All reports on one card. What nobody could check says so beside the claim."""
    page = Page(card.request, card.key)
    page.header(f"Findings: {card.title}")
    page.add(context("Looked at before anything is written down or changed."), rank=Rank.MUST)
    for name, lines, rank in (
        ("Missing", card.missing, Rank.MUST),
        ("The reports contradict each other", card.contradictions, Rank.MUST),
    ):
        if lines:
            page.add(section(_list(page, name, lines)), rank=rank)
    for report in card.reports[:_REPORTS]:
        page.add(divider(), section(_report(page, report)))
    if card.recommendations:
        page.add(divider(), section(_list(page, "Recommended", card.recommendations)))
    fallback = fit(f"Findings of {count(len(card.reports), 'agent')}: {card.title}", 300, line).text
    return Message(fallback, page.blocks())


def _list(page: Page, name: str, lines: tuple[str, ...]) -> str:
    listed = [f"• {page.words(text, 320, line)}" for text in lines[:_LISTED]]
    return _fitting(page, f"*{name}*", listed, more=len(lines) > _LISTED)


def _report(page: Page, report: FoundReport) -> str:
    head = f"{page.words(report.agent, 60, bold)}: {page.words(report.summary, 400, line)}"
    claims = [f"• {_claim(page, found)}" for found in report.lines[:_LINES]]
    return _fitting(page, head, claims, more=len(report.lines) > _LINES)


def _fitting(page: Page, text: str, entries: list[str], *, more: bool) -> str:
    """As many entries as one section takes; the rest is behind "Show all"."""
    taken = 0
    for entry in entries:
        if size(text) + size(entry) + 1 > _PIECE:
            break
        text, taken = f"{text}\n{entry}", taken + 1
    page.cut = page.cut or more or taken < len(entries)
    return text


def _claim(page: Page, found: FoundLine) -> str:
    # Never links: a model wrote them.
    cites = ", ".join(page.words(cite, 160, code) for cite in found.cites[:2])
    mark = {
        Trust.CHECKED: "",
        Trust.UNVERIFIED: f" _(unverified: {page.words(found.why, 80, line)})_",
        Trust.FROM_THE_WEB: " _(from the web)_",
    }[found.trust]
    return f"{page.words(found.text, 160, line)}{f' {cites}' if cites else ''}{mark}"
