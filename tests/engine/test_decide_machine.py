"""Random histories: people click anything, runs return anything, alarms, repetitions, changing rules."""

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.decide import Decision, decide
from engine.events import (
    Answered,
    Approved,
    Choice,
    Chose,
    Due,
    Event,
    Opened,
    Result,
    Reviewed,
    RunFinished,
    Said,
    Stopped,
    Submitted,
)
from engine.people import Person
from engine.request import Candidate, Live, Policy, RunKind, Snapshot, State
from engine.schemas import Judged, Plan, Severity
from tests.engine.laws import ASKS, Witness, clear, lawful, nothing_beyond_scope, shown
from tests.engine.strategies import (
    ASKER,
    BYSTANDER,
    DANA,
    ERIN,
    PLANS,
    REQUEST,
    START,
    ends,
    foreign_ends,
    good_end,
    interference,
    people,
    policies,
    reviewed,
    verified,
)

several = st.none() | st.lists(st.integers(0, 7), max_size=3)
approvers = st.sampled_from((DANA, ERIN, DANA, ERIN, ASKER))

TROUBLE: dict[str, Callable[..., Reviewed]] = {
    "critical": lambda commit, by: reviewed(commit, Severity.CRITICAL, by=by),
    "unmet": lambda commit, by: reviewed(commit, by=by, judged=Judged.UNMET),
    "invalid": lambda commit, by: reviewed(commit, by=by, invalid="a quote was not found"),
    "missing": lambda commit, by: Reviewed(reviewer=by, review=None, invalid="no answer"),
}
TROUBLES = ("unsettled", "red", "critical", "unmet", "invalid", "missing")


class History(RuleBasedStateMachine):
    """One request's thread, from the mention on."""

    def __init__(self) -> None:
        super().__init__()
        self.witness = Witness()
        self.at: datetime = START
        self.words = 0
        self.configured = True
        self.ended: list[RunFinished] = []

    @initialize(
        policies=st.tuples(policies, policies),
        plan=st.sampled_from(PLANS),
        troubles=st.lists(st.sampled_from(TROUBLES), max_size=4),
        index=st.integers(0, 2),
        steps=st.integers(0, 4),
        turns=several,
    )
    def some_way_in(
        self,
        policies: tuple[Policy, Policy],
        plan: Plan,
        troubles: list[str],
        index: int,
        steps: int,
        turns: list[int] | None,
    ) -> None:
        """Review rounds that go this way and that, decided by a person, perhaps under new rules."""
        self.opened(policies[0], plan, 0, turns)
        for trouble in troubles:
            for _ in range(16):
                if self.now.state not in {State.REVIEWING, *ASKS}:
                    self.goes_on()
            if self.now.state is State.REVIEWING:
                self.round_goes_badly(trouble)
            if self.now.state in ASKS:
                self.decides(DANA, index)
        self.policy = policies[1]
        self.goes_well(steps)

    def opened(self, policy: Policy, plan: Plan, steps: int, turns: list[int] | None) -> None:
        """The mention and some steps of the good way; in a channel of several repositories with turns.

        Each turn is a number of steps after which somebody wants another repository.
        """
        self.ended.clear()
        self.witness = Witness()
        self.plan = plan
        self.policy = policy
        self.several = turns is not None
        event = Opened(
            key="0",
            request=REQUEST,
            at=START,
            by=ASKER,
            text="Add a metric",
            channel="C1",
            ts="1.0",
            thread_ts="1.0",
        )
        decision = decide(None, event, None, self.candidates)
        lawful(None, event, decision)
        assert decision.snapshot is not None
        self.now: Snapshot = decision.snapshot
        self.last = decision
        self.checked: Snapshot | None = None
        for turn in turns or ():
            self.goes_well(turn)
            self.chooses(ASKER, "progress", Choice.OTHER_REPOSITORY, "")
            self.state_is_clear()
        self.goes_well(steps)

    def happens(self, event: Event) -> Decision:
        before = self.now
        decision = decide(before, event, self.its_policy, self.candidates)
        lawful(before, event, decision)
        self.witness.watch(before, event, decision, self.policy)
        assert decision.snapshot is not None
        self.now, self.last = decision.snapshot, decision
        return decision

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The channel's repositories; the rules are the same for both."""
        web = self.policy.model_copy(update={"repository": "web"})
        both = (
            Candidate(policy=self.policy, about="Tables", names=("data",)),
            Candidate(policy=web, about="Pages", names=("web",)),
        )
        return both[: 2 if self.several else 1] if self.configured else ()

    @property
    def its_policy(self) -> Policy | None:
        """As the engine finds it: by the stored name."""
        known = {one.policy.repository: one.policy for one in self.candidates}
        return known.get(self.now.repository)

    def common(self) -> dict[str, object]:
        self.at += timedelta(minutes=1)
        return {"key": str(self.at), "request": REQUEST, "at": self.at}

    def fresh(self, what: str) -> str:
        self.words += 1
        return f"<{what}-{self.words}>"

    # ------------------------------------------------------------ as it should go

    @rule(steps=st.integers(1, 3))
    def goes_well(self, steps: int) -> None:
        for _ in range(steps):
            self.goes_on()

    def goes_on(self) -> None:
        """The next step of the good way."""
        work = [run for run in self.now.live if run.kind is not RunKind.TRIAGE]
        if work and self.now.state is not State.AWAITING_APPROVAL:
            result = good_end(work[0], self.now, self.plan, f"{len(self.ended) % 11:x}" * 40)
            self.ends(work[0], result)
        elif self.now.state is State.CLARIFYING:
            self.answers_all_and_submits(ASKER)
        elif self.now.state is State.AWAITING_APPROVAL and self.configured:
            self.approves(DANA)
            if self.now.state is State.AWAITING_APPROVAL:
                self.approves(ERIN)
        elif self.now.state in ASKS:
            self.decides(DANA, 0)

    @precondition(lambda self: self.now.state.ended)
    @rule(policy=policies, plan=st.sampled_from(PLANS), steps=st.integers(8, 20), turns=several)
    def another_request(self, policy: Policy, plan: Plan, steps: int, turns: list[int] | None) -> None:
        self.configured = True
        self.opened(policy, plan, steps, turns)

    # ------------------------------------------------------------ runs

    @precondition(lambda self: self.now.state is State.REVIEWING)
    @rule(what=st.sampled_from(TROUBLES))
    def round_goes_badly(self, what: str) -> None:
        current = self.now.round
        assert current is not None
        for live in self.now.live:
            if live.kind is RunKind.VERIFY and live.about == current.commit:
                red = 1 if what == "red" else 0
                self.ends(live, verified(live.about, exit_code=red, base=what != "unsettled"))
            elif live.kind is RunKind.REVIEW:
                self.ends(live, TROUBLE.get(what, reviewed)(current.commit, by=live.about))

    def finish(self, data: st.DataObject, index: int) -> None:
        live = self.now.live[index % len(self.now.live)]
        self.ends(live, data.draw(ends(live, self.now)))

    def ends(self, live: Live, result: Result) -> None:
        event = RunFinished.model_validate({**self.common(), "run": live.id, "result": result})
        self.happens(event)
        self.ended.append(event)

    @precondition(lambda self: self.now.live)
    @rule(data=st.data(), index=st.integers(0, 5))
    def run_finishes(self, data: st.DataObject, index: int) -> None:
        self.finish(data, index)

    @precondition(lambda self: self.now.live)
    @rule(data=st.data())
    def runs_finish(self, data: st.DataObject) -> None:
        for index in range(len(self.now.live)):
            if self.now.live:
                self.finish(data, index)

    @rule(data=st.data(), number=st.integers(0, 40))
    def run_finishes_again(self, data: st.DataObject, number: int) -> None:
        """An end that came before comes again, or an end of a run that is not live."""
        event = RunFinished.model_validate(
            {**self.common(), "run": f"{REQUEST}/{number}", "result": data.draw(foreign_ends(self.now.head))}
        )
        if any(live.id == event.run for live in self.now.live):
            event = event.model_copy(update={"run": "no such run"})
        before = self.now
        for one in (event, *self.ended[-1:]):
            decision = self.happens(one)
            assert self.now == before
            assert not decision.effects

    # ------------------------------------------------------------ people, as they should

    @precondition(lambda self: self.now.state is State.CLARIFYING and self.now.rounds)
    @rule(by=people)
    def answers_all_and_submits(self, by: Person) -> None:
        number = self.now.asked
        for index, question in enumerate(self.now.rounds[-1].questions):
            labels = (question.options[self.words % len(question.options)].label,)
            self.happens(
                Answered.model_validate(
                    {**self.common(), "by": by, "round": number, "question": index, "labels": labels}
                )
            )
        self.happens(Submitted.model_validate({**self.common(), "by": by, "round": number}))

    @precondition(lambda self: self.now.state is State.AWAITING_APPROVAL)
    @rule(by=approvers)
    def approves(self, by: Person) -> None:
        """A forged click first, which changes nothing; then the real one."""
        spec = self.now.spec
        assert spec is not None
        for its_hash in ("f" * 64, spec.hash):
            before = self.now
            event = {**self.common(), "by": by, "version": spec.number, "hash": its_hash}
            self.happens(Approved.model_validate(event))
            assert self.now == before or its_hash == spec.hash

    @precondition(lambda self: self.now.state in ASKS)
    @rule(by=approvers, index=st.integers(0, 2))
    def decides(self, by: Person, index: int) -> None:
        escalation = self.now.escalation
        assert escalation is not None
        offers = [o for o in escalation.offers if o.choice is not Choice.STOP]
        choice = offers[index % len(offers)].choice
        self.chooses(by, f"escalation:{escalation.number}", choice, self.fresh("advice"))

    @precondition(lambda self: self.now.state is State.AWAITING_APPROVAL)
    @rule(by=people)
    def wants_another_spec(self, by: Person) -> None:
        self.chooses(by, f"spec:{len(self.now.every_version)}", Choice.CHANGE_SPEC, self.fresh("change"))

    @precondition(lambda self: self.several and State.WORKING not in self.now.states)
    @rule(by=st.sampled_from((ASKER, DANA, BYSTANDER)), steps=st.integers(0, 6))
    def wants_another_repository(self, by: Person, steps: int) -> None:
        self.chooses(by, "progress", Choice.OTHER_REPOSITORY, "")
        self.goes_well(steps)

    @precondition(lambda self: self.now.state is State.DELIVERED)
    @rule(by=st.sampled_from((ASKER, DANA, BYSTANDER)))
    def finds_something_missing(self, by: Person) -> None:
        self.chooses(by, f"delivery:{self.now.deliveries}", Choice.NOT_YET, self.fresh("missing"))

    # ------------------------------------------------------------ people, as they please

    def chooses(self, by: Person, card: str, choice: Choice, text: str) -> None:
        self.happens(
            Chose.model_validate({**self.common(), "by": by, "card": card, "choice": choice, "text": text})
        )

    @rule(data=st.data(), times=st.integers(1, 3))
    def someone_interferes(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            event = data.draw(interference(self.now))
            changes = self.common()
            if isinstance(event, Said | Opened | Chose) and event.text in {"also do", "why?", "typed"}:
                changes["text"] = f"{event.text} {self.fresh('wish')}"
            if isinstance(event, Said | Opened):
                changes["ts"] = changes["key"]
            self.happens(event.model_copy(update=changes))

    @precondition(lambda self: self.now.state in {State.WORKING, State.REVIEWING, State.DELIVERED})
    @rule(by=people)
    def wishes(self, by: Person) -> None:
        ts = str(self.words)
        self.happens(Said.model_validate({**self.common(), "by": by, "text": self.fresh("wish"), "ts": ts}))

    @precondition(lambda self: len(self.now.states) > 9)
    @rule(by=people, card=st.sampled_from(("", "progress", "escalation:1")))
    def stops(self, by: Person, card: str) -> None:
        if card:
            self.chooses(by, card, Choice.STOP, "")
        else:
            self.happens(Stopped.model_validate({**self.common(), "by": by}))

    # ------------------------------------------------------------ time and configuration

    @precondition(lambda self: self.now.due_at is not None)
    @rule()
    def alarm(self) -> None:
        due_at = self.now.due_at
        assert due_at is not None
        reminded = self.now.reminded
        self.at = max(self.at, due_at)
        before = self.now
        self.happens(Due(key="early", request=REQUEST, at=due_at - timedelta(seconds=1)))
        assert self.now == before
        self.happens(Due(key=str(due_at), request=REQUEST, at=due_at))
        assert self.now.reminded or (reminded and self.now.state is State.EXPIRED)

    @precondition(lambda self: len(self.now.states) > 3)
    @rule(policy=policies)
    def configuration_changes(self, policy: Policy) -> None:
        self.policy = policy
        self.witness.rounds_alone = 0

    @precondition(lambda self: len(self.now.states) > 3)
    @rule(data=st.data())
    def repository_is_away_for_a_while(self, data: st.DataObject) -> None:
        self.configured = False
        if self.now.live:
            self.finish(data, 0)
        self.someone_interferes(data, 2)
        self.configured = True

    # ------------------------------------------------------------ what always holds

    @invariant()
    def state_is_clear(self) -> None:
        if self.now is self.checked:
            return
        self.checked = self.now
        clear(self.now, self.policy)
        nothing_beyond_scope(self.now)
        shown(self.now, self.last, self.its_policy)


TestHistories = History.TestCase
TestHistories.settings = settings(
    max_examples=50,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking a history takes longer than a test may
    database=None,
    suppress_health_check=list(HealthCheck),
)
