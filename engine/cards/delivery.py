"""What goes out, and what comes back: the push, the draft pull request, what others say of it."""

from typing import Literal

from engine.cards.base import ApprovalWait, CardBase, Frozen, OfferLine
from engine.people import Person


class PushCard(CardBase):
    """A push that needs an approval of its own, bound to the commit. `fate`: open, approved, changed, closed.

    Attributes:
        guarded: Protected paths that it changes, with what they are.
        workflows: What would run because of it, and with what rights.
        diff: Of the protected paths.
        whole: Whether the diff shows all of them; if not, it cannot be approved.
        text: All of it, as "Show all" shows it.
    """

    card: Literal["push"] = "push"
    title: str
    commit: str
    branch: str
    guarded: tuple[str, ...]
    workflows: tuple[str, ...]
    diff: str
    whole: bool
    text: str
    wait: ApprovalWait
    fate: str = "open"
    decided_by: Person | None = None


class CriterionLine(Frozen):
    """A criterion, how it stands, and the evidence; `by`: the person whose word that is."""

    id: str
    text: str
    status: str
    evidence: str
    by: Person | None = None


class AttestedLine(Frozen):
    """A criterion that only the world can tell, and what was said of it since delivery.

    Attributes:
        asked: Who is asked; None: anyone here.
        held: What they said; None: nothing yet.
    """

    id: str
    text: str
    how: str
    when: str
    asked: Person | None = None
    held: bool | None = None
    by: Person | None = None
    note: str = ""


class DeliveryCard(CardBase):
    """The draft pull request with its evidence; the requester confirms or says what is missing.

    Attributes:
        draft: Whether it was a draft when it was last seen.
        standing: How it stood then, in words.
        base: That the base branch went on meanwhile, in words; empty if it did not.
        unset: Labels and reviewers that the forge did not take, and why, a line each.
    """

    card: Literal["delivery"] = "delivery"
    title: str
    number: int
    url: str
    branch: str
    commit: str
    criteria: tuple[CriterionLine, ...]
    minor: tuple[str, ...]
    unverified: tuple[str, ...]
    kept: tuple[str, ...]
    cost_usd: float
    tokens: int = 0
    requester: Person
    confirmed_by: Person | None = None
    superseded: bool = False
    attested: tuple[AttestedLine, ...] = ()
    halted: str = ""
    base: str = ""
    unset: tuple[str, ...] = ()
    draft: bool = True
    standing: str = ""
    repository: str = ""


class RemarkLine(Frozen):
    """A remark on the pull request. `who` is a login at the forge, `place` a path with or without a line.

    Attributes:
        taken: What it was taken for, in words.
    """

    who: str
    place: str
    text: str
    taken: str


class FailedCheckLine(Frozen):
    """A check that failed at the forge; `passed`: it was run again since, and passed."""

    name: str
    url: str
    summary: str
    passed: bool = False


class FeedbackCard(CardBase):
    """What came back from the pull request, and what can be done about it.

    Attributes:
        commit: The delivered commit that the checks ran on.
        outcome: What became of it, in words; empty while that is open.
    """

    card: Literal["feedback"] = "feedback"
    title: str
    number: int
    commit: str
    remarks: tuple[RemarkLine, ...]
    checks: tuple[FailedCheckLine, ...]
    offers: tuple[OfferLine, ...] = ()
    decided_by: Person | None = None
    outcome: str = ""
