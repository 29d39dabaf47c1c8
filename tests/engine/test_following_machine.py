"""Random histories of a request whose pull request is open: looks bring anything, people choose anything."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.decide.feedback import to_tell_apart
from engine.events import AtTheForge, Choice, Closed, Merged, RunFinished, ToldApart, Triaged
from engine.people import Person
from engine.request import Policy, RunKind, State, Task
from engine.schemas import MessageKind
from tests.engine.forge_side import sights
from tests.engine.laws import ASKS, clear, nothing_beyond_scope, shown
from tests.engine.stories import COMMIT, Story
from tests.engine.strategies import ASKER, BYSTANDER, DANA, THEIRS, ends, existing, may_approve, policies

GO_ON = {State.SPECIFYING, State.AWAITING_APPROVAL, State.WORKING, State.REVIEWING, State.DELIVERING}


class AfterTheDraft(RuleBasedStateMachine):
    """From the delivery on."""

    @initialize(
        policy=policies.filter(lambda policy: policy.approvals == 1),
        rounds=st.integers(0, 2),
        elsewhere=st.booleans(),
    )
    def is_delivered(self, policy: Policy, rounds: int, elsewhere: bool) -> None:
        self.story = Story(policy=policy.model_copy(update={"follow_rounds": rounds})).opened()
        self.rounds = rounds
        self.elsewhere = elsewhere
        if elsewhere:
            self.story.ends(RunKind.ASSESS, existing(COMMIT, unclear=False))
        self.story.goes_on(until=State.DELIVERED)
        self.granted = 0

    # ------------------------------------------------------------ at the forge

    @rule(data=st.data(), times=st.integers(1, 3))
    def a_look_brings_something(self, data: st.DataObject, times: int) -> None:
        for number in range(times):
            self._sees(data, number, lambda event: not isinstance(event, Merged | Closed))

    @precondition(lambda self: len(self.story.now.feedback) > 2 or self.story.now.state.ended)
    @rule(data=st.data())
    def a_look_brings_the_end(self, data: st.DataObject) -> None:
        self._sees(data, 0, lambda event: isinstance(event, Merged | Closed))

    def _sees(self, data: st.DataObject, number: int, fits: Callable[[AtTheForge], bool]) -> None:
        self.story.common()
        fresh = f"<remark-{self.story.at}-{number}>"
        event = data.draw(sights(self.story.now, self.story.at, fresh).filter(fits))
        self.story.happens(event)
        before = self.story.now
        self.story.happens(event)
        assert self.story.now.feedback == before.feedback

    @precondition(lambda self: any(run.kind is RunKind.TRIAGE for run in self.story.now.live))
    @rule(data=st.data(), kinds=st.lists(st.sampled_from(MessageKind), min_size=12, max_size=12))
    def remarks_are_told_apart(self, data: st.DataObject, kinds: list[MessageKind]) -> None:
        live = next(run for run in self.story.now.live if run.kind is RunKind.TRIAGE)
        waiting = to_tell_apart(self.story.now, live.about)
        told = [
            ToldApart(message=one.remark.id, kind=kind, title="A wish", criteria=("AC1",))
            for one, kind in zip(waiting, kinds, strict=False)
        ]
        good = Triaged(**told[0].model_dump(), others=tuple(told[1:])) if told else None
        result = data.draw(st.one_of(*([st.just(good)] * 3 if good else ()), ends(live, self.story.now)))
        event = {**self.story.common(), "run": live.id, "result": result}
        self.story.happens(RunFinished.model_validate(event))

    # ------------------------------------------------------------ in the thread

    @precondition(lambda self: any(one.open for one in self.story.now.feedback))
    @rule(by=st.sampled_from((ASKER, DANA, DANA, BYSTANDER)), index=st.integers(0, 3))
    def chooses_about_feedback(self, by: Person, index: int) -> None:
        number = next(one.number for one in self.story.now.feedback if one.open)
        choice = (Choice.FIX, Choice.FIX, Choice.KEEP_AS_TASK, Choice.IGNORE)[index]
        before = self._fixes()
        self.story.chooses(by, f"feedback:{number}", choice)
        assert self.story.policy is not None
        assert by == ASKER or may_approve(self.story.policy, by) or self._fixes() == before

    @precondition(lambda self: self.story.now.state in ASKS)
    @rule(by=st.sampled_from((ASKER, DANA)), index=st.integers(0, 1))
    def decides(self, by: Person, index: int) -> None:
        escalation = self.story.now.escalation
        assert escalation is not None
        offers = [offer for offer in escalation.offers if offer.choice is not Choice.STOP]
        before = self._fixes()
        offer = offers[index % len(offers)]
        self.story.chooses(by, f"escalation:{escalation.number}", offer.choice)
        self.granted += len(self._fixes()) - len(before)

    @precondition(lambda self: self.story.now.state is State.ASSESSING)
    @rule(head=st.sampled_from((COMMIT, "e" * 40, "f" * 40)))
    def the_branch_of_others_is_looked_at(self, head: str) -> None:
        self.story.ends(RunKind.ASSESS, existing(head, unclear=False))

    @precondition(lambda self: self.story.now.state in GO_ON)
    @rule()
    def the_round_goes_well(self) -> None:
        while self.story.now.state not in {State.DELIVERED, *ASKS}:
            self.story._step()

    @precondition(lambda self: self.story.now.state is State.DELIVERED and self.story.now.feedback)
    @rule(by=st.sampled_from((ASKER, BYSTANDER, BYSTANDER)))
    def confirms(self, by: Person) -> None:
        self.story.chooses(by, f"delivery:{self.story.now.deliveries}", Choice.CONFIRM)

    @precondition(lambda self: self.story.now.state is State.DELIVERED and not self.story.now.heard)
    @rule(by=st.sampled_from((ASKER, DANA)))
    def misses_something(self, by: Person) -> None:
        before = self._fixes()
        self.story.chooses(
            by, f"delivery:{self.story.now.deliveries}", Choice.NOT_YET, "The totals are wrong"
        )
        for heard in self.story.now.heard:
            told = Triaged(message=heard.ts, kind=MessageKind.WITHIN_SPEC, title="", criteria=("AC1",))
            self.story.ends(RunKind.TRIAGE, told, heard.ts)
        self.granted += len(self._fixes()) - len(before)

    def _fixes(self) -> list[Task]:
        return [task for task in self.story.now.tasks if task.id.startswith("fix")]

    # ------------------------------------------------------------ what always holds

    @invariant()
    def state_is_clear(self) -> None:
        now = self.story.now
        clear(now, self.story.policy)
        nothing_beyond_scope(now)
        shown(now, self.story.last, self.story.policy)
        assert len(self._fixes()) <= self.rounds + self.granted
        assert now.followed <= self.rounds
        assert now.delivery is not None
        assert self.granted or (now.delivery.branch == THEIRS) is self.elsewhere


TestAfterTheDraft = AfterTheDraft.TestCase
TestAfterTheDraft.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    database=None,
    suppress_health_check=list(HealthCheck),
)
