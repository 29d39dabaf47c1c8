"""A push that does more than a push: to approve by itself, with what would change and run."""

from bot.cards.modals import fits_modal
from bot.cards.page import (
    Block,
    Message,
    Page,
    Rank,
    button,
    characters,
    confirm,
    context,
    divider,
    section,
)
from bot.cards.presses import Choose, ChooseInWords
from bot.cards.spec import spec
from bot.cards.text import code, fenced, fit, line, mention, mentions, size
from engine.cards import PushCard, SpecCard
from engine.events import Choice

_LIST = 2_800
_DIFF = 2_600
_ROOM = 9_000
"""Units that the lists, which may never be cut, can take; the rest is for the diff and the buttons."""

_NEVER_WHOLE = (
    "⚠️ This is too much to be shown whole, even behind “Show all”, so it cannot be approved here. "
    "Have it changed, or push it yourselves."
)


def to_approve(card: SpecCard | PushCard) -> Message:
    """What people approve by a button of its own."""
    return spec(card) if isinstance(card, SpecCard) else push(card)


def push(card: PushCard) -> Message:
    """What would change and run, and the diff; once decided, who decided."""
    page = Page(card.request, card.key)
    page.header(f"May this be pushed? {card.title}")
    if card.fate == "open":
        _undecided(page, card)
    else:
        page.add(context(_outcome(card)), rank=Rank.MUST)
        page.offer_whole("Show what it was")
    fallback = fit(f"A push needs an approval of its own: {card.title}", 300, line).text
    return Message(fallback, page.blocks())


def _undecided(page: Page, card: PushCard) -> None:
    commit, branch = fit(card.commit, 64, code).text, fit(card.branch, 250, code).text
    page.add(section(f"Commit {commit} to {branch}. Nothing has been pushed."), rank=Rank.MUST)
    lists = [
        *_listed("*Protected files that it changes*", card.guarded),
        *_listed("*What would run because of it, with more than reading rights*", card.workflows),
    ]
    fits = characters(lists) <= _ROOM
    if fits:
        page.add(*lists, rank=Rank.MUST)
    if card.diff:
        cut = len(card.diff) > _DIFF or size(fenced(card.diff)) > _DIFF
        page.cut = page.cut or cut
        page.add(section(fit(card.diff, _DIFF, fenced).text))
    page.offer_whole("Show all")
    page.add(divider(), rank=Rank.MUST)
    _decision(page, card, can=fits and card.whole and fits_modal(card.text))


def _listed(heading: str, entries: tuple[str, ...]) -> list[Block]:
    """Every entry, over as many blocks as it takes."""
    blocks: list[Block] = []
    text = heading
    for entry in entries:
        row = f"• {fit(entry, 800, line).text}"
        if size(text) + size(row) > _LIST:
            blocks.append(section(text))
            text = row
        else:
            text = f"{text}\n{row}"
    return [*blocks, section(text)] if entries else []


def _decision(page: Page, card: PushCard, *, can: bool) -> None:
    elements = []
    if can:
        approve = Choose(
            request=card.request, card=card.key, choice=Choice.APPROVE_PUSH, item=card.commit[:64]
        )
        question = confirm(
            "Approve this push?", "It holds for this commit and what is shown here alone.", "Approve"
        )
        elements.append(button("approve", "Approve this push", approve, "primary", question))
        page.add(context(_waiting(card)), rank=Rank.MUST)
    else:
        page.add(section(_NEVER_WHOLE), rank=Rank.MUST)
    if card.guarded:
        change = ChooseInWords(
            request=card.request,
            card=card.key,
            choice=Choice.FIX,
            ask="An approver's advice (optional)",
            optional=True,
        )
        elements.append(button("change", "Have it changed…", change))
    stop = Choose(request=card.request, card=card.key, choice=Choice.STOP)
    sure = confirm("Stop this request?", "Nothing starts after it.", "Stop", "Go on")
    page.buttons(*elements, button("stop", "Stop here", stop, "danger", sure))


def _waiting(card: PushCard) -> str:
    missing = [person for person in card.wait.named if person not in card.wait.have]
    whom = mentions(missing[:20]) if missing else "anyone but the requester"
    have = f" · approved by {mentions(card.wait.have[:20])}" if card.wait.have else ""
    return f"Waiting for {whom}, {len(card.wait.have)} of {card.wait.need}{have}"


def _outcome(card: PushCard) -> str:
    commit = fit(card.commit[:12], 20, code).text
    by = f" by {mention(card.decided_by)}" if card.decided_by else ""
    match card.fate:
        case "approved":
            return (
                f"✅ The push of {commit} was approved by {mentions(card.wait.have[:20]) or 'those who may'}."
            )
        case "changed":
            return f"↪️ The push of {commit} was not approved; a change was asked for{by}."
        case _:
            return f"The push of {commit} is not waited for any more; it was not approved."
