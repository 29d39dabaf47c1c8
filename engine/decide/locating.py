"""Which repository a request is about: named in it, or asked of people; and how that is corrected.

Until it is known, nothing runs and nothing of any repository is read. What is known of repositories here
are those of the request's own channel.
"""

from collections.abc import Sequence

from engine import naming
from engine.decide.moves import Decision, Moves, only_you
from engine.events import Answered, Choice, Chose, Opened
from engine.naming import REPOSITORY
from engine.people import Person
from engine.policy import alone, may_approve, movable
from engine.request import (
    Candidate,
    Decided,
    Located,
    Past,
    Policy,
    Round,
    RunKind,
    Snapshot,
    SpecFate,
    State,
)

CHOOSE_FIRST = "First choose the repository on its card. Your click changed nothing."
ON_THE_CARD = "Choose one of the repositories on the card; nothing was recorded."
NONE_LEFT = (
    "No repository is configured for this channel any more, so I cannot go on. Whoever runs me adds the "
    "channel's id to a repository in the configuration file; anyone can say stop."
)
NO_OTHER = "This channel has no other repository. Your click changed nothing."
TOO_LATE = (
    "The spec was approved for {repository} already. For another repository, mention me in a new thread. "
    "Your click changed nothing."
)
NOT_YOURS = "The requester or an approver changes the repository. Your click changed nothing."


# ---------------------------------------------------------------- at the mention


def within_reach(
    candidates: Sequence[Candidate], requester: Person, *, direct: bool
) -> tuple[Candidate, ...]:
    """Those whose specs can be approved here: in a direct message there is nobody but the requester."""
    return tuple(one for one in candidates if not direct or alone(one.policy, requester))


def at_once(
    event: Opened, policy: Policy | None, candidates: Sequence[Candidate]
) -> tuple[Policy, Located] | None:
    """The repository: of the request it follows, the only one, or the only one that the message names."""
    if policy is not None:
        return policy, Located.FOLLOWED if len(candidates) > 1 else Located.ONLY
    if event.repository:
        return None
    if len(candidates) == 1:
        return candidates[0].policy, Located.ONLY
    found = naming.named(event.text, candidates)
    return (found[0].policy, Located.NAMED) if len(found) == 1 else None


def begin(moves: Moves, event: Opened, candidates: Sequence[Candidate]) -> None:
    """Go on with the repository if it is known, else ask."""
    if moves.now.repository:
        moves.start(RunKind.ASSESS)
        if len(candidates) == 1 and (other := naming.foreign(event.text, candidates)):
            moves.tell(f"{_not_here(other)} Requests of this channel are about {moves.now.repository}.")
        return
    gone = f"{event.repository} is not configured here any more." if event.repository else ""
    other = naming.foreign(event.text, candidates)
    ask(moves, candidates, gone or (_not_here(other) if other else ""))


def _not_here(name: str) -> str:
    return f"“{name}” is none of this channel's repositories."


# ---------------------------------------------------------------- asked


def ask(moves: Moves, candidates: Sequence[Candidate], because: str = "") -> None:
    """Ask which repository it is, and wait."""
    question = naming.question(candidates, because)
    asked = Round(questions=(question,), given=(None,), about=REPOSITORY, title=moves.now.title)
    moves.set(rounds=(*moves.now.rounds, asked))
    moves.enter(State.CLARIFYING)
    moves.wait()
    moves.show(f"questions:{moves.now.asked}")


def unusable(event: Answered) -> str:
    """Why this is no answer to the question for the repository; empty if it may be one."""
    return "" if event.labels and not event.text.strip() else ON_THE_CARD


def meant(words: str, asked: Round, candidates: Sequence[Candidate]) -> str:
    """The one option that words name; empty if they name none, or several."""
    options = {option.label for option in asked.questions[0].options}
    found = [one.policy.repository for one in naming.named(words, candidates)]
    return found[0] if len(found) == 1 and found[0] in options else ""


def take(moves: Moves, answered: Round, candidates: Sequence[Candidate]) -> None:
    """Go on with the repository that people chose; ask anew if it is no longer there."""
    given = answered.given[0]
    assert given is not None  # noqa: S101 (nothing is submitted before, and nothing but an option is taken)
    name = given.labels[0]
    chosen = next((one.policy for one in candidates if one.policy.repository == name), None)
    if chosen is None:
        ask(moves, candidates, f"{name} is not configured here any more.")
        return
    set_aside(moves)
    moves.set(
        repository=chosen.repository,
        located=Located.CHOSEN,
        reviewers=chosen.reviewers,
        implementer=chosen.implementer,
    )
    moves.enter(State.ASSESSING)
    moves.start(RunKind.ASSESS)


def set_aside(moves: Moves) -> None:
    """Whatever was asked, found out and specified counts no more; what people said on their own does."""
    now = moves.now
    past = Past(
        rounds=now.every_round,
        investigations=now.investigated,
        tasks=now.every_task,
        specs=now.every_version,
    )
    moves.set(
        past=past,
        rounds=(),
        investigations=(),
        specs=(),
        tasks=(),
        assessment=None,
        draft=None,
        existing=None,
        base_commit="",
        base_results=(),
        seats=(),
        left_out=(),
        notes=tuple(note for note in now.notes if not note.picked and not note.section),
    )


# ---------------------------------------------------------------- corrected


def choose_another(
    snapshot: Snapshot, event: Chose, policy: Policy | None, candidates: Sequence[Candidate]
) -> Decision:
    """Halt, drop what was found out about this repository, and ask for the one that is meant."""
    if not movable(snapshot):
        return only_you(snapshot, TOO_LATE.format(repository=snapshot.repository))
    approver = policy is not None and may_approve(policy, snapshot, event.by)
    if event.by != snapshot.requester and not approver:
        return only_you(snapshot, NOT_YOURS)
    if all(one.policy.repository == snapshot.repository for one in candidates):
        return only_you(snapshot, NO_OTHER)
    moves = Moves(snapshot, event.at)
    moves.raise_epoch()
    moves.cancel_live()
    moves.close_cards()
    _close(moves, event)
    set_aside(moves)
    moves.set(repository="", reviewers=(), implementer="")
    ask(moves, candidates)
    return moves.decision()


def _close(moves: Moves, event: Chose) -> None:
    """What was waited for is waited for no more."""
    spec, escalation = moves.now.spec, moves.now.escalation
    if spec is not None and spec.fate is SpecFate.OPEN:
        closed = spec.model_copy(update={"fate": SpecFate.SUPERSEDED, "decided_by": event.by})
        moves.set(specs=(*moves.now.specs[:-1], closed))
    if escalation is not None and escalation.decided is None:
        decided = Decided(by=event.by, choice=Choice.OTHER_REPOSITORY)
        moves.set(
            escalations=(
                *moves.now.escalations[:-1],
                escalation.model_copy(update={"decided": decided}),
            )
        )
