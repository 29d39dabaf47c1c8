"""Requests in every situation in which a card asks something of people."""

from collections.abc import Callable

from engine.events import Assessed, Cause, Choice, Failed, Paused, Shared, Specified
from engine.request import RunKind, State
from engine.schemas import Criterion, MessageKind, SettledBy, Severity, Verdict
from tests.engine.stories import COMMIT, Story, reached
from tests.engine.strategies import (
    ASKER,
    BASE,
    BYSTANDER,
    DRAFT,
    LEAKS,
    assessment,
    existing,
    held,
    task_ended,
)
from tests.engine.test_following import Followed, followed
from tests.engine.test_scoping import told, wished


def begun() -> Story:
    """The request is being looked at."""
    return Story().opened()


def asked() -> Story:
    """Both questions of a round are open."""
    return reached(State.CLARIFYING)


def answered() -> Story:
    """Both are answered, and not submitted yet."""
    story = asked()
    for index in (0, 1):
        story.answers(ASKER, index, labels=("All",))
    return story


def vague() -> Story:
    """Two rounds left it vague."""
    story = asked()
    for number in (1, 2):
        for index in (0, 1):
            story.answers(ASKER, index, number, labels=("All",))
        story.submits(number=number)
        vague_still = Assessed(assessment=assessment(Verdict.VAGUE), base_commit=BASE)
        story.ends(RunKind.ASSESS, vague_still)
        if number == 1:
            story._step()
    return story


def torn() -> Story:
    """The evidence leaves two ways."""
    story = Story().opened()
    story.ends(RunKind.ASSESS, Assessed(assessment=assessment(Verdict.ESCALATE), base_commit=BASE))
    return story


def specified() -> Story:
    """A version waits for approval."""
    return reached(State.AWAITING_APPROVAL)


def working(*, by_bystander: bool = False) -> Story:
    """Work runs; a wish and a remark were heard."""
    if not by_bystander:
        story = wished(State.WORKING, "Also add trends", "Also show cohorts")
        story.says("nice")
    else:
        story = reached(State.WORKING)
        story.says("Also add trends", BYSTANDER)
        told(story, MessageKind.NEW_SCOPE, title="add trends")
        story.says("nice", BYSTANDER)
    told(story, MessageKind.CHATTER)
    return story


def wished_by_bystander() -> Story:
    """The same, said by somebody who has no other say."""
    return working(by_bystander=True)


def on_hold() -> Story:
    """Somebody paused the work."""
    story = reached(State.WORKING)
    story.happens(Paused.model_validate({**story.common(), "by": ASKER}))
    return story


def stuck() -> Story:
    """A run gave up."""
    story = Story().opened()
    story.ends(RunKind.ASSESS, Failed(cause=Cause.MODEL, sentence="It broke."))
    return story


def outside() -> Story:
    """Work changed files that the spec does not hold."""
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, outside=("Makefile",)))
    return story


def leaky() -> Story:
    """Work holds what looks like a credential."""
    story = reached(State.WORKING)
    story.ends(RunKind.TASK, task_ended("analyse", BASE))
    story.ends(RunKind.TASK, task_ended("build", COMMIT, leaks=LEAKS))
    return story


def blocked() -> Story:
    """A critical finding stands."""
    return reached(State.BLOCKED)


def failed_three_times() -> Story:
    """Three rounds failed."""
    story = reached(State.REVIEWING)
    for number in (2, 3):
        story.review_ends(Severity.MAJOR)
        story.ends(RunKind.TASK, task_ended(f"fix{number - 1}", str(number) * 40))
    story.review_ends(Severity.MAJOR)
    return story


def unsettled() -> Story:
    """A criterion could not be settled."""
    return reached(State.ESCALATED)


def capped() -> Story:
    """The cost cap is reached."""
    return reached(State.PAUSED)


def held_back() -> Story:
    """The push needs an approval of its own."""
    story = reached(State.DELIVERING)
    story.ends(RunKind.DELIVER, held(story.now.head))
    return story


def delivered() -> Story:
    """The draft is open; a wish waits."""
    return wished(State.DELIVERED, "Also add trends")


def attested(who: str = "") -> Story:
    """The draft is open, and somebody has to tell whether it holds out there."""
    told_by = {"settled_by": SettledBy.ATTESTED, "who": who, "how": "by its log", "when": "soon"}
    criterion = Criterion.model_validate({"id": "AC4", "text": "It runs", **told_by})
    story = Story().opened()
    story.goes_on(until=State.SPECIFYING)
    draft = DRAFT.model_copy(update={"criteria": (*DRAFT.criteria, criterion)})
    story.ends(RunKind.SPECIFY, Specified(draft=draft))
    return story.goes_on(until=State.DELIVERED)


def attested_by_name() -> Story:
    """The spec names who tells."""
    return attested("@U0ERIN")


def _read_by_others(story: Story) -> Story:
    story.happens(Shared.model_validate({**story.common(), "team": "T9"}))
    return story


def shared() -> Story:
    """People of another workspace came to share the channel while work runs."""
    return _read_by_others(reached(State.WORKING))


def shared_spec() -> Story:
    """The same while a version waits."""
    return _read_by_others(specified())


def shared_answers() -> Story:
    """The same before answers are submitted."""
    return _read_by_others(answered())


def talked() -> Story:
    """Work runs, and nothing was heard but talk."""
    story = reached(State.WORKING)
    for words in ("nice", "go on", "fine", "good", "thanks", "well"):
        story.says(words)
        told(story, MessageKind.CHATTER)
    return story


def fed_back() -> Followed:
    """A remark came back from the pull request."""
    story = followed()
    story.remarked()
    story.are_told_apart(MessageKind.WITHIN_SPEC)
    return story


def elsewhere() -> Story:
    """What is missing belongs onto a branch of others."""
    story = Story().opened()
    story.ends(RunKind.ASSESS, existing("e" * 40, unclear=False))
    story.goes_on(until=State.DELIVERED)
    story.chooses(ASKER, "delivery:1", Choice.NOT_YET, "It is too slow.")
    told(story, MessageKind.WITHIN_SPEC, criteria=("AC1",))
    return story


SITUATIONS: dict[str, Callable[[], Story]] = {
    make.__name__: make
    for make in (
        begun,
        asked,
        answered,
        vague,
        torn,
        specified,
        working,
        wished_by_bystander,
        on_hold,
        stuck,
        outside,
        leaky,
        blocked,
        failed_three_times,
        unsettled,
        capped,
        held_back,
        delivered,
        attested,
        attested_by_name,
        talked,
        shared,
        shared_spec,
        shared_answers,
        fed_back,
        elsewhere,
    )
}
