"""A plain message."""

from bot.cards.page import Message, Page, Rank, section
from bot.cards.text import fit, line, mention
from engine.cards import NoteCard

_NAMED = 20
"""People who are mentioned; one call tells no more messages apart than that."""


def note(card: NoteCard) -> Message:
    """What happened and the next step, to some people or to the thread."""
    page = Page(card.request, card.key)
    to = "".join(f"{mention(person)} " for person in card.to[:_NAMED])
    if len(card.to) > _NAMED:
        to += f"and {len(card.to) - _NAMED} more: "
    page.add(section(f"{to}{page.words(card.text, 2000)}"), rank=Rank.MUST)
    return Message(f"{to}{fit(card.text, 300, line).text}", page.blocks())
