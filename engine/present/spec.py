"""A version of the spec as sections, its difference from the version before, and as text."""

from engine.cards import ApprovalWait, SectionDiff, SpecCard, SpecSection
from engine.events import CheckResult
from engine.policy import awaited
from engine.present.progress import where
from engine.request import Policy, Snapshot, SpecFate, SpecVersion
from engine.schemas import Criterion, PlannedTask, SettledBy, SpecDraft
from engine.sections import EDITABLE


def spec_card(snapshot: Snapshot, index: int, policy: Policy | None) -> SpecCard:
    """The card of version `index + 1`."""
    spec = snapshot.every_version[index]
    before = snapshot.every_version[index - 1] if index > len(snapshot.past.specs) else None
    newest = index == len(snapshot.every_version) - 1
    fate = spec.fate.value
    if spec.fate is SpecFate.OPEN and (snapshot.state.ended or not newest):
        fate = "closed"
    return SpecCard(
        request=snapshot.id,
        key=f"spec:{spec.number}",
        title=spec.draft.title,
        repository=where(snapshot) if spec in snapshot.specs else "",
        version=spec.number,
        hash=spec.hash,
        sections=(*sections(spec, snapshot.base_results if newest else ()), *_left_out(snapshot)),
        because=spec.because,
        diff=difference(before, spec) if before else (),
        wait=ApprovalWait(
            named=(awaited(policy, snapshot) or policy.approvers) if policy and newest else (),
            have=tuple(approval.by for approval in spec.approvals),
            need=policy.approvals if policy else 1,
        ),
        fate=fate,
        decided_by=spec.decided_by,
        editable=tuple(EDITABLE.items()),
    )


def _left_out(snapshot: Snapshot) -> tuple[SpecSection, ...]:
    """Beside the plan: agent files of the repository that do not count."""
    return (SpecSection(name="Agent files", lines=snapshot.left_out),) if snapshot.left_out else ()


def sections(spec: SpecVersion, base: tuple[CheckResult, ...] = ()) -> tuple[SpecSection, ...]:
    """All sections in reading order; empty ones are left out.

    Args:
        spec: The version.
        base: Results of the checks at the base commit, shown beside the criteria they settle.
    """
    draft = spec.draft
    green = {result.check: result.green for result in base if result.tells}
    lists = (
        ("Problem", (draft.problem,), False),
        ("Success criteria", _success(draft), False),
        ("Acceptance criteria", tuple(_criterion(c, green) for c in draft.criteria), True),
        ("Files that may change", draft.artifacts, True),
        ("Approach", draft.approach, False),
        ("Upstream", draft.upstream, False),
        ("Downstream", draft.downstream, False),
        ("Data quality", draft.data_quality, False),
        ("In scope", draft.in_scope, False),
        ("Out of scope", draft.out_of_scope, False),
        ("Assumptions", draft.assumptions, False),
        ("Plan", _plan(spec), False),
        ("Branch and commit", (*_branch(spec), draft.commit_subject), True),
    )
    return tuple(SpecSection(name=name, lines=lines, whole=whole) for name, lines, whole in lists if lines)


def _branch(spec: SpecVersion) -> tuple[str, ...]:
    if spec.existing is None:
        return (f"{spec.branch}, from {spec.base_commit[:10]}",)
    there = spec.existing
    return (
        f"{there.branch}: its commit {there.head} is reviewed as it stands, from {spec.base_commit[:10]}",
        f"{spec.branch}: takes fixes, if any are asked for, with a draft of its own; "
        f"nothing is pushed to {there.branch}",
        f"Ticket: {there.ticket}" if there.ticket else "No ticket",
    )


def _success(draft: SpecDraft) -> tuple[str, ...]:
    return tuple(f"{s.text} ({', '.join(s.criteria)})" for s in draft.success_criteria)


def _criterion(criterion: Criterion, green: dict[str, bool]) -> str:
    return f"{criterion.id}: {criterion.text} [{_how(criterion, green)}]"


def _how(criterion: Criterion, green: dict[str, bool]) -> str:
    match criterion.settled_by:
        case SettledBy.CHECK:
            today = green.get(criterion.check or "")
            words = {True: "; passes today: guards against regressions only", False: "; fails today"}
            return f"check {criterion.check}{words.get(today, '') if today is not None else ''}"
        case SettledBy.FILE:
            return f"file {criterion.path} exists"
        case SettledBy.TEXT:
            return f"{criterion.path} holds “{criterion.literal}”"
        case SettledBy.JUDGED:
            return f"judged by {criterion.reviewer}"
        case SettledBy.ATTESTED:
            return f"confirmed by {criterion.who}: {criterion.how}, {criterion.when}"


def _plan(spec: SpecVersion) -> tuple[str, ...]:
    return tuple(f"{number}. {_task(task)}" for number, task in enumerate(spec.plan.tasks, 1))


def _task(task: PlannedTask) -> str:
    """Everything that an agent will be told of it: what is approved is shown."""
    after = f", after {', '.join(task.depends_on)}" if task.depends_on else ""
    when = f", only if {task.condition.task} ends {task.condition.outcome.value}" if task.condition else ""
    told = [f"{task.id}: {task.agent} ({task.tier.value}{after}{when}): {task.objective}"]
    told += [f"Boundaries: {'; '.join(task.boundaries)}"] if task.boundaries else []
    told += [f"Returns: {'; '.join(task.returns)}", f"Worth: {task.effort}"]
    return " · ".join(told)


def difference(before: SpecVersion, after: SpecVersion) -> tuple[SectionDiff, ...]:
    """What was removed from and added to each section, in the order of the sections.

    A criterion that only has another number now is no difference.
    """
    old = {s.name: s.lines for s in sections(before)}
    moved = {s.name: s.lines for s in sections(_renumbered(before, after))}
    new = {s.name: s.lines for s in sections(after)}
    diffs = []
    for name in dict.fromkeys((*new, *old)):
        then, now = moved.get(name, ()), new.get(name, ())
        removed = tuple(line for line, same in zip(old.get(name, ()), then, strict=True) if same not in now)
        added = tuple(line for line in now if line not in then)
        if removed or added:
            diffs.append(SectionDiff(name=name, removed=removed, added=added))
    return tuple(diffs)


def _renumbered(before: SpecVersion, after: SpecVersion) -> SpecVersion:
    """The version before, its criteria called as those of the same words are now."""
    names = {criterion.text: criterion.id for criterion in after.draft.criteria}
    called = {c.id: names.get(c.text, f"{c.id} before") for c in before.draft.criteria}
    criteria = tuple(c.model_copy(update={"id": called[c.id]}) for c in before.draft.criteria)
    success = tuple(
        s.model_copy(update={"criteria": tuple(called.get(id, id) for id in s.criteria)})
        for s in before.draft.success_criteria
    )
    draft = before.draft.model_copy(update={"criteria": criteria, "success_criteria": success})
    return before.model_copy(update={"draft": draft})


def spec_text(spec: SpecVersion) -> str:
    """The whole version as plain text."""
    parts = [f"{spec.draft.title}\nversion {spec.number}, hash {spec.hash}"]
    parts += [f"{s.name}\n" + "\n".join(f"- {line}" for line in s.lines) for s in sections(spec)]
    return "\n\n".join(parts)
