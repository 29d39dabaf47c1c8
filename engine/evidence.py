"""What checks, git objects and reviews say of each criterion of a spec. Pure.

Nothing here depends on the order of its inputs. Where two inputs contradict each other, the worse counts.
"""

from collections.abc import Sequence

from engine.doubts import doubt
from engine.events import UNPREPARED, CheckResult, Fact, Ran, Reviewed
from engine.request import Settled, Status
from engine.schemas import Criterion, Judged, SettledBy, SpecDraft

_TAIL_LINES = 6
_TAIL_CHARACTERS = 600
_WORST = (Judged.UNMET, Judged.UNCLEAR, Judged.MET)
_ENDS = {
    "timeout": "did not end within its time limit",
    "output": "was ended because it printed too much",
    "start": "could not be started",
    "size": "was ended because it held too much memory or too many files",
}


def settle(
    spec: SpecDraft,
    base: Sequence[CheckResult],
    results: Sequence[CheckResult],
    facts: Sequence[Fact],
    reviews: Sequence[Reviewed],
    *,
    commit: str = "",
) -> tuple[Settled, ...]:
    """How each criterion of the spec stands at a commit, in the spec's order.

    Args:
        spec: The approved version.
        base: Results of the checks at the base commit, from before the work.
        results: Results at the commit and with only the artifacts over the base tree (told apart by
            `where`); base results among them count as well.
        facts: What git objects say of file and text criteria.
        reviews: Reviews of the commit; invalid ones judge nothing.
        commit: The commit's id: results and reviews of any other then count for nothing.
    """
    at_base = tuple(r for r in (*base, *results) if r.where in {Ran.BASE, Ran.BASE_CONTROL})
    here = tuple(r for r in results if r not in at_base and commit in {"", r.commit})
    valid = tuple(r for r in reviews if _judges(r, commit))
    return tuple(_criterion(c, at_base, here, facts, valid) for c in spec.criteria)


def _criterion(
    criterion: Criterion,
    base: Sequence[CheckResult],
    here: Sequence[CheckResult],
    facts: Sequence[Fact],
    reviews: Sequence[Reviewed],
) -> Settled:
    match criterion.settled_by:
        case SettledBy.CHECK:
            return _check(criterion, base, here)
        case SettledBy.FILE | SettledBy.TEXT:
            return _fact(criterion, [f for f in facts if f.criterion == criterion.id])
        case SettledBy.JUDGED:
            return _judged(criterion, reviews)
        case SettledBy.ATTESTED:
            return _stands(
                criterion,
                Status.ATTESTATION_PENDING,
                f"asked of {criterion.who}: {criterion.how} ({criterion.when})",
            )


def _check(criterion: Criterion, base: Sequence[CheckResult], here: Sequence[CheckResult]) -> Settled:
    every = _of(here, criterion.check, Ran.COMMIT)
    at_commit = [r for r in every if r.ended != UNPREPARED]
    # A check whose command or dependencies were changed in the configuration meanwhile tells nothing about
    # today's, and one that could not even be started at the base does not tell how things stood there.
    commands = {(r.argv, r.prepared) for r in at_commit}
    alone = [r for r in _of(here, criterion.check, Ran.ARTIFACTS) if (r.argv, r.prepared) in commands]
    before = [r for r in _of(base, criterion.check, Ran.BASE) if (r.argv, r.prepared) in commands and r.tells]
    red = _worst(at_commit)
    if red is not None:
        return _stands(
            criterion,
            Status.FAILED,
            f"{_command(red)} {_end(red)}",
            expected=f"{_command(red)} ends with exit code 0",
            actual="\n".join(filter(None, (f"It {_end(red)}.", _tail(red.output_tail)))),
            fix=f"Make {_command(red)} pass without changing the check itself.",
        )
    if unprepared := [r for r in every if r.ended == UNPREPARED]:
        not_run = unprepared[0]
        return _stands(
            criterion, Status.NOT_CHECKED, f"{_command(not_run)} was not run: {not_run.output_tail}"
        )
    missing = [
        name
        for name, found in (
            ("at the commit", at_commit),
            ("with only the artifacts", alone),
            ("at the base", before),
        )
        if not found
    ]
    if missing:
        return _stands(
            criterion,
            Status.NOT_CHECKED,
            f"There is no result of check {criterion.check} {', nor '.join(missing)}",
        )
    other = _worst(alone)
    if other is not None:
        return _stands(
            criterion,
            Status.NOT_CHECKED,
            f"{_command(other)} is green only together with changes outside the approved artifacts "
            f"(with nothing else changed it {_end(other)})",
        )
    trials = [r for r in (*base, *here) if r.check == criterion.check and (r.argv, r.prepared) in commands]
    why = doubt(before, [*at_commit, *alone], sorted(trials, key=lambda r: r.model_dump_json()))
    if why:
        return _stands(
            criterion, Status.NOT_CHECKED, f"{_command(at_commit[0])} ended with exit code 0, but {why}"
        )
    return _green(criterion, at_commit[0], before, trials)


def _green(
    criterion: Criterion, result: CheckResult, before: Sequence[CheckResult], trials: Sequence[CheckResult]
) -> Settled:
    ran = f"{_command(result)} ended with exit code 0 at {result.commit[:7]}, also with only the artifacts"
    if any(r.where is Ran.CONTROL and r.tells and not r.green for r in trials):
        ran += " (and red, as it has to be, with failing tests of ours beside its own)"
    if any(r.green for r in before):
        return _stands(criterion, Status.REGRESSION_ONLY, f"{ran}; it was green before the work too")
    by_itself = all(r.ended == "exit" for r in before)
    was = "was red" if by_itself else next(_end(r) for r in before if r.ended != "exit")
    return _stands(criterion, Status.PASSED, f"{ran}; before the work it {was}")


def _fact(criterion: Criterion, facts: Sequence[Fact]) -> Settled:
    if not facts:
        return _stands(criterion, Status.NOT_CHECKED, f"Nobody looked whether {_claim(criterion)}")
    unread = min((fact.unread for fact in facts if fact.unread), default="")
    if unread:
        return _stands(criterion, Status.NOT_CHECKED, f"Whether {_claim(criterion)} is unknown: {unread}")
    if not all(fact.at_commit for fact in facts):
        return _stands(
            criterion,
            Status.FAILED,
            f"Not so at the commit: {_claim(criterion)}",
            expected=_claim(criterion),
            actual=_opposite(criterion),
            fix=_remedy(criterion),
        )
    lines = sorted(fact.line for fact in facts if fact.line is not None)
    where = f"{criterion.path}:{lines[0]}" if lines else criterion.path
    if any(fact.at_base for fact in facts):
        return _stands(criterion, Status.REGRESSION_ONLY, f"{where}; so it was before the work too")
    return _stands(criterion, Status.PASSED, f"{where} at the commit; not so before the work")


def _judged(criterion: Criterion, reviews: Sequence[Reviewed]) -> Settled:
    said = [
        judgement
        for reviewed in reviews
        if reviewed.review is not None and reviewed.reviewer == criterion.reviewer
        for judgement in reviewed.review.judgements
        if judgement.criterion == criterion.id
    ]
    if not said:
        return _stands(criterion, Status.NOT_CHECKED, f"{criterion.reviewer} gave no valid judgement of it")
    worst = min(said, key=lambda judgement: (_WORST.index(judgement.verdict), judgement.reason))
    evidence = f"judged by {criterion.reviewer}: {worst.reason}"
    match worst.verdict:
        case Judged.MET:
            return _stands(criterion, Status.JUDGED_MET, evidence)
        case Judged.UNCLEAR:
            return _stands(
                criterion, Status.NOT_CHECKED, f"{criterion.reviewer} could not tell: {worst.reason}"
            )
        case Judged.UNMET:
            return _stands(
                criterion,
                Status.JUDGED_UNMET,
                evidence,
                expected=criterion.text,
                actual=worst.reason,
                fix=f"Change the work so that {criterion.reviewer} finds this met: {criterion.text}",
            )


def _stands(
    criterion: Criterion, status: Status, evidence: str, expected: str = "", actual: str = "", fix: str = ""
) -> Settled:
    return Settled(
        id=criterion.id,
        text=criterion.text,
        settled_by=criterion.settled_by,
        status=status,
        evidence=evidence,
        expected=expected,
        actual=actual,
        fix=fix,
    )


def _of(results: Sequence[CheckResult], check: str | None, where: Ran) -> list[CheckResult]:
    return sorted(
        (r for r in results if r.check == check and r.where is where), key=lambda r: r.model_dump_json()
    )


def _worst(results: Sequence[CheckResult]) -> CheckResult | None:
    return next((r for r in results if not r.green), None)


def _command(result: CheckResult) -> str:
    return f"“{' '.join(result.argv)}”"


def _end(result: CheckResult) -> str:
    return _ENDS.get(result.ended) or f"ended with exit code {result.exit_code}"


def _tail(output: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]


def _claim(criterion: Criterion) -> str:
    if criterion.settled_by is SettledBy.FILE:
        return f"{criterion.path} exists"
    return f"{criterion.path} holds the text {criterion.literal!r}"


def _opposite(criterion: Criterion) -> str:
    if criterion.settled_by is SettledBy.FILE:
        return f"There is no file {criterion.path} at the commit"
    return f"The text {criterion.literal!r} does not stand in {criterion.path} at the commit"


def _remedy(criterion: Criterion) -> str:
    if criterion.settled_by is SettledBy.FILE:
        return f"Create {criterion.path}."
    return f"Write {criterion.literal!r}, to the letter and on one line, into {criterion.path}."


def _judges(reviewed: Reviewed, commit: str) -> bool:
    review = reviewed.review
    return review is not None and not reviewed.invalid and commit in {"", review.commit}
