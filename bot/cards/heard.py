"""Everything that was heard during work, in pages of a modal, each with what corrects it. Pure."""

from typing import Any

from bot.cards.modals import CALLBACK
from bot.cards.page import Block, actions, button, context, plain_text, section
from bot.cards.presses import Leaf, ShowHeard
from bot.cards.scope import UNTOLD, taken_buttons, wish_buttons
from bot.cards.text import bold, fit, line, mention
from engine.cards import ScopeCard, TakenFor, TakenLine, WishLine
from engine.counting import count

ON_A_PAGE = 20
"""Two blocks each, of the hundred that a modal takes; their longest words stay within its 250 kB."""

_WORDS = 1_300


def heard_modal(card: ScopeCard, leaf: Leaf) -> dict[str, Any]:
    """One page: proposed tasks as they are numbered, then other messages, the newest first.

    Args:
        card: The newest state of the card of wishes.
        leaf: The page that is asked for; the last one if there are fewer. It comes back with each click.
    """
    everything: list[WishLine | TakenLine] = [*card.wishes, *card.taken]
    pages = max(1, -(-len(everything) // ON_A_PAGE))
    page = max(1, min(leaf.page, pages))
    start = (page - 1) * ON_A_PAGE
    files = f" ({fit(card.files, 200, line).text})" if card.files else ""
    blocks = [context(f"Current task: {fit(card.title, 150, line).text}{files}")]
    for index, entry in enumerate(everything[start : start + ON_A_PAGE], start):
        blocks += _entry(card, entry, f"heard{index}")
    if pages > 1:
        blocks.append(_turn(card.request, page, pages))
    blocks.append(context(f"Page {page} of {pages}, {count(len(everything), 'message')} in all"))
    return {
        "type": "modal",
        "callback_id": f"{CALLBACK}:heard",
        "private_metadata": leaf.model_copy(update={"page": page}).model_dump_json(),
        "title": plain_text("Beyond the spec" if card.wishes else "What I heard"),
        "close": plain_text("Close"),
        "blocks": blocks,
    }


def _entry(card: ScopeCard, entry: WishLine | TakenLine, name: str) -> list[Block]:
    if isinstance(entry, WishLine):
        text, elements = _wish(entry), wish_buttons(card, entry, name)
    else:
        text = _taken(entry)
        elements = taken_buttons(card.request, card.key, entry, name) if card.open else []
    return [section(text), *([actions(*elements)] if elements else [])]


def _wish(wish: WishLine) -> str:
    by = f" ({mention(wish.decided_by)})" if wish.decided_by else ""
    lines = [
        f"{wish.number}. {fit(wish.title, 100, bold).text}, asked by {mention(wish.by)}",
        f"“{fit(wish.text, _WORDS, line).text}”",
        f"Scope: {fit(wish.scope, 400, line).text}",
        f"Dependencies: {fit(wish.after, 300, line).text}" if wish.after else "",
        f"Now: {fit(wish.outcome, 150, line).text}{by}" if wish.outcome else "",
    ]
    return "\n".join(filter(None, lines))


def _taken(taken: TakenLine) -> str:
    said = f"“{fit(taken.text, _WORDS, line).text}” ({mention(taken.by)})"
    if taken.kind is TakenFor.UNTOLD:
        return f"{said}\nIt {UNTOLD}"
    took = "I know it" if taken.confirmed else "I took it"
    return f"{said}\n{took} as {fit(taken.outcome, 300, line).text}."


def _turn(request: str, page: int, pages: int) -> Block:
    turns = (("newer", "Newer", page - 1), ("older", "Older", page + 1))
    return actions(
        *(
            button(name, label, ShowHeard(request=request, page=to))
            for name, label, to in turns
            if 1 <= to <= pages
        )
    )
