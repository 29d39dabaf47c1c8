"""A version of the spec: to approve, to change, to reject; and what became of it."""

from bot.cards.modals import fits_modal
from bot.cards.page import (
    MAX_CHARACTERS,
    Block,
    Message,
    Page,
    Rank,
    actions,
    button,
    characters,
    confirm,
    context,
    divider,
    plain_text,
    section,
)
from bot.cards.presses import ACTION, ApproveSpec, ChooseInWords, EditSection, packed
from bot.cards.text import bold, fenced, fit, line, mention, mentions, plain, size, struck
from engine.cards import ApprovalWait, SectionDiff, SpecCard, SpecSection
from engine.events import Choice

_PIECE = 2800
_WHOLE_BLOCKS = 24
_WHOLE_CHARACTERS = MAX_CHARACTERS - 3500
"""Room that the sections which may never be cut can take; the rest is for heading and buttons."""


def spec(card: SpecCard) -> Message:
    """The version with its difference to the one before, or who decided what about it."""
    page = Page(card.request, card.key)
    page.header(f"Spec, version {card.version}: {card.title}")
    if card.repository:
        page.add(context(f"Repository: {page.words(card.repository, 120, line)}"), rank=Rank.MUST)
    if card.fate == "open":
        _undecided(page, card)
    else:
        page.add(context(_outcome(page, card)), rank=Rank.MUST)
        page.offer_whole("Show spec")
    fallback = fit(f"Spec, version {card.version}, for: {card.title}", 300, line).text
    return Message(fallback, page.blocks())


def _undecided(page: Page, card: SpecCard) -> None:
    if card.because.strip():
        page.add(section(f"*Changed because:* {page.words(card.because, 600, line)}"), rank=Rank.MUST)
    _differences(page, card)
    whole = {id(part): _whole(part) for part in card.sections if part.whole}
    blocks = [block for part in whole.values() for block in part]
    fits = len(blocks) <= _WHOLE_BLOCKS and characters(blocks) <= _WHOLE_CHARACTERS
    for part in card.sections:
        if not part.whole:
            page.add(section(_lines(page, part)))
        elif fits:
            page.add(*whole[id(part)], rank=Rank.MUST)
    page.add(divider(), rank=Rank.MUST)
    _decision(page, card, _obstacle(card) if fits else _TOO_LONG)


def _obstacle(card: SpecCard) -> str:
    """Why a version cannot be approved although its card holds what may not be cut; empty if it can.

    Its other sections may be cut on the card, since they stand whole behind "Show all": what is cut even
    there was not shown.
    """
    return "" if fits_modal(as_text(card)) else _NEVER_WHOLE


def as_text(card: SpecCard) -> str:
    """What stands behind "Show all", laid out from the card's sections as the engine does it.

    A card may know more than that (how checks stand today), never less.
    """
    text = f"{card.title}\nversion {card.version}, hash {card.hash}"
    for part in card.sections:
        text += f"\n\n{part.name}\n" + "\n".join(f"- {entry}" for entry in part.lines)
    return text


def _differences(page: Page, card: SpecCard) -> None:
    changed = [_difference(page, diff) for diff in card.diff if diff.removed or diff.added]
    if changed:
        page.add(section(f"*Changes since version {card.version - 1}*"), section(changed[0]))
        for text in changed[1:8]:
            page.add(section(text))
        page.cut = page.cut or len(changed) > 8
        page.add(divider())


def _difference(page: Page, diff: SectionDiff) -> str:
    removed = [f"- {page.words(text, 300, struck)}" for text in diff.removed[:4]]
    added = [f"+ {page.words(text, 300, bold)}" for text in diff.added[:4]]
    page.cut = page.cut or len(diff.removed) > 4 or len(diff.added) > 4
    return "\n".join([page.words(diff.name, 80, line), *removed, *added])


def _lines(page: Page, part: SpecSection) -> str:
    entries = [entry for entry in part.lines if entry.strip()]
    bullet = "• " if len(entries) > 1 else ""
    lines = [f"{bullet}{page.words(entry, 400, line)}" for entry in entries]
    text, taken = page.words(part.name, 100, bold), 0
    for entry in lines:
        if size(text) + size(entry) + 1 > _PIECE:
            break
        text, taken = f"{text}\n{entry}", taken + 1
    page.cut = page.cut or taken < len(lines)
    return text


def _whole(part: SpecSection) -> list[Block]:
    """A section to the letter, over as many blocks as it takes."""
    pieces, rest = [], "\n".join(part.lines)
    while rest:
        piece = _fitting(rest)
        pieces.append(section(fenced(piece)))
        rest = rest[len(piece) :].removeprefix("\n")
    return [section(fit(part.name, 100, bold).text), *pieces]


def _fitting(text: str) -> str:
    """The longest beginning that fits one block, ending at a line's end where there is one."""
    piece = text[:_PIECE]
    while size(fenced(piece)) > _PIECE:
        piece = piece[: len(piece) * 3 // 4]
    if len(piece) < len(text) and "\n" in piece:
        piece = piece[: piece.rindex("\n")] or piece
    return piece


def _decision(page: Page, card: SpecCard, obstacle: str) -> None:
    reject = ChooseInWords(
        request=card.request, card=card.key, choice=Choice.REJECT_SPEC, ask="Why? (optional)", optional=True
    )
    change = ChooseInWords(
        request=card.request, card=card.key, choice=Choice.CHANGE_SPEC, ask="What should be different?"
    )
    elements = [
        button("change", "Say what to change…", change),
        button("reject", "Reject…", reject, style="danger"),
    ]
    if obstacle:
        page.cut = True
        page.add(section(obstacle), rank=Rank.MUST)
    else:
        elements.insert(0, _approve(card))
        page.add(context(_waiting(card.wait)), rank=Rank.MUST)
    page.buttons(*elements)
    if card.editable:
        page.add(_sections(card), rank=Rank.MUST)


def _sections(card: SpecCard) -> Block:
    """A menu of the sections; the chosen one opens as text."""
    options = [
        {"text": plain_text(fit(name, 75, plain).text), "value": key} for key, name in card.editable[:100]
    ]
    menu = {
        "type": "static_select",
        "action_id": f"{ACTION}edit",
        "placeholder": plain_text("Edit a section…"),
        "options": options,
    }
    return actions(menu, block_id=packed(EditSection(request=card.request, card=card.key)))


_TOO_LONG = (
    "⚠️ The files, checks and branch of this version do not fit into a message, "
    "so it cannot be approved here. Ask for a smaller step with “Say what to change”."
)

_NEVER_WHOLE = (
    "⚠️ This version is too long to be shown whole, even behind “Show all”, "
    "so it cannot be approved here. Ask for a smaller step with “Say what to change”."
)


def _approve(card: SpecCard) -> Block:
    press = ApproveSpec(request=card.request, version=card.version, hash=card.hash[:128])
    question = confirm(
        f"Approve version {card.version}?",
        "The agents then start to work. They may change only the files listed here, "
        "and open a draft pull request at most.",
        "Approve",
    )
    return button("approve", "Approve", press, style="primary", confirm=question)


def _waiting(wait: ApprovalWait) -> str:
    missing = [person for person in wait.named if person not in wait.have]
    whom = mentions(missing[:20]) if missing else "anyone but the requester"
    have = f" · approved by {mentions(wait.have[:20])}" if wait.have else ""
    return f"Waiting for {whom}, {len(wait.have)} of {wait.need}{have}"


def _outcome(page: Page, card: SpecCard) -> str:
    version = f"Version {card.version}"
    by = f" by {mention(card.decided_by)}" if card.decided_by else ""
    match card.fate:
        case "approved":
            who = mentions(card.wait.have[:20]) or (mention(card.decided_by) if card.decided_by else "")
            return f"✅ {version} was approved by {who}." if who else f"✅ {version} was approved."
        case "rejected":
            return f"❌ {version} was rejected{by}."
        case "superseded":
            approved = f", approved by {mentions(card.wait.have[:20])}," if card.wait.have else ""
            return f"↪️ {version}{approved} was replaced by a newer one; a change was asked for{by}."
        case other:
            return f"{version}: {page.words(other, 60, line)}{by}"
