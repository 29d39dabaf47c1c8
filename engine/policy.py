"""Who may do what, and whether there are enough approvals: pure."""

from collections.abc import Sequence

from engine.agents.roster import NEEDED_TO_LOOK, Agent
from engine.naming import address_of, owner_and_name
from engine.people import Person
from engine.request import Approval, Candidate, Policy, Push, PushFate, Snapshot, SpecFate, State
from engine.schemas import SettledBy
from engine.settings import RepositorySettings, Settings

_AFTER_APPROVAL = {State.WORKING, State.REVIEWING, State.DELIVERING}


def policy_for(
    settings: Settings, repository: RepositorySettings | None, team: str, roster: Sequence[Agent]
) -> Policy | None:
    """What configuration says about requests for this repository; None if there is no repository.

    Approvers are configured by user id and belong to the team of the request.
    """
    if repository is None:
        return None
    writers = tuple(agent.name for agent in roster if agent.writes)
    lookers = tuple(agent.name for agent in roster if agent.looks and not agent.searches_web)
    searchers = tuple(agent.name for agent in roster if agent.searches_web)
    readers = tuple(name for name in lookers if name not in writers)
    return Policy(
        repository=repository.name,
        approvers=tuple(Person(team=team, user=user) for user in repository.approvers),
        approvals=repository.approvals,
        requester_may_approve=repository.requester_may_approve,
        reviewers=repository.reviewers,
        branch_prefix=repository.branch_prefix,
        implementer=writers[0],
        researcher=readers[0],
        may_write=writers,
        may_look=(*lookers, *(searchers if settings.web.enabled else ())),
        web_researchers=searchers if settings.web.enabled else (),
        cap_usd=settings.caps.usd_per_request,
        cap_tokens=settings.caps.tokens_per_request,
        cap_minutes=settings.caps.minutes_per_request,
        requests_a_day=settings.caps.requests_per_person_day,
        day_zone=settings.caps.day_zone,
        review_rounds=settings.caps.review_rounds,
        question_rounds=settings.caps.question_rounds,
        remind_after_s=settings.waiting.remind_after_h * 3600,
        expire_after_s=settings.waiting.expire_after_h * 3600,
        follow_rounds=settings.follow.rounds,
        follow_asks=settings.follow.ask,
        review_bots=settings.follow.review_bots,
    )


def as_candidate(repository: RepositorySettings, policy: Policy) -> Candidate:
    """A repository as people may choose it among several; nothing of it tells a local path."""
    at_github = repository.github and repository.github.repository
    path = at_github or owner_and_name(repository.remote)
    return Candidate(
        policy=policy,
        about=(repository.about.strip() or path or f"base branch {repository.base}")[:200],
        names=(repository.name, *repository.aliases, *((path,) if path else ())),
        address=address_of(repository.remote),
    )


def staffed(policy: Policy, snapshot: Snapshot) -> Policy:
    """The policy with the agents this request has: the repository's files may add and narrow some."""
    if not snapshot.seats:
        return policy
    workers = [seat for seat in snapshot.seats if not seat.reviews]
    writers = tuple(seat.name for seat in workers if seat.writes)
    lookers = tuple(seat.name for seat in workers if NEEDED_TO_LOOK & set(seat.tools))
    readers = tuple(name for name in lookers if name not in writers)
    return policy.model_copy(
        update={
            "may_write": writers,
            "implementer": _first(policy.implementer, writers),
            "may_look": (*lookers, *policy.web_researchers),
            "researcher": _first(policy.researcher, readers or lookers),
        }
    )


def _first(usual: str, names: Sequence[str]) -> str:
    return usual if usual in names or not names else names[0]


def may_approve(policy: Policy, snapshot: Snapshot, person: Person) -> bool:
    """Whether this person's approval counts for this request."""
    if person.team != snapshot.team:
        return False
    if person == snapshot.requester and not policy.requester_may_approve:
        return False
    return not policy.approvers or person in policy.approvers


def alone(policy: Policy, requester: Person) -> bool:
    """Whether a request can be approved by nobody but who made it."""
    named = not policy.approvers or requester in policy.approvers
    return policy.requester_may_approve and policy.approvals == 1 and named


def movable(snapshot: Snapshot) -> bool:
    """Whether another repository may be chosen: no version of the spec was ever approved."""
    approved = snapshot.spec is not None and snapshot.spec.fate is SpecFate.APPROVED
    begun = approved or bool(_AFTER_APPROVAL & set(snapshot.states))
    return bool(snapshot.repository) and not snapshot.state.ended and not begun


def enough(policy: Policy, snapshot: Snapshot, approvals: Sequence[Approval]) -> bool:
    """Whether these approvals, each person once and each still entitled, suffice."""
    return len({a.by for a in entitled(policy, snapshot, approvals)}) >= policy.approvals


def pending_push(snapshot: Snapshot) -> Push | None:
    """The push that waits for an approval of its own, if one does."""
    push = snapshot.pushes[-1] if snapshot.pushes else None
    approved = snapshot.spec is not None and snapshot.spec.fate is SpecFate.APPROVED
    if snapshot.state is not State.AWAITING_APPROVAL or not approved or push is None:
        return None
    return push if push.held.commit == snapshot.head and push.fate is PushFate.OPEN else None


def push_allowed(policy: Policy, snapshot: Snapshot) -> bool:
    """Whether the head may be pushed as far as it was asked: nothing was, or enough people approved that."""
    push = snapshot.pushes[-1] if snapshot.pushes else None
    return push is None or push.held.commit != snapshot.head or enough(policy, snapshot, push.approvals)


def can_suffice(policy: Policy, snapshot: Snapshot) -> bool:
    """Whether enough people are entitled at all: the requester may be one of too few approvers."""
    named = {p for p in policy.approvers if may_approve(policy, snapshot, p)}
    return not policy.approvers or len(named) >= policy.approvals


def entitled(policy: Policy, snapshot: Snapshot, approvals: Sequence[Approval]) -> tuple[Approval, ...]:
    """Those of these approvals that count today."""
    return tuple(a for a in approvals if may_approve(policy, snapshot, a.by))


def required_reviewers(policy: Policy, snapshot: Snapshot) -> tuple[str, ...]:
    """Reviewers without whose valid review nothing is delivered: of the opening, of today, of the spec."""
    criteria = snapshot.spec.draft.criteria if snapshot.spec else ()
    judges = tuple(c.reviewer for c in criteria if c.settled_by is SettledBy.JUDGED and c.reviewer)
    return tuple(dict.fromkeys((*snapshot.reviewers, *policy.reviewers, *judges)))


def awaited(policy: Policy, snapshot: Snapshot) -> tuple[Person, ...]:
    """The named approvers who could still approve; empty if anyone but the requester may."""
    asked = pending_push(snapshot) or snapshot.spec
    have = {a.by for a in asked.approvals} if asked else set()
    return tuple(p for p in policy.approvers if may_approve(policy, snapshot, p) and p not in have)
