"""PASS, FIX, BLOCKED or ESCALATE: whether a commit may be delivered, and which reviews count. Pure.

Nothing here depends on the order of its inputs. Where two inputs contradict each other, the worse counts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from engine.counting import count
from engine.events import Reviewed
from engine.evidence import settle
from engine.request import GateVerdict, Settled, Status
from engine.schemas import Finding, Judged, Review, Severity

__all__ = ["Gate", "gate", "quotes", "settle"]

NEAR = 3
SHORTEST_PART = 4
"""Characters of a quoted part of a line: fewer stand in almost any. A whole line may be shorter."""


class Gate(BaseModel):
    """The verdict on one commit.

    Attributes:
        reasons: Why, the gravest first; empty for PASS.
        failures: Criteria that do not hold.
        unchecked: Criteria that could not be settled.
        findings: Critical and major findings, the gravest first.
        minor: Findings that are only listed.
    """

    model_config = ConfigDict(frozen=True)

    verdict: GateVerdict
    reasons: tuple[str, ...] = ()
    failures: tuple[Settled, ...] = ()
    unchecked: tuple[Settled, ...] = ()
    findings: tuple[Finding, ...] = ()
    minor: tuple[Finding, ...] = ()


def gate(
    settled: Sequence[Settled],
    reviews: Sequence[Reviewed],
    *,
    required: Sequence[str],
    commit: str,
    unchecked_allowed: bool,
) -> Gate:
    """Whether a commit may be delivered.

    Args:
        settled: Every criterion of the spec (none at all is never a pass).
        reviews: What reviewers returned; only valid reviews of exactly `commit` count.
        required: Reviewers without whose valid review nothing is delivered.
        commit: The commit's id.
        unchecked_allowed: Whether a person decided to deliver what could not be settled.
    """
    valid = [
        (r.reviewer, r.review) for r in reviews if r.review and not r.invalid and r.review.commit == commit
    ]
    findings = _findings(review for _, review in valid)
    grave = tuple(f for f in findings if f.severity is not Severity.MINOR)
    failures = _with(settled, Status.FAILED, Status.JUDGED_UNMET)
    unchecked = _with(settled, Status.NOT_CHECKED)
    blocked = [
        *_absent(reviews, {reviewer for reviewer, _ in valid}, required),
        *(_found(f) for f in grave if f.severity is Severity.CRITICAL),
    ]
    fix = [
        *(f"{s.id} does not hold: {s.evidence}" for s in failures),
        *(_found(f) for f in grave if f.severity is Severity.MAJOR),
    ]
    stops = [] if unchecked_allowed else [f"{s.id} could not be settled: {s.evidence}" for s in unchecked]
    if not settled:
        stops.append("No criterion was settled")
    return Gate(
        verdict=_verdict(blocked, fix, stops),
        reasons=(*blocked, *fix, *stops),
        failures=failures,
        unchecked=unchecked,
        findings=grave,
        minor=tuple(f for f in findings if f.severity is Severity.MINOR),
    )


def _verdict(blocked: Sequence[str], fix: Sequence[str], stops: Sequence[str]) -> GateVerdict:
    if blocked:
        return GateVerdict.BLOCKED
    if fix:
        return GateVerdict.FIX
    return GateVerdict.ESCALATE if stops else GateVerdict.PASS


def _absent(reviews: Sequence[Reviewed], valid: Collection[str], required: Sequence[str]) -> list[str]:
    reasons = []
    for name in sorted(set(required) - set(valid)):
        theirs = [r for r in reviews if r.reviewer == name]
        why = min((r.invalid for r in theirs if r.invalid), default="it is of another commit")
        reasons.append(
            f"The review of {name} does not count: {why}" if theirs else f"The review of {name} is missing"
        )
    return reasons


def _findings(reviews: Iterable[Review]) -> tuple[Finding, ...]:
    def order(finding: Finding) -> tuple[bool, str, int, str]:
        return (
            finding.severity is not Severity.CRITICAL,
            finding.path,
            finding.line,
            finding.model_dump_json(),
        )

    return tuple(sorted({finding for review in reviews for finding in review.findings}, key=order))


def _found(finding: Finding) -> str:
    return f"{finding.title} ({finding.severity}, {finding.path}:{finding.line})"


def _with(settled: Sequence[Settled], *statuses: Status) -> tuple[Settled, ...]:
    found = (s for s in settled if s.status in statuses)
    return tuple(sorted(found, key=lambda s: (len(s.id), s.model_dump_json())))


# ---------------------------------------------------------------- reviews


def _no_text(_path: str) -> str | None:
    return None


def quotes(
    review: Review,
    *,
    commit: str,
    text: Callable[[str], str | None],
    criteria: Collection[str],
    before: Callable[[str], str | None] = _no_text,
) -> tuple[str, ...]:
    """Why a review does not count, in sentences for the reviewer; empty if it does.

    Args:
        review: As the reviewer returned it.
        commit: The commit that was to be reviewed.
        text: A file's text at that commit, None if there is no such (text) file.
        criteria: Ids of the spec's criteria.
        before: A file's text at the base, for findings about deleted files.
    """
    problems = []
    if review.commit != commit:
        problems.append(f"The review is of commit {review.commit}, but {commit} was to be reviewed.")
    for number, finding in enumerate(review.findings, start=1):
        place = f"Finding {number} ({finding.path}:{finding.line})"
        if finding.criterion is not None and finding.criterion not in criteria:
            problems.append(f"{place}: the spec has no criterion {finding.criterion!r}.")
        body = text(finding.path)
        if body is None:
            body = before(finding.path)
        problems += [f"{place}: {why}" for why in misquoted(finding.line, finding.quote, body)]
    problems += _judgements(review, criteria)
    return tuple(problems)


def misquoted(number: int, quote: str, body: str | None) -> list[str]:
    """Why a quote does not stand at that line of a text (None: no such text file); empty if it does."""
    if body is None:
        return ["there is no such text file at the commit."]
    lines = [line.strip() for line in body.removesuffix("\n").split("\n")] if body else []
    if number > len(lines):
        return [f"the file has only {count(len(lines), 'line')}."]
    quoted = [line.strip() for line in quote.strip().split("\n")]
    if quoted == [""]:
        return ["the quote is empty; quote the line to the letter, or the one where something is missing."]
    at = number - 1
    if len(quoted) == 1 and len(quoted[0]) >= SHORTEST_PART and quoted[0] in lines[at]:
        return []
    near = range(max(0, at - NEAR), min(len(lines), at + NEAR + 1))
    if any(lines[start : start + len(quoted)] == quoted for start in near):
        return []
    return [f"the quote {quote[:80]!r} does not stand within {NEAR} lines of it."]


def _judgements(review: Review, criteria: Collection[str]) -> list[str]:
    problems = []
    seen: dict[str, Judged] = {}
    for judgement in review.judgements:
        if judgement.criterion not in criteria:
            problems.append(f"A judgement names {judgement.criterion!r}, which is no criterion of the spec.")
        if seen.setdefault(judgement.criterion, judgement.verdict) is not judgement.verdict:
            problems.append(f"Criterion {judgement.criterion} is judged twice, differently.")
    return problems
