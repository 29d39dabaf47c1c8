"""From the mention to answered questions: assessing and clarifying."""

import re
from collections.abc import Sequence

from engine.counting import count
from engine.decide import branching, investigating, locating, sharing
from engine.decide.moves import STOP as STOP
from engine.decide.moves import Decision, Moves, only_you
from engine.events import (
    Asked,
    Assessed,
    Cause,
    Choice,
    Opened,
)
from engine.policy import staffed
from engine.request import (
    Candidate,
    Live,
    Located,
    Offer,
    Policy,
    Round,
    RunKind,
    Snapshot,
    State,
)
from engine.schemas import Assessment, Verdict

LONGEST_REQUEST = 8_000
NOTES = 20

NO_REPOSITORY = (
    "No repository is configured for this channel, so I cannot take requests here. "
    "Whoever runs me adds the channel's id to a repository in the configuration file."
)
NOT_DIRECTLY = (
    "I cannot take requests in direct messages: no repository is configured for them. "
    "Mention me in a channel."
)
APPROVED_BY_NOBODY = (
    "In a direct message nobody but you sees the spec, and somebody else has to approve it. "
    "Mention me in a channel."
)

# One link at a time: a pattern for links run together would try each way to part them.
_LINK = re.compile(r"<https?://[^<>\s]+>?|https?://\S+")
_WORDS = re.compile(r"\w")


def _too_many(event: Opened, rules: Policy) -> str:
    """Why this person may open no more today, or nothing. Somebody chose a proposed task: it is begun."""
    if rules.requests_a_day is None or event.follows or event.today < rules.requests_a_day:
        return ""
    return (
        f"You have asked for {event.today} requests today, and the cap is {rules.requests_a_day} a person "
        f"and day (days of {rules.day_zone}). I have not begun this one: ask again tomorrow, or have "
        "somebody else ask."
    )


def open_request(event: Opened, policy: Policy | None, candidates: Sequence[Candidate] = ()) -> Decision:
    """A mention in a thread that holds no request yet.

    Args:
        event: The mention.
        policy: Of the repository, where it is known from the start.
        candidates: The repositories that it may be about.
    """
    team = event.request.partition(":")[0]
    if event.by.team != team:
        return only_you(None, "Only members of this workspace can ask me for something here.")
    in_discussion = event.thread_ts != event.ts
    reachable = locating.within_reach(candidates, event.by, direct=event.direct)
    if policy is None and not reachable:
        none = NOT_DIRECTLY if event.direct else NO_REPOSITORY
        return only_you(None, APPROVED_BY_NOBODY if candidates else none)
    problem = _unreadable(event.text)
    if problem and not (in_discussion and not event.text.strip()):
        return only_you(None, problem)
    located = locating.at_once(event, policy, reachable)
    if too_many := _too_many(event, located[0] if located else reachable[0].policy):
        return only_you(None, too_many)
    rules = located[0] if located else reachable[0].policy
    text = event.text.strip() or "Do what the discussion above asks for."
    snapshot = Snapshot(
        id=event.request,
        team=team,
        channel=event.channel,
        thread_ts=event.thread_ts,
        ts=event.ts,
        state=State.ASSESSING if located else State.CLARIFYING,
        states=(State.ASSESSING if located else State.CLARIFYING,),
        epoch=1,
        opened_at=event.at,
        requester=event.by,
        text=text,
        title=_first_words(text),
        repository=rules.repository if located else "",
        located=located[1] if located else Located.CHOSEN,
        direct=event.direct,
        reviewers=rules.reviewers if located else (),
        implementer=rules.implementer if located else "",
        in_discussion=in_discussion,
        follows=event.follows,
        cap_usd=rules.cap_usd,
        remind_after_s=rules.remind_after_s,
        expire_after_s=rules.expire_after_s,
    )
    moves = Moves(snapshot, event.at)
    moves.show("progress")
    if event.shared and located:
        sharing.expose(moves, (Live(id="", kind=RunKind.ASSESS),))
        return moves.quiet_decision()
    locating.begin(moves, event, reachable)
    if event.shared:
        sharing.expose(moves)
    return moves.quiet_decision()


def _unreadable(text: str) -> str:
    if not text.strip():
        return 'Tell me in the same message what you need, for example: "Add a metric for resolution time".'
    if len(text) > LONGEST_REQUEST:
        return (
            f"Your message has {len(text):,} characters; I read at most {LONGEST_REQUEST:,}. "
            "Please say in a few sentences what you need, and name the files that hold the rest."
        )
    if all(_is_bare_link(word) for word in text.split()):
        return "I do not open links. Please say in a sentence what you need; the link may stand beside it."
    return ""


def _is_bare_link(word: str) -> bool:
    """Whether it holds links, and signs at most beside them: words may be run into the end of one."""
    return _LINK.search(word) is not None and _WORDS.search(_LINK.sub("", word)) is None


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:59] + "…"


def assessed(moves: Moves, result: Assessed, policy: Policy) -> None:
    """The request was assessed: specify, investigate, ask, or say that it stays vague."""
    assessment = result.assessment
    moves.set(assessment=assessment, title=assessment.title, base_commit=result.base_commit)
    moves.set(seats=result.seats, left_out=result.left_out)
    policy = staffed(policy, moves.now)
    moves.set(implementer=policy.implementer)
    investigating.contradicted(moves, assessment.contradictions)
    if branching.settle_existing(moves, result):
        return
    wanted = assessment.verdict is Verdict.INVESTIGATE and investigating.may_begin(moves.now)
    if wanted or investigating.pending(moves.now):
        investigating.begin(moves, assessment, policy)
    elif assessment.verdict is Verdict.SPECIFIC:
        specify(moves)
    elif assessment.verdict is Verdict.ESCALATE and assessment.dilemma:
        investigating.put_to_people(moves, assessment.dilemma)
    elif sum(not r.about for r in moves.now.rounds) < policy.question_rounds:
        moves.enter(State.CLARIFYING)
        moves.start(RunKind.ASK)
    else:
        _still_vague(moves, assessment)


def specify(moves: Moves) -> None:
    """Write the next version of the spec."""
    moves.enter(State.SPECIFYING)
    moves.start(RunKind.SPECIFY)


def asked(moves: Moves, result: Asked) -> None:
    """The questions of a round are there: show them and wait."""
    questions = result.questions.questions
    asked = Round(questions=questions, given=(None,) * len(questions), title=moves.now.title)
    moves.set(rounds=(*moves.now.rounds, asked))
    moves.wait()
    moves.show(f"questions:{moves.now.asked}")


def _still_vague(moves: Moves, assessment: Assessment) -> None:
    gaps = "; ".join(gap.what for gap in assessment.gaps)
    asked_rounds = sum(not r.about for r in moves.now.rounds)
    moves.escalate(
        State.ESCALATED,
        Cause.STILL_VAGUE,
        f"After {count(asked_rounds, 'round')} of questions I still cannot tell what would count as done. "
        f"Open: {gaps or assessment.understood}",
        (
            Offer(
                choice=Choice.TELL_MORE,
                label="Say more",
                tradeoff="You describe the missing part; I look again.",
                asks="What is missing",
            ),
            Offer(
                choice=Choice.ASSUME,
                label="Go on with assumptions",
                tradeoff="The spec lists each open point as an assumption for the approvers to see.",
            ),
            STOP,
        ),
        attempts=investigating.attempts(moves.now),
    )
