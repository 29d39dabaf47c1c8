"""Step 7: exactly the reviewed commit becomes a branch and a draft pull request."""

from collections.abc import Sequence
from typing import Any

from engine import existing, gate, scope
from engine.agents.roster import built_in
from engine.errors import NeedsPerson, PushRejected, RepositoryUnusable
from engine.events import Cause, Delivered, Failed, Held, Leak
from engine.findings import standing
from engine.people import Person
from engine.policy import enough, may_approve, policy_for, required_reviewers
from engine.ports import Draft, PullRequest
from engine.request import (
    Approval,
    GateVerdict,
    Policy,
    ReviewRound,
    Settled,
    Snapshot,
    SpecFate,
    SpecVersion,
    hash_of,
)
from engine.runs import pull_request, pushing, recipe
from engine.runs.base_moved import base_moved, note
from engine.runs.context import Context
from engine.runs.leaking import in_texts, in_work
from engine.runs.material import approved_spec
from engine.runs.patience import patiently


async def run(context: Context) -> Delivered | Held | Failed:
    """Push the commit, read it back, and open or update the draft.

    Approval and gate are looked at once more: whatever started this run, nothing leaves without them. A push
    that changes protected paths, or sets workflows with secrets off, needs an approval of its own.

    Raises:
        PushRejected: the remote did not take the commit, or holds another one.
        Unreachable: remote or forge stayed away.
        NeedsPerson: the forge refused.
    """
    snapshot, spec = context.snapshot, approved_spec(context.snapshot)
    current = snapshot.round
    policy = policy_for(context.settings, context.repository, snapshot.team, tuple(built_in().values()))
    if current is None or policy is None:
        return Failed(cause=Cause.PUSH, sentence="Nothing was reviewed, so nothing was delivered.")
    settled = _settled(snapshot, spec, current)
    members = await _members(context, spec)
    approvals = tuple(approval for approval in spec.approvals if approval.by in members)
    problem = (
        not_approved(spec, snapshot, policy, approvals)
        or not_passed(settled, snapshot, current, policy, unchecked_allowed=snapshot.unchecked_by in members)
        or await _outside(context, spec, current.commit)
    )
    if problem:
        return Failed(cause=Cause.PUSH, sentence=f"Nothing was delivered: {problem}")
    if leaks := await _leaks(context, spec, current.commit, policy, members):
        return Failed(cause=Cause.LEAK, sentence="What was about to leave looks like secrets.", leaks=leaks)
    as_it_stood = spec.existing is not None and spec.existing.head == current.commit
    branch = spec.existing.branch if spec.existing and as_it_stood else spec.branch
    moved = await base_moved(context, spec, current.commit)
    held = await pushing.looked_through(
        context.workspace,
        context.repository,
        (spec.base_commit, *await _heads(context)),
        current.commit,
        branch,
    )
    if held and not pushing.allowed(snapshot, policy, held, members):
        return held
    await context.unbroken()
    if as_it_stood:
        await _still_there(context, branch, current.commit)
    else:
        await _push(context, branch, current.commit)
    replaces = _replaced(snapshot, branch)
    above = note(context.repository.base, moved)
    opened = await _open(context, settled, branch, current.commit, replaces, above)
    return Delivered(
        branch=branch,
        commit=current.commit,
        number=opened.number,
        url=opened.url,
        draft=opened.draft,
        base_moved=moved,
        replaces=replaces,
        unset=opened.unset,
    )


async def _heads(context: Context) -> list[str]:
    """Where the base branch and the default branch are now: events such as comments run what stands there."""

    async def look() -> list[str]:
        try:
            heads = [await context.workspace.refresh(), await context.workspace.default_head()]
        except RepositoryUnusable:
            return []  # as it was looked through when the work began
        return list(dict.fromkeys(head for head in heads if head))

    return await patiently(context, "definitions", look)


async def _members(context: Context, spec: SpecVersion) -> frozenset[Person]:
    """Who of those whose word is needed may still act: not who left or cannot be looked up."""
    snapshot = context.snapshot
    unchecked_by = snapshot.unchecked_by
    approvals = (*spec.approvals, *(one for push in snapshot.pushes[-1:] for one in push.approvals))
    words = [*(approval.by for approval in approvals), *(word.by for word in snapshot.let_through)]
    asked = list(dict.fromkeys([*words, *([unchecked_by] if unchecked_by else ())]))

    async def look_up() -> list[bool]:
        # Who removes me from the channel has no other way left to stop me: nothing leaves unseen.
        await context.chat.history(snapshot.id, 1)
        return [(await context.chat.person_now(person)).may_act for person in asked]

    found = await patiently(context, "approvers", look_up)
    return frozenset(person for person, may in zip(asked, found, strict=True) if may)


async def _outside(context: Context, spec: SpecVersion, commit: str) -> str:
    """Which changes nobody approved, or nothing; read of the commit, whatever was reported of the work."""
    changed = [change.path for change in await context.workspace.changes(spec.base_commit, commit)]
    beyond = scope.outside(changed, spec.draft, context.snapshot.kept_outside)
    return f"it changes files that nobody approved: {', '.join(beyond[:10])}." if beyond else ""


async def _leaks(
    context: Context, spec: SpecVersion, commit: str, policy: Policy, members: frozenset[Person]
) -> tuple[Leak, ...]:
    texts = {"the commit's message": spec.draft.commit_subject, "the branch's name": spec.branch}
    found = (*await in_work(context.workspace, spec, commit), *await in_texts(texts))
    return leaks_left(context.snapshot, commit, found, members, policy)


def leaks_left(
    snapshot: Snapshot, commit: str, found: Sequence[Leak], members: frozenset[Person], policy: Policy
) -> tuple[Leak, ...]:
    """What was not let through by one who may today, at exactly this commit."""
    allowed = {
        word.leak
        for word in snapshot.let_through
        if word.commit == commit and word.by in members and may_approve(policy, snapshot, word.by)
    }
    return tuple(leak for leak in found if leak not in allowed)


def not_approved(spec: SpecVersion, snapshot: Snapshot, policy: Policy, approvals: Sequence[Approval]) -> str:
    """Why these approvals do not hold for exactly this text, or nothing."""
    if hash_of(spec) != spec.hash:
        return "the specification is not the one that was approved."
    if spec.fate is not SpecFate.APPROVED or not enough(policy, snapshot, approvals):
        return (
            "the specification has not enough approvals that count today; "
            "who approved may have left or lost the right to."
        )
    return ""


def not_passed(
    settled: tuple[Settled, ...],
    snapshot: Snapshot,
    current: ReviewRound,
    policy: Policy,
    *,
    unchecked_allowed: bool,
) -> str:
    """Why the gate does not let exactly this commit through, or nothing."""
    if current.commit != (snapshot.head or current.commit):
        return "the work has changed since it was reviewed."
    verdict = gate.gate(
        settled,
        standing(current),
        required=required_reviewers(policy, snapshot),
        commit=current.commit,
        unchecked_allowed=unchecked_allowed,
    )
    if verdict.verdict is GateVerdict.PASS:
        return ""
    return f"the gate says {verdict.verdict}: {'; '.join(verdict.reasons[:3])}"


def _settled(snapshot: Snapshot, spec: SpecVersion, current: ReviewRound) -> tuple[Settled, ...]:
    return gate.settle(
        spec.draft,
        snapshot.base_results,
        current.results or (),
        current.facts,
        standing(current),
        commit=current.commit,
    )


async def _still_there(context: Context, branch: str, commit: str) -> None:
    """Work that others pushed is never pushed again: their branch has to hold what was reviewed."""

    async def read_back() -> str | None:
        return await context.workspace.pushed(branch)

    held = await patiently(context, "read back", read_back)
    if held != commit:
        raise PushRejected(
            f"The branch {branch} was moved after commit {commit[:12]} was reviewed, so nothing was opened. "
            "Put it back, or ask me anew in a new thread to have the new commit reviewed."
        )


async def _push(context: Context, branch: str, commit: str) -> None:
    context.tell(f"Pushing {commit[:12]} to {branch}")

    async def push() -> None:
        await context.workspace.push(commit, branch)

    async def read_back() -> str | None:
        return await context.workspace.pushed(branch)

    await patiently(context, "push", push)
    held = await patiently(context, "read back", read_back)
    if held != commit:
        raise PushRejected(f"The remote does not hold on {branch} what was pushed to it; nothing was opened.")


def _replaced(snapshot: Snapshot, branch: str) -> int:
    """The draft on a branch of others whose place this one takes, or took before; 0 for none."""
    before = snapshot.delivery
    if before is None or before.branch == branch:
        return before.replaces if before else 0
    return before.number if existing.delivered_elsewhere(snapshot) else 0


async def _open(
    context: Context, settled: tuple[Settled, ...], branch: str, commit: str, replaced: int, above: str
) -> PullRequest:
    """One pull request a branch of a request, ever: an earlier one is brought up to date."""
    snapshot, spec = context.snapshot, approved_spec(context.snapshot)
    before = existing.delivered_elsewhere(snapshot)
    title, form = await recipe.drafted(context, settled) if spec.existing else (pull_request.title(spec), "")
    room = pull_request.LONGEST_BODY - len(form) - len(above)
    body = f"{above}{pull_request.body(snapshot, settled, await _names(context), room)}"
    fixed = any(version.existing for version in snapshot.specs) and branch == spec.branch
    replaces = f"Takes the place of #{replaced}.\n\n" if fixed and replaced else ""
    draft = Draft(
        # A fix of others' work stands on a branch of ours, and a pull request cannot change its branch.
        key=f"{snapshot.id}/fixed" if fixed else snapshot.id,
        branch=branch,
        base=context.repository.base,
        commit=commit,
        title=title,
        body=f"{replaces}{form}\n{body}" if form else f"{replaces}{body}",
    )
    context.tell("Opening the draft pull request")

    async def find_or_open() -> dict[str, Any]:
        found = await context.forge.find(draft.key, draft.branch)
        opened = await (
            context.forge.update(found.number, draft) if found else context.forge.open_draft(draft)
        )
        return opened.model_dump(mode="json")

    opened = PullRequest.model_validate(await patiently(context, "pull request", find_or_open))
    if fixed and before:
        await _say_what_replaces(context, before, opened)
    return opened


async def _say_what_replaces(context: Context, before: Delivered, opened: PullRequest) -> None:
    """A draft on a branch of others cannot be changed by us: a comment says which one takes its place."""
    text = (
        f"A fix was asked for after this draft was opened. It is in #{opened.number}, which takes the place "
        f"of this one: I never push to {pull_request.code(before.branch)}. "
        f"Merge {pull_request.code(opened.branch)} into it to have the fix here."
    )

    async def say() -> None:
        try:
            await context.forge.comment(before.number, f"{context.snapshot.id}/replaced", text)
        except NeedsPerson:
            return  # it was closed or deleted meanwhile: there is nobody left to tell

    await patiently(context, "replaced", say)


async def _names(context: Context) -> dict[str, str]:
    """What people are called, by user id; who cannot be looked up stands by the id."""
    snapshot = context.snapshot
    approvals = snapshot.spec.approvals if snapshot.spec else ()
    approvals = (*approvals, *(one for push in snapshot.pushes[-1:] for one in push.approvals))
    people = dict.fromkeys([snapshot.requester, *(approval.by for approval in approvals)])
    people |= dict.fromkeys(word.by for word in snapshot.let_through)
    if snapshot.unchecked_by:
        people[snapshot.unchecked_by] = None

    async def look_up() -> dict[str, str]:
        return {person.user: (await context.chat.person(person)).name or person.user for person in people}

    return await patiently(context, "names", look_up)
