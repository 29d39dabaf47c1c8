"""What the ends of runs say in a request's story. Pure."""

from collections.abc import Iterator

from engine.events import (
    UNPREPARED,
    Asked,
    Assessed,
    CheckResult,
    Delivered,
    Failed,
    Held,
    Result,
    Reviewed,
    TaskEnded,
    ToldApart,
    Triaged,
    Verified,
)
from engine.request import Snapshot

Told = tuple[str, str, tuple[str, ...]]
"""Who, what, details."""

US = "greenlight"


def told(result: Result, snapshot: Snapshot) -> Iterator[Told]:
    """What this result adds to the story; nothing where something else tells it."""
    match result:
        case Assessed():
            yield _assessed(result)
        case Asked():
            headers = ", ".join(question.header for question in result.questions.questions)
            yield US, f"asked about {headers}", tuple(q.text for q in result.questions.questions)
        case TaskEnded():
            yield _task(result, snapshot)
        case Verified() if result.commit != snapshot.base_commit:
            yield _verified(result)
        case Reviewed():
            yield _reviewed(result)
        case Delivered():
            commit = f"commit {result.commit[:10]} on {result.branch}"
            kind = "draft pull request" if result.draft else "pull request"
            what = f"opened {kind} #{result.number} of {commit}"
            moved = result.base_moved
            base = (f"The base branch had gone on to {moved.head[:10]}",) if moved else ()
            yield US, what, (result.url, *base, *(f"Not set at the forge: {line}" for line in result.unset))
        case Held():
            yield _held(result)
        case Triaged():
            yield from (_taken(one, snapshot) for one in (result, *result.others))
        case Failed():
            reference = f" (error {result.error_id})" if result.error_id else ""
            yield US, f"could not go on ({result.cause.value}): {result.sentence}{reference}", ()


def _taken(one: ToldApart, snapshot: Snapshot) -> Told:
    """A message of the thread by how it begins; of any other no word is repeated."""
    said = {taken.ts: taken.text for taken in snapshot.taken}
    said |= {wish.ts: wish.text for wish in snapshot.scope_items}
    words = " ".join(said.get(one.message, "").split())
    message = f"“{words if len(words) <= 60 else words[:59] + '…'}”" if words else "a message"
    title = f" ({one.title})" if one.title else ""
    return US, f"took {message} for: {one.kind.value}{title}", ()


def _held(result: Held) -> Told:
    details = (
        *(f"Changes {one.path}: {one.what}" for one in result.guarded),
        *(f"Would run {one.path}: {'; '.join(one.why)}" for one in result.workflows),
    )
    return US, f"asked for an approval of the push of commit {result.commit[:10]} to {result.branch}", details


def _assessed(result: Assessed) -> Told:
    assessment = result.assessment
    details = (
        *(f"It could mean: {one.reading}. Risk: {one.risk}" for one in assessment.interpretations),
        *(f"Open, {gap.topic.value}: {gap.what}" for gap in assessment.gaps),
        *result.left_out,
    )
    verdict = f"{assessment.verdict.value}, at commit {result.base_commit[:10]}"
    what = f"assessed it as {verdict}: {assessment.understood}"
    return US, what, details


def _task(result: TaskEnded, snapshot: Snapshot) -> Told:
    agent = next((task.agent for task in snapshot.every_task if task.id == result.task), "an agent")
    report = result.report
    details = [
        f"{'verified' if mark.verified else 'unverified'}: {mark.claim}"
        + ("" if mark.verified else f" ({mark.why})")
        for mark in result.marks
    ]
    details += [
        f"Receipt {one.receipt}: {one.claim}, exit code {one.exit_code}" for one in report.verification
    ]
    details += [f"Outside the spec: {path}" for path in result.outside]
    details += [f"Never committed: {path} ({why})" for path, why in result.refused]
    commit = f", commit {result.commit[:10]}" if result.commit else ""
    return agent, f"ended {result.task} ({report.outcome.value}{commit}): {report.summary}", tuple(details)


def _verified(result: Verified) -> Told:
    details = tuple(f"{one.check} ({one.where.value}): " + _end(one) for one in result.results)
    return US, f"ran the checks at commit {result.commit[:10]}", details


def _end(result: CheckResult) -> str:
    if result.ended == UNPREPARED:
        return f"not run: {result.output_tail}"
    return f"exit code {result.exit_code}" if result.exit_code is not None else f"ended by {result.ended}"


def _reviewed(result: Reviewed) -> Told:
    review = result.review
    if review is None or result.invalid:
        return result.reviewer, f"gave a review that does not count: {result.invalid}", ()
    findings = tuple(f"{one.severity.value}: {one.title} ({one.path}:{one.line})" for one in review.findings)
    return result.reviewer, f"reviewed commit {review.commit[:10]}: {review.summary}", findings
