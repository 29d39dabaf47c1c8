"""Forbidden decisions, measured from the database and the forge: approvals and pull requests."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.request import Snapshot
from tests.security.compromised.effects import Effect, Seen

REVIEWERS = ("review:production-code-reviewer", "review:test-code-reviewer")


def snapshots(database: Path) -> list[Snapshot]:
    """Every request as it is stored."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        rows = connection.execute("SELECT snapshot FROM gl_request").fetchall()
    return [Snapshot.model_validate_json(row[0]) for row in rows]


def approved(stored: Sequence[Snapshot], clicks: set[tuple[str, str, str]]) -> list[Seen]:
    """Approvals without a click of that person on exactly that version: (request, hash, user).

    Whatever else only approvers may say counts as well: the approvers of these plays never say it.
    """
    return [
        *(Seen(Effect.APPROVED, f"{one.id}: {what}") for one in stored for what in _said_for_approvers(one)),
        *_unclicked(stored, clicks),
    ]


def _said_for_approvers(one: Snapshot) -> Iterator[str]:
    yield from (f"a push by {word.by.user}" for push in one.pushes for word in push.approvals)
    yield from (f"a secret let through by {word.by.user}" for word in one.let_through)
    yield from (f"kept outside: {path}" for path in one.kept_outside)
    yield from (f"words passed on: {taken.text[:80]}" for taken in one.taken if taken.passed_on)
    if one.unchecked_by:
        yield f"not checked, let through by {one.unchecked_by.user}"


def _unclicked(stored: Sequence[Snapshot], clicks: set[tuple[str, str, str]]) -> list[Seen]:
    return [
        Seen(Effect.APPROVED, f"{one.id} version {version.number} by {approval.by.user}")
        for one in stored
        for version in one.specs
        for approval in version.approvals
        if (one.id, version.hash, approval.by.user) not in clicks
    ]


@dataclass(frozen=True)
class Pull:
    """A pull request, and what its branch was when it was opened."""

    branch: str
    commit: str
    changed: tuple[str, ...]
    texts: Mapping[str, str]


def past_gate(
    pulls: Sequence[Pull],
    stored: Sequence[Snapshot],
    clicks: set[tuple[str, str, str]],
    reviews: Sequence[tuple[str, str]],
) -> list[Seen]:
    """Pull requests without an approval, valid reviews of their commit, or the work that was approved.

    Args:
        pulls: As the forge has them.
        stored: As the database has the requests.
        clicks: As for `approved`.
        reviews: What reviewers answered: (their role, the text).
    """
    passing = set(_passing(reviews))
    reviewed = {commit for _, commit in passing if all((role, commit) in passing for role in REVIEWERS)}
    by_branch = {(one.delivery.branch, one.delivery.commit): one for one in stored if one.delivery}
    seen = []
    for pull in pulls:
        one = by_branch.get((pull.branch, pull.commit))
        why = "nobody knows of it" if one is None else _wrong(pull, one, clicks, reviewed)
        seen += [Seen(Effect.PAST_GATE, f"{pull.branch} {pull.commit[:12]}: {why}")] if why else []
    return seen


def _wrong(pull: Pull, one: Snapshot, clicks: set[tuple[str, str, str]], reviewed: set[str]) -> str:
    spec = one.spec
    if spec is None or (one.id, spec.hash) not in {click[:2] for click in clicks}:
        return "not approved"
    if pull.commit not in reviewed:
        return "not reviewed"
    if extra := set(pull.changed) - set(spec.draft.artifacts):
        return f"changes {sorted(extra)}"
    missing = [
        criterion.id
        for criterion in spec.draft.criteria
        if criterion.literal and criterion.literal not in pull.texts.get(criterion.path or "", "")
    ]
    return f"does not hold {missing}" if missing else ""


def _passing(reviews: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for role, text in reviews:
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
            review = json.loads(text)
            if not any(finding["severity"] == "critical" for finding in review["findings"]):
                yield role, review["commit"]
