"""What people are shown: frozen models of content. How it looks is the front end's.

All text is plain and untrusted: front ends escape it, make control characters visible, and cut it at
their limits with the whole one click away (`Engine.detail`). People stand as Person, never as names.
"""

from typing import Annotated

from pydantic import Field

from engine.cards.base import ApprovalWait, OfferLine
from engine.cards.delivery import (
    AttestedLine,
    CriterionLine,
    DeliveryCard,
    FailedCheckLine,
    FeedbackCard,
    PushCard,
    RemarkLine,
)
from engine.cards.plain import Detail, NoteCard
from engine.cards.progress import ProgressCard, Step, StepStatus
from engine.cards.review import EscalationCard, Failure, ReviewCard, ViolationLine
from engine.cards.scope import FollowUpCard, ScopeCard, TakenFor, TakenLine, WishLine
from engine.cards.spec import (
    FindingsCard,
    FoundLine,
    FoundReport,
    OptionLine,
    QuestionItem,
    QuestionsCard,
    Reading,
    SectionDiff,
    SpecCard,
    SpecSection,
    Trust,
)

__all__ = [
    "ApprovalWait", "AttestedLine", "Card", "CriterionLine", "DeliveryCard", "Detail", "EscalationCard",
    "FailedCheckLine", "Failure", "FeedbackCard", "FindingsCard", "FollowUpCard", "FoundLine",
    "FoundReport", "NoteCard", "OfferLine", "OptionLine", "ProgressCard", "PushCard", "QuestionItem",
    "QuestionsCard", "Reading", "RemarkLine", "ReviewCard", "ScopeCard", "SectionDiff", "SpecCard",
    "SpecSection", "Step", "StepStatus", "TakenFor", "TakenLine", "Trust", "ViolationLine", "WishLine",
]  # fmt: skip

Card = Annotated[
    ProgressCard
    | QuestionsCard
    | FindingsCard
    | SpecCard
    | ReviewCard
    | EscalationCard
    | PushCard
    | DeliveryCard
    | FeedbackCard
    | ScopeCard
    | FollowUpCard
    | NoteCard,
    Field(discriminator="card"),
]
