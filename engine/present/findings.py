"""What an investigation found, as a card and as text."""

from engine.cards import FindingsCard, FoundLine, FoundReport, Trust
from engine.events import Mark, Origin
from engine.request import Investigation, Policy, Snapshot, Task, TaskStatus
from engine.schemas import Claim, Report


def investigation(snapshot: Snapshot, index: int) -> Investigation | None:
    """Investigation `index + 1`; None if there is none, or it was into another repository."""
    current = index - snapshot.past.investigations
    return snapshot.investigations[current] if 0 <= current < len(snapshot.investigations) else None


def findings_card(snapshot: Snapshot, index: int, policy: Policy | None) -> FindingsCard:
    """The card of investigation `index + 1`."""
    found = investigation(snapshot, index)
    assert found is not None  # noqa: S101 (the caller asks only where there is one)
    looks = [task for task in snapshot.tasks if task.id in found.looks]
    done = [task for task in looks if task.status is TaskStatus.DONE]
    return FindingsCard(
        request=snapshot.id,
        key=f"findings:{index + 1}",
        title=snapshot.title,
        number=index + 1,
        reports=tuple(_report(task, task.report) for task in done if task.report),
        recommendations=tuple(
            f"{step} ({task.agent})" for task in done if task.report for step in task.report.next_steps
        ),
        contradictions=found.contradictions,
        missing=(*_missing(looks), *_no_web(policy)),
    )


def _report(task: Task, report: Report) -> FoundReport:
    return FoundReport(
        agent=task.agent,
        summary=report.summary,
        lines=tuple(
            _line(claim, mark)
            for claim, mark in zip(report.findings, _marks_of_findings(task, report), strict=False)
        ),
    )


def _marks_of_findings(task: Task, report: Report) -> tuple[Mark, ...]:
    """The marks of a report stand in the order of its verifications, then its findings."""
    return task.marks[len(report.verification) :]


def _line(claim: Claim, mark: Mark) -> FoundLine:
    if mark.origin is Origin.WEB:
        trust = Trust.FROM_THE_WEB
    else:
        trust = Trust.CHECKED if mark.verified else Trust.UNVERIFIED
    return FoundLine(
        text=claim.claim, cites=claim.cites, trust=trust, why="" if trust is Trust.CHECKED else mark.why
    )


def _missing(looks: list[Task]) -> list[str]:
    lines = []
    for task in looks:
        if task.status is TaskStatus.FAILED:
            lines.append(f"{task.agent} came back with nothing: {task.trouble}")
        elif task.report and task.report.outcome.value != "done":
            lines.append(f"{task.agent} found out only a part of what was asked")
    return lines


def _no_web(policy: Policy | None) -> list[str]:
    if policy is None or policy.web_researchers or not policy.may_look:
        return []
    return ["The web was not searched: that is switched off in the configuration"]


def findings_text(snapshot: Snapshot, index: int) -> str:
    """An investigation whole."""
    card = findings_card(snapshot, index, None)
    parts = []
    for report in card.reports:
        lines = [f"{report.agent}: {report.summary}"]
        lines += [f"- {found_line(line)}" for line in report.lines]
        parts.append("\n".join(lines))
    for name, listed in (
        ("Recommended", card.recommendations),
        ("Contradictions", card.contradictions),
        ("Missing", card.missing),
    ):
        if listed:
            parts.append(f"{name}\n" + "\n".join(f"- {line}" for line in listed))
    return "\n\n".join(parts)


def found_line(line: FoundLine) -> str:
    """A claim with what it cites and how far it can be trusted."""
    cited = f" ({', '.join(line.cites)})" if line.cites else ""
    mark = (
        "" if line.trust is Trust.CHECKED else f" [{line.trust.value}{': ' + line.why if line.why else ''}]"
    )
    return f"{line.text}{cited}{mark}"
