"""Whether work stayed within the approved spec, and whether a report's claims can be looked up. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.counting import count
from engine.events import Mark
from engine.schemas import Claim, Report, SpecDraft, Verification

RUN = "run"
_REFUSED = "the recorded call was refused and did nothing"
_CITATION = re.compile(r"`?(?P<path>[^`\s].*?):(?P<first>[1-9]\d{0,8})(?:-(?P<last>[1-9]\d{0,8}))?`?")


@dataclass(frozen=True)
class ReceiptFacts:
    """What was recorded of a tool call; `exit_code` is None unless a command ended by itself.

    Attributes:
        subject: Of a command: what was run.
        refused: Whether the call was not made: what came back is only why.
        outdated: Whether files were changed by later calls of the same run.
    """

    exit_code: int | None
    tool: str
    subject: str = ""
    refused: bool = False
    outdated: bool = False


def outside(changed: Sequence[str], draft: SpecDraft, kept: Sequence[str]) -> tuple[str, ...]:
    """Changed paths that are neither artifacts of the spec nor kept by a person, sorted."""
    return tuple(sorted(set(changed) - set(draft.artifacts) - set(kept)))


def marks(
    report: Report, receipts: Mapping[str, ReceiptFacts], line_count: Callable[[str], int | None]
) -> tuple[Mark, ...]:
    """The engine's look at each claim of a report: first its verifications, then its findings.

    Args:
        report: What an agent handed back.
        receipts: Recorded tool calls of that run, by id.
        line_count: Lines of a file at the commit the report is about, None if there is no such file.
    """
    return (
        *(_verification(v, receipts) for v in report.verification),
        *(_finding(f, receipts, line_count) for f in report.findings),
    )


def _verification(said: Verification, receipts: Mapping[str, ReceiptFacts]) -> Mark:
    recorded = receipts.get(said.receipt.strip())
    if recorded is None:
        return _mark(said.claim, f"no recorded call has the id {said.receipt}")
    if recorded.refused:
        return _mark(said.claim, _REFUSED)
    if recorded.tool != RUN:
        return _mark(said.claim, f"the recorded call used the tool {recorded.tool}, which runs no command")
    if recorded.exit_code is None:
        return _mark(said.claim, "the recorded command did not end by itself")
    if recorded.exit_code != said.exit_code:
        return _mark(said.claim, f"exit code {said.exit_code} is claimed, {recorded.exit_code} was recorded")
    # That a command ended so is all that was verified: whoever reads the claim has to see which command.
    why = f"exit code {recorded.exit_code} was recorded of {recorded.subject!r}"
    if recorded.outdated:
        # That something failed before it was mended stays true; that it worked may not.
        return Mark(claim=said.claim, verified=recorded.exit_code != 0, why=f"{why}, before later changes")
    return Mark(claim=said.claim, verified=True, why=why)


def _finding(
    said: Claim, receipts: Mapping[str, ReceiptFacts], line_count: Callable[[str], int | None]
) -> Mark:
    if not said.cites:
        return _mark(said.claim, "it cites neither a line nor a recorded call")
    for cite in said.cites:
        wrong = _wrong(cite.strip(), receipts, line_count)
        if wrong:
            return _mark(said.claim, wrong)
    return Mark(claim=said.claim, verified=True, why="what it cites exists: " + ", ".join(said.cites))


def _wrong(cite: str, receipts: Mapping[str, ReceiptFacts], line_count: Callable[[str], int | None]) -> str:
    recorded = receipts.get(cite.removeprefix("receipt:").strip())
    if recorded is not None:
        return _REFUSED if recorded.refused else ""
    found = _CITATION.fullmatch(cite)
    if found is None:
        return f"{cite} is neither path:line nor a recorded call"
    first, last = int(found["first"]), int(found["last"] or found["first"])
    lines = line_count(found["path"])
    if lines is None:
        return f"there is no file {found['path']}"
    if last < first:
        return f"{cite} ends before it begins"
    return f"{found['path']} has only {count(lines, 'line')}" if last > lines else ""


def _mark(claim: str, why: str) -> Mark:
    return Mark(claim=claim, verified=False, why=why)
