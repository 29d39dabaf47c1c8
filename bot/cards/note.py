"""A plain message."""

from bot.cards.page import Message, Page, Rank, section
from bot.cards.text import fit, line, mention
from engine.cards import NoteCard


def note(card: NoteCard) -> Message:
    """What happened and the next step, to one person or to the thread."""
    page = Page(card.request, card.key)
    to = f"{mention(card.to)} " if card.to else ""
    page.add(section(f"{to}{page.words(card.text, 2800)}"), rank=Rank.MUST)
    return Message(f"{to}{fit(card.text, 300, line).text}", page.blocks())
