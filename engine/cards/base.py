"""What all cards and parts of them have, and the parts that cards of several modules show."""

from pydantic import BaseModel, ConfigDict

from engine.people import Person


class Frozen(BaseModel):
    """Content that never changes."""

    model_config = ConfigDict(frozen=True)


class CardBase(Frozen):
    """Common to all: the request it belongs to and its key (see engine.request.ShowCard)."""

    request: str
    key: str


class OfferLine(Frozen):
    """An option of an escalation. `asks` is the label of a text field to fill, empty for none.

    `item` tells several of one choice apart.
    """

    choice: str
    label: str
    tradeoff: str
    asks: str = ""
    recommended: bool = False
    item: str = ""


class ApprovalWait(Frozen):
    """Who is waited for: named people, or anyone but the requester if `named` is empty."""

    named: tuple[Person, ...]
    have: tuple[Person, ...]
    need: int
