"""What others said of a pull request, and what checks say of a commit, in the words of the port."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from engine.adapters.github_marks import mark_of
from engine.adapters.github_wire import (
    CheckRun,
    CheckRuns,
    Comment,
    LineComment,
    Pull,
    Review,
    Spoken,
    Statuses,
)
from engine.leaks import redacted_words
from engine.ports import CheckState, OutsideCheck, Remark, Stance

MOST = 100
LONGEST_TEXT = 20_000
LONGEST_SUMMARY = 2_000

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_STANCES: Mapping[str, Stance] = {
    "APPROVED": Stance.APPROVED,
    "CHANGES_REQUESTED": Stance.CHANGES_REQUESTED,
    "COMMENTED": Stance.COMMENTED,
    "DISMISSED": Stance.COMMENTED,
}
_CONCLUSIONS: Mapping[str, CheckState] = {
    "success": CheckState.PASSED,
    "failure": CheckState.FAILED,
    "timed_out": CheckState.FAILED,
    "action_required": CheckState.FAILED,
    "startup_failure": CheckState.FAILED,
}
_STATUSES: Mapping[str, CheckState] = {
    "success": CheckState.PASSED,
    "failure": CheckState.FAILED,
    "error": CheckState.FAILED,
}


def remarks_of(
    pull: Pull, said: Sequence[Comment], lines: Sequence[LineComment], reviews: Sequence[Review]
) -> list[tuple[Remark, str]]:
    """Remarks of others, oldest first, each with what the author is to the repository.

    `may_write` is still to be told. Ours are those with our line, by the author of the pull request.
    """
    found: list[tuple[Remark, str]] = []
    for one in said:
        if not _ours(one, pull):
            found.append((_remark(f"comment-{one.id}", one, one.created_at), one.author_association))
    found += [(_on_line(line), line.author_association) for line in lines]
    found += [(_review(review), review.author_association) for review in reviews if _tells(review)]
    return sorted(found, key=lambda pair: pair[0].at)


def checks_of(commit: str, runs: CheckRuns, statuses: Statuses) -> tuple[OutsideCheck, ...]:
    """One of each name, check runs before statuses.

    Of a run that was repeated the newest counts. Several workflows may have runs of one name: as long as one
    of them failed, that one is told.
    """
    newest = {(run.name, run.check_suite): run for run in sorted(runs.check_runs, key=lambda run: run.id)}
    named: dict[str, OutsideCheck] = {}
    for check in (_run(commit, run) for run in newest.values()):
        if _failed(check) or check.name not in named or not _failed(named[check.name]):
            named[check.name] = check
    checks = list(named.values())
    checks += [
        OutsideCheck(
            id=f"status-{one.id}",
            name=one.context[:200],
            commit=commit,
            state=_STATUSES.get(one.state, CheckState.PENDING),
            url=one.target_url or "",
            summary=redacted_words(one.description or "")[:LONGEST_SUMMARY],
        )
        for one in statuses.statuses
    ]
    return tuple(checks[:MOST])


def _failed(check: OutsideCheck) -> bool:
    return check.state is CheckState.FAILED


def _ours(comment: Comment, pull: Pull) -> bool:
    return bool(mark_of(comment.body)) and comment.user is not None and comment.user == pull.user


def _tells(review: Review) -> bool:
    if review.state not in _STANCES:
        return False  # pending: nobody else may see it
    return bool((review.body or "").strip()) or review.state in {"APPROVED", "CHANGES_REQUESTED"}


def _remark(id_: str, one: Spoken, at: datetime | None) -> Remark:
    return Remark(
        id=id_,
        author=one.user.login if one.user else "ghost",  # as GitHub shows who is gone
        may_write=False,
        by_bot=one.user is not None and (one.user.type == "Bot" or one.user.login.endswith("[bot]")),
        text=redacted_words(one.body or "")[:LONGEST_TEXT],  # before it is cut, which might halve a secret
        at=at or _LONG_AGO,
    )


def _on_line(one: LineComment) -> Remark:
    remark = _remark(f"line-{one.id}", one, one.created_at)
    return remark.model_copy(update={"path": one.path, "line": one.line or one.original_line})


def _review(one: Review) -> Remark:
    remark = _remark(f"review-{one.id}", one, one.submitted_at)
    return remark.model_copy(update={"stance": _STANCES[one.state]})


def _run(commit: str, run: CheckRun) -> OutsideCheck:
    ended = run.status == "completed"
    told = run.output.title or run.output.summary if run.output else None
    return OutsideCheck(
        id=f"run-{run.id}",
        name=run.name[:200],
        commit=commit,
        state=_CONCLUSIONS.get(run.conclusion or "", CheckState.SKIPPED) if ended else CheckState.PENDING,
        url=run.html_url or "",
        summary=redacted_words(told or "")[:LONGEST_SUMMARY],
    )
