"""Who may do what, as tables: each row is a case that an approval, a push or a repository may be in."""

from collections.abc import Sequence

import pytest

from engine.agents.roster import Agent, ToolName
from engine.events import Seat
from engine.people import Person
from engine.policy import (
    alone,
    as_candidate,
    awaited,
    can_suffice,
    enough,
    entitled,
    may_approve,
    movable,
    pending_push,
    policy_for,
    push_allowed,
    required_reviewers,
    staffed,
)
from engine.ports import Tier
from engine.request import Approval, Policy, Push, PushFate, Snapshot, SpecFate, State
from engine.schemas import SettledBy
from engine.settings import (
    Caps,
    FollowSettings,
    GitHubSettings,
    RepositorySettings,
    Settings,
    Waiting,
    WebSettings,
)
from tests.engine.stories import reached
from tests.engine.strategies import ASKER, BYSTANDER, DANA, ERIN, FOREIGN, OURS, POLICY, REVIEWER, START, held

OPEN_TO_ALL = POLICY.model_copy(update={"approvers": ()})
TWO = POLICY.model_copy(update={"approvals": 2})
OWN = POLICY.model_copy(update={"requester_may_approve": True})
ASKER_TOO = POLICY.model_copy(update={"approvers": (ASKER, DANA)})
ASKER_MAY = ASKER_TOO.model_copy(update={"requester_may_approve": True})
AWAITING = reached(State.AWAITING_APPROVAL).now


def agent(name: str, *tools: ToolName) -> Agent:
    return Agent(name=name, description="x", tools=tools, model=Tier.HAIKU, prompt="x")  # type: ignore[call-arg]


WRITER = agent("writer", ToolName.READ, ToolName.EDIT)
SCRIBE = agent("scribe", ToolName.WRITE)
LISTER = agent("lister", ToolName.LIST)
READER = agent("reader", ToolName.READ)
SEARCHER = agent("searcher", ToolName.SEARCH)
WEB_READER = agent("web-reader", ToolName.WEB_SEARCH)
JUDGE = agent("code-reviewer", ToolName.READ)
ROSTER = (LISTER, WRITER, SCRIBE, WEB_READER, JUDGE, READER, SEARCHER)


def repository(**fields: object) -> RepositorySettings:
    return RepositorySettings.model_validate({"name": "data", "remote": "/srv/git/data.git"} | fields)


# ---------------------------------------------------------------- from the configuration


def configured(*, web: bool = True) -> Policy:
    settings = Settings(
        caps=Caps(
            usd_per_request=7,
            tokens_per_request=8_000,
            minutes_per_request=9,
            requests_per_person_day=10,
            day_zone="Europe/Vienna",
            review_rounds=4,
            question_rounds=5,
        ),
        waiting=Waiting(remind_after_h=2, expire_after_h=3),
        web=WebSettings(enabled=web),
        follow=FollowSettings(rounds=6, ask=False, review_bots=("lint-bot",)),
    )
    theirs = repository(
        approvers=("U2", "U3"), approvals=2, requester_may_approve=True, reviewers=("a-reviewer",),
        branch_prefix="bot/",
    )  # fmt: skip
    policy = policy_for(settings, theirs, "T1", ROSTER)
    assert policy is not None
    return policy


def test_a_policy_holds_all_that_is_configured() -> None:
    assert configured() == Policy(
        repository="data",
        approvers=(DANA, ERIN),
        approvals=2,
        requester_may_approve=True,
        reviewers=("a-reviewer",),
        branch_prefix="bot/",
        implementer="writer",
        researcher="reader",
        may_write=("writer", "scribe"),
        may_look=("writer", "reader", "searcher", "web-reader"),
        web_researchers=("web-reader",),
        cap_usd=7,
        cap_tokens=8_000,
        cap_minutes=9,
        requests_a_day=10,
        day_zone="Europe/Vienna",
        review_rounds=4,
        question_rounds=5,
        remind_after_s=7200,
        expire_after_s=10800,
        follow_rounds=6,
        follow_asks=False,
        review_bots=("lint-bot",),
    )


def test_nobody_looks_at_the_web_where_that_is_off() -> None:
    policy = configured(web=False)
    assert (policy.may_look, policy.web_researchers) == (("writer", "reader", "searcher"), ())


def test_there_is_no_policy_without_a_repository() -> None:
    assert policy_for(Settings(), None, "T1", ROSTER) is None


@pytest.mark.parametrize(
    ("fields", "about", "names", "address"),
    [
        ({}, "base branch main", ("data",), ""),
        ({"base": "trunk", "aliases": ("lake",)}, "base branch trunk", ("data", "lake"), ""),
        ({"about": "  Tables "}, "Tables", ("data",), ""),
        ({"about": "  "}, "base branch main", ("data",), ""),
        (
            {"remote": "https://git.example/Acme/Data.git"},
            "acme/data",
            ("data", "acme/data"),
            "git.example/acme/data",
        ),
        (
            {"remote": "https://git.example/a/b.git", "github": GitHubSettings(repository="Acme/Data")},
            "Acme/Data",
            ("data", "Acme/Data"),
            "git.example/a/b",
        ),
        (
            {"remote": "https://git.example/a/b.git", "github": GitHubSettings()},
            "a/b",
            ("data", "a/b"),
            "git.example/a/b",
        ),
        (
            {"remote": "https://git.example/" + "a/" * 120 + "b.git"},
            ("a/" * 100),
            ("data", "a/" * 120 + "b"),
            "git.example/" + "a/" * 120 + "b",
        ),
    ],
)
def test_a_repository_is_offered_with_a_few_words_and_never_with_a_local_path(
    fields: dict[str, object], about: str, names: tuple[str, ...], address: str
) -> None:
    candidate = as_candidate(repository(**fields), POLICY)
    assert (candidate.about, candidate.names, candidate.address) == (about, names, address)
    assert candidate.policy == POLICY


# ---------------------------------------------------------------- the repository's agents


def seat(name: str, *tools: str, writes: bool = False, reviews: bool = False) -> Seat:
    return Seat(name=name, tools=tools, writes=writes, reviews=reviews)


def staffing(*seats: Seat, policy: Policy = POLICY) -> Policy:
    return staffed(policy, AWAITING.model_copy(update={"seats": seats}))


def test_without_agents_of_its_own_a_request_has_the_built_in_ones() -> None:
    assert staffing() == POLICY


def test_reviewers_of_a_repository_are_given_no_work() -> None:
    policy = staffing(
        seat("judge", "read", "edit", writes=True, reviews=True),
        seat("mason", "read", "edit", writes=True),
        seat("lister", "list"),
        seat("finder", "search"),
    )
    assert policy == POLICY.model_copy(
        update={
            "may_write": ("mason",),
            "implementer": "mason",
            "may_look": ("mason", "finder", "web-search-researcher"),
            "researcher": "finder",
        }
    )


def test_who_usually_works_goes_on_as_long_as_the_repository_has_them() -> None:
    policy = staffing(
        seat("another", "read", "edit", writes=True),
        seat("databricks-genius", "read", "edit", writes=True),
        seat("another-reader", "read"),
        seat("codebase-analyzer", "read"),
    )
    assert (policy.implementer, policy.researcher) == ("databricks-genius", "codebase-analyzer")


def test_a_writer_looks_where_nobody_else_can_and_nobody_is_made_up() -> None:
    assert staffing(seat("mason", "read", "edit", writes=True)).researcher == "mason"
    nobody = staffing(seat("lister", "list"))
    assert (nobody.implementer, nobody.researcher) == ("databricks-genius", "codebase-analyzer")
    assert (nobody.may_write, nobody.may_look) == ((), ("web-search-researcher",))


# ---------------------------------------------------------------- approvals


@pytest.mark.parametrize(
    ("policy", "who"),
    [
        (POLICY, {DANA, ERIN}),
        (OPEN_TO_ALL, {DANA, ERIN, BYSTANDER}),
        (OWN, {DANA, ERIN}),
        (ASKER_TOO, {DANA}),
        (ASKER_MAY, {ASKER, DANA}),
        (OPEN_TO_ALL.model_copy(update={"requester_may_approve": True}), {ASKER, DANA, ERIN, BYSTANDER}),
        (POLICY.model_copy(update={"approvers": (FOREIGN,)}), set()),
    ],
)
def test_who_may_approve(policy: Policy, who: set[Person]) -> None:
    everybody = (ASKER, DANA, ERIN, BYSTANDER, FOREIGN)
    assert {person for person in everybody if may_approve(policy, AWAITING, person)} == who


@pytest.mark.parametrize(
    ("policy", "it_is"),
    [
        (POLICY, False),
        (OWN, False),  # the requester may, but is not named
        (ASKER_MAY, True),
        (ASKER_TOO, False),
        (OPEN_TO_ALL, False),
        (OPEN_TO_ALL.model_copy(update={"requester_may_approve": True}), True),
        (ASKER_MAY.model_copy(update={"approvals": 2}), False),
    ],
)
def test_whether_the_requester_alone_can_approve(policy: Policy, it_is: bool) -> None:
    assert alone(policy, ASKER) is it_is


def by(*people: Person) -> tuple[Approval, ...]:
    return tuple(Approval(by=person, at=START) for person in people)


@pytest.mark.parametrize(
    ("policy", "people", "are"),
    [
        (POLICY, (), False),
        (POLICY, (DANA,), True),
        (POLICY, (DANA, ERIN), True),
        (POLICY, (BYSTANDER, ASKER, FOREIGN), False),
        (TWO, (DANA,), False),
        (TWO, (DANA, DANA), False),
        (TWO, (DANA, BYSTANDER), False),
        (TWO, (DANA, ERIN), True),
    ],
)
def test_how_many_approvals_are_enough(policy: Policy, people: Sequence[Person], are: bool) -> None:
    assert enough(policy, AWAITING, by(*people)) is are


def test_those_who_lost_their_say_do_not_count_any_more() -> None:
    assert entitled(POLICY, AWAITING, by(BYSTANDER, DANA, ASKER, ERIN)) == by(DANA, ERIN)


@pytest.mark.parametrize(
    ("policy", "can"),
    [
        (POLICY, True),
        (TWO, True),
        (ASKER_TOO, True),
        (ASKER_TOO.model_copy(update={"approvals": 2}), False),
        (ASKER_MAY.model_copy(update={"approvals": 2}), True),
        (OPEN_TO_ALL.model_copy(update={"approvals": 9}), True),
        (TWO.model_copy(update={"approvers": (DANA, DANA)}), False),
    ],
)
def test_whether_enough_people_are_entitled_at_all(policy: Policy, can: bool) -> None:
    assert can_suffice(policy, AWAITING) is can


def test_required_are_reviewers_of_the_opening_of_today_and_of_the_spec_each_once() -> None:
    spec = AWAITING.spec
    assert spec is not None
    criteria = list(spec.draft.criteria)
    judged = criteria[0].model_copy(
        update={"settled_by": SettledBy.JUDGED, "reviewer": "judge-reviewer", "path": None}
    )
    nameless = judged.model_copy(update={"reviewer": None})
    checked = criteria[0].model_copy(update={"reviewer": "no-judge"})
    draft = spec.draft.model_copy(update={"criteria": (checked, judged, nameless)})
    snapshot = AWAITING.model_copy(
        update={
            "reviewers": ("first-reviewer", REVIEWER),
            "specs": (spec.model_copy(update={"draft": draft}),),
        }
    )
    today = POLICY.model_copy(update={"reviewers": (REVIEWER, "new-reviewer")})
    assert required_reviewers(today, snapshot) == (
        "first-reviewer",
        REVIEWER,
        "new-reviewer",
        "judge-reviewer",
    )
    without = snapshot.model_copy(update={"specs": ()})
    assert required_reviewers(today, without) == ("first-reviewer", REVIEWER, "new-reviewer")


# ---------------------------------------------------------------- another repository

NEVER_APPROVED = (State.ASSESSING, State.CLARIFYING, State.SPECIFYING, State.AWAITING_APPROVAL)
APPROVED_ONCE = (State.WORKING, State.REVIEWING, State.DELIVERING, State.BLOCKED, State.DELIVERED)
ENDED = (State.DONE, State.STOPPED, State.EXPIRED, State.FAILED)


@pytest.mark.parametrize("state", [*NEVER_APPROVED, *APPROVED_ONCE, *ENDED])
def test_another_repository_is_chosen_only_before_anything_was_approved(state: State) -> None:
    assert movable(reached(state).now) is (state in NEVER_APPROVED)


@pytest.mark.parametrize("before", list(State))
def test_what_was_once_worked_on_stays_where_it_is(before: State) -> None:
    worked = before in {State.WORKING, State.REVIEWING, State.DELIVERING}
    assert movable(AWAITING.model_copy(update={"states": (before, *AWAITING.states)})) is not worked


def test_an_approved_version_holds_it_there_and_nothing_is_moved_from_nowhere() -> None:
    assert not movable(with_spec(AWAITING, SpecFate.APPROVED))
    assert movable(with_spec(AWAITING, SpecFate.SUPERSEDED))
    assert movable(AWAITING.model_copy(update={"specs": ()}))
    assert not movable(AWAITING.model_copy(update={"repository": ""}))


def with_spec(snapshot: Snapshot, fate: SpecFate) -> Snapshot:
    assert snapshot.spec is not None
    return snapshot.model_copy(update={"specs": (snapshot.spec.model_copy(update={"fate": fate}),)})


# ---------------------------------------------------------------- a push with an approval of its own

HEAD = "e" * 40


def pushing(
    *commits: str,
    fate: PushFate = PushFate.OPEN,
    state: State = State.AWAITING_APPROVAL,
    spec: SpecFate = SpecFate.APPROVED,
    approvals: tuple[Approval, ...] = (),
) -> Snapshot:
    pushes = tuple(
        Push(number=number, held=held(commit), fate=fate, approvals=approvals)
        for number, commit in enumerate(commits, 1)
    )
    return with_spec(AWAITING, spec).model_copy(update={"head": HEAD, "state": state, "pushes": pushes})


@pytest.mark.parametrize(
    ("snapshot", "waits"),
    [
        (pushing(HEAD), True),
        (pushing(OURS, HEAD), True),
        (pushing(HEAD, OURS), False),
        (pushing(), False),
        (pushing(HEAD, fate=PushFate.APPROVED), False),
        (pushing(HEAD, fate=PushFate.CHANGED), False),
        (pushing(HEAD, state=State.DELIVERING), False),
        (pushing(HEAD, spec=SpecFate.OPEN), False),
        (pushing(HEAD).model_copy(update={"specs": ()}), False),
    ],
)
def test_a_push_waits_only_for_the_head_of_an_approved_version(snapshot: Snapshot, waits: bool) -> None:
    assert pending_push(snapshot) == (snapshot.pushes[-1] if waits else None)


@pytest.mark.parametrize(
    ("snapshot", "policy", "may"),
    [
        (pushing(), POLICY, True),
        (pushing(HEAD), POLICY, False),
        (pushing(HEAD, OURS), POLICY, True),  # what was held is not what is pushed
        (pushing(OURS, HEAD), POLICY, False),
        (pushing(HEAD, approvals=by(DANA)), POLICY, True),
        (pushing(HEAD, approvals=by(DANA)), TWO, False),
        (pushing(HEAD, approvals=by(BYSTANDER)), POLICY, False),
    ],
)
def test_a_held_push_takes_enough_approvals_of_exactly_that(
    snapshot: Snapshot, policy: Policy, may: bool
) -> None:
    assert push_allowed(policy, snapshot) is may


def test_awaited_are_the_named_who_may_and_have_not_approved_yet() -> None:
    assert awaited(POLICY, AWAITING) == (DANA, ERIN)
    assert awaited(OPEN_TO_ALL, AWAITING) == ()
    assert awaited(ASKER_TOO, AWAITING) == (DANA,)
    assert AWAITING.spec is not None
    given = AWAITING.spec.model_copy(update={"approvals": by(DANA)})
    half = AWAITING.model_copy(update={"specs": (given,)})
    assert awaited(POLICY, half) == (ERIN,)
    assert awaited(POLICY, half.model_copy(update={"specs": ()})) == (DANA, ERIN)


def test_a_push_awaits_those_who_have_not_approved_the_push_whoever_approved_the_spec() -> None:
    waiting = pushing(HEAD, approvals=by(ERIN))
    assert waiting.spec is not None
    given = waiting.spec.model_copy(update={"approvals": by(DANA)})
    assert awaited(POLICY, waiting.model_copy(update={"specs": (given,)})) == (DANA,)
