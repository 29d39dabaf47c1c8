"""Engine cards as Block Kit. `blocks(card)` is pure and within Slack's limits whatever the card holds."""

from typing import assert_never

from bot.cards.delivery import pulled
from bot.cards.escalation import escalation
from bot.cards.findings import findings
from bot.cards.note import note
from bot.cards.page import Message
from bot.cards.progress import progress
from bot.cards.push import to_approve
from bot.cards.questions import questions
from bot.cards.review import review
from bot.cards.scope import beyond
from engine.cards import (
    Card,
    DeliveryCard,
    EscalationCard,
    FeedbackCard,
    FindingsCard,
    FollowUpCard,
    NoteCard,
    ProgressCard,
    PushCard,
    QuestionsCard,
    ReviewCard,
    ScopeCard,
    SpecCard,
)

__all__ = ["Message", "blocks"]


def blocks(card: Card) -> Message:
    """How a card looks."""
    match card:
        case ProgressCard():
            return progress(card)
        case QuestionsCard():
            return questions(card)
        case FindingsCard():
            return findings(card)
        case SpecCard() | PushCard():
            return to_approve(card)
        case ReviewCard():
            return review(card)
        case EscalationCard():
            return escalation(card)
        case DeliveryCard() | FeedbackCard():
            return pulled(card)
        case ScopeCard() | FollowUpCard():
            return beyond(card)
        case NoteCard():
            return note(card)
        case _:
            assert_never(card)
