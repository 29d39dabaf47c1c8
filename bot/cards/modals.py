"""Modals: a text field, and the whole of a card. Pure."""

from typing import Any

from bot.cards.page import plain_text
from bot.cards.presses import ACTION, AnswerInWords, InWords
from bot.cards.text import fit, plain, size, visible
from engine.cards import Detail

CALLBACK = f"{ACTION}text"
BLOCK = "text"
FIELD = f"{ACTION}field"

_TEXT = 3000
_ANSWER = 500
"""The engine takes no longer answer to a question."""

_PIECE = 2900
_DETAIL_BYTES = 200_000
_DETAIL_BLOCKS = 90


def text_modal(asked: InWords, title: str = "In your own words", initial: str = "") -> dict[str, Any]:
    """A modal with one text field; `asked` comes back with what is typed.

    Args:
        asked: What is asked for.
        title: The modal's heading.
        initial: What stands in the field at first, to be edited.
    """
    optional = getattr(asked.press, "optional", False)
    field = {
        "type": "plain_text_input",
        "action_id": FIELD,
        "multiline": True,
        "min_length": 0 if optional else 1,
        "max_length": _ANSWER if isinstance(asked.press, AnswerInWords) else _TEXT,
        "focus_on_load": True,
    }
    if initial:
        field["initial_value"] = initial[:_TEXT]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": asked.model_dump_json(),
        "title": plain_text(fit(title, 24, plain).text),
        "submit": plain_text("Send"),
        "close": plain_text("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": BLOCK,
                "optional": optional,
                "label": plain_text(fit(getattr(asked.press, "ask", ""), 150, plain).text),
                "element": field,
            }
        ],
    }


def detail_modal(detail: Detail) -> dict[str, Any]:
    """A card as plain text, in paragraphs that Slack takes."""
    pieces = _pieces(visible(detail.text))
    kept = _kept(pieces)
    if len(kept) < len(pieces):
        kept.append("… The rest is too long for Slack.")
    return {
        "type": "modal",
        "title": plain_text(fit(detail.title, 24, plain).text),
        "close": plain_text("Close"),
        "blocks": [
            {"type": "section", "text": plain_text(piece)} for piece in kept or ["Nothing more to show."]
        ],
    }


def fits_modal(text: str) -> bool:
    """Whether `detail_modal` shows all of a text."""
    pieces = _pieces(visible(text))
    return len(_kept(pieces)) == len(pieces)


def _kept(pieces: list[str]) -> list[str]:
    """The first pieces, as many as a modal takes."""
    kept, used = [], 0
    for piece in pieces[:_DETAIL_BLOCKS]:
        used += len(piece.encode())
        if used > _DETAIL_BYTES:
            break
        kept.append(piece)
    return kept


def _pieces(text: str) -> list[str]:
    """Pieces of at most 2900 units, cut at line ends where possible; none is blank."""
    pieces = []
    while text:
        piece = text[:_PIECE]
        while size(piece) > _PIECE:
            piece = piece[:-100]
        if len(piece) < len(text) and "\n" in piece:
            piece = piece[: piece.rindex("\n") + 1]
        pieces.append(piece)
        text = text[len(piece) :]
    return [piece.rstrip() for piece in pieces if piece.strip()]
