"""Messages while work runs, and what is still missing from a delivery: told apart, then acted on."""

import re
from collections.abc import Sequence

from engine import existing
from engine.decide import answering, branching, reviewing, scoping
from engine.decide.moves import Decision, Moves, only_you, unchanged
from engine.decide.standing import how_it_stands
from engine.events import Said, ToldApart, Triaged
from engine.people import Person
from engine.policy import may_approve, pending_push
from engine.request import Heard, Live, Policy, RunKind, Snapshot, SpecFate, State, Taken, is_feedback
from engine.schemas import MessageKind

HEARD = 200
"""Messages that may wait to be told apart; at twenty a second that is ten seconds of one call."""
BATCH = 20
LONGEST_WISH = 1_000

ASKS = {State.ESCALATED, State.BLOCKED, State.PAUSED}
STATES = {State.WORKING, State.REVIEWING, State.DELIVERING, State.DELIVERED, *ASKS}

_BY_BUTTONS = "Words decide nothing here: please use the buttons of the card above."

# The word alone is a stop already where it is decoded; this is what else begins like an order to stop.
_STOPPISH = re.compile(r"\W*(please\W+)?(stop|halt|cancel|abort)\b.{0,40}", re.IGNORECASE | re.DOTALL)
_STOP_HINT = (
    "To stop everything, write the word “stop” alone or press Stop on the first card of this thread. "
    "Nothing stops by this message; I read it like any other."
)
# Short sentences about the work itself and nothing else; whatever says more is told apart by triage.
_WORK = r"(it|this|that|things|everything|all( of (it|this))?|(the|this|my) (work|task|request)|work)"
_PROGRESS = re.compile(
    r"\W*((and|so|ok|okay|hey|hi|hello)\W+)?("
    r"((a|any|the)\W)?(status|progress|news|updates?|(status|progress) (updates?|report))"
    r"|(what['\u2019]?s|what is) (the|our) (current )?(status|state|progress)( of (it|this|the work))?"
    rf"|how(['\u2019]?s| is| are) {_WORK} (going|coming( along)?|progressing|looking|getting on)"
    r"|how are (you|we) (doing|getting on|coming along)"
    r"|how far( along)? (are|is|have) (you|we|it|this|the work)( (got|come|along))?"
    r"|where are (you|we)( (at|with (it|this)))?"
    rf"|(how|where) do(es)? (we|you|{_WORK}) stand"
    rf"|when (is|are|will) (you|we|{_WORK}) (be )?(done|ready|finished|over)"
    rf"|(is|are) (you|we|{_WORK}) (done|ready|finished|there)"
    rf"|how (much longer|long (does|will) {_WORK} take)"
    r"|what are you (doing|working on|up to)"
    r")(\W+(so far|by now|(right )?now|at the moment|today|yet|already|please|here|on (it|this)))?\W*",
    re.IGNORECASE,
)


def hears(snapshot: Snapshot) -> bool:
    """Whether words in the thread are told apart now: there is an approved spec, and it is worked on."""
    spec = snapshot.spec
    works = snapshot.state in STATES or pending_push(snapshot) is not None
    return works and spec is not None and spec.fate is SpecFate.APPROVED


def hear(snapshot: Snapshot, event: Said) -> Decision:
    """A message while work runs: told apart by triage, kept out of the work until then."""
    text = event.text.strip()
    if not text or _known(snapshot, event.ts):
        return unchanged(snapshot)
    if _PROGRESS.fullmatch(text):
        return _tell_how_it_stands(snapshot, event)
    if len(snapshot.heard) >= HEARD:
        return only_you(
            snapshot, "I am still reading earlier messages of this thread; please say it again in a minute."
        )
    moves = Moves(snapshot, event.at)
    hear_text(moves, Heard(ts=event.ts, by=event.by, text=event.text[:LONGEST_WISH]))
    if _STOPPISH.fullmatch(text):
        moves.tell(_STOP_HINT)
    elif event.mentions_bot and pending_push(snapshot):
        moves.tell("This waits for approval of the push; please use the buttons of its card.")
    elif event.mentions_bot and snapshot.state in ASKS:
        moves.tell("This waits for a choice on the card above; its buttons take your words too.")
    return moves.quiet_decision()


def _known(snapshot: Snapshot, ts: str) -> bool:
    listed = (snapshot.heard, snapshot.taken, snapshot.scope_items)
    return ts in {one.ts for messages in listed for one in messages}


def _tell_how_it_stands(snapshot: Snapshot, event: Said) -> Decision:
    """A question about progress is answered without a model; that it was taken for one can be corrected."""
    moves = Moves(snapshot, event.at)
    text = event.text[:LONGEST_WISH]
    scoping.remember(moves, Taken(ts=event.ts, by=event.by, text=text, kind=MessageKind.QUESTION))
    moves.tell(how_it_stands(snapshot))
    return moves.decision()


def hear_text(moves: Moves, heard: Heard) -> None:
    """Keep a message aside and have it told apart: one call at a time, which reads all that wait."""
    moves.set(heard=(*moves.now.heard, heard))
    tell_apart(moves)


def tell_apart(moves: Moves) -> None:
    """Have the messages that wait told apart, unless that goes on already."""
    waits = any(run.kind is RunKind.TRIAGE and not is_feedback(run.about) for run in moves.now.live)
    if moves.now.heard and not waits:
        waiting = moves.now.heard
        read = tuple(heard.model_copy(update={"read": True}) for heard in waiting[:BATCH])
        moves.set(heard=(*read, *waiting[BATCH:]))
        moves.start(RunKind.TRIAGE, waiting[0].ts)


def batch(snapshot: Snapshot) -> tuple[Heard, ...]:
    """The messages that the call under way reads, oldest first; later ones wait for the next."""
    return tuple(heard for heard in snapshot.heard if heard.read) or snapshot.heard[:BATCH]


# ---------------------------------------------------------------- told apart


def triaged(moves: Moves, live: Live, result: Triaged, policy: Policy) -> None:
    """Messages were told apart: each is acted on, in the order in which they were said."""
    owed: dict[MessageKind, list[Person]] = {}
    for told in (result.model_copy(update={"message": live.about}), *result.others):
        heard = _take(moves, told.message)
        if heard is not None and heard.not_yet:
            _not_yet(moves, heard, told, policy)
        elif heard is not None:
            kind = _act(moves, heard, told)
            owed.setdefault(kind, []).append(heard.by)
    if not moves.now.state.ended:
        _answer(moves, owed.get(MessageKind.QUESTION, []), how_it_stands(moves.now))
        _answer(moves, owed.get(MessageKind.ANSWER, []), _BY_BUTTONS)
    tell_apart(moves)


def _answer(moves: Moves, people: Sequence[Person], text: str) -> None:
    """One message for all who are owed the same words; each is named once."""
    if people:
        first, *others = dict.fromkeys(people)
        moves.post(text, to=first, also=others)


def not_told_apart(moves: Moves) -> None:
    """Nobody could tell what the messages of one call are: they are shown as just that, for people to say."""
    for heard in batch(moves.now):
        _take(moves, heard.ts)
        if not heard.not_yet:
            scoping.remember(moves, Taken(ts=heard.ts, by=heard.by, text=heard.text, kind=None))
        else:
            scoping.keep_aside(moves, heard, "")
            moves.post(
                "I could not tell whether what you miss is part of the approved spec, so I changed nothing "
                "and keep it as a proposed task. “Not yet” on the delivery tries again.",
                to=heard.by,
            )
    tell_apart(moves)


def _take(moves: Moves, ts: str) -> Heard | None:
    heard = next((h for h in moves.now.heard if h.ts == ts), None)
    moves.set(heard=tuple(h for h in moves.now.heard if h.ts != ts))
    return heard


def _act(moves: Moves, heard: Heard, told: ToldApart) -> MessageKind:
    """What a message was taken for in the end: who asked or answered is owed a word."""
    kind = strictly(moves.now, told)
    if kind is MessageKind.NEW_SCOPE:
        scoping.keep_aside(moves, heard, told.title, needs=told.needs, after=told.after)
    else:
        taken = Taken(ts=heard.ts, by=heard.by, text=heard.text, kind=kind, criteria=told.criteria)
        scoping.remember(moves, taken)
    return kind


def strictly(snapshot: Snapshot, told: ToldApart) -> MessageKind:
    """What a message may be taken for: part of the spec only by a criterion, an answer only if one is due."""
    if told.kind is MessageKind.WITHIN_SPEC:
        spec = snapshot.spec
        assert spec is not None  # noqa: S101 (nothing is told apart before one is approved)
        known = {criterion.id for criterion in spec.draft.criteria}
        named = bool(told.criteria) and known.issuperset(told.criteria)
        return told.kind if named else MessageKind.NEW_SCOPE
    if told.kind is MessageKind.ANSWER and snapshot.state not in {*ASKS, State.DELIVERED}:
        return MessageKind.CHATTER
    return told.kind


# ---------------------------------------------------------------- not yet


def _not_yet(moves: Moves, heard: Heard, told: ToldApart, policy: Policy) -> None:
    """What a delivery lacks: a fix if it is part of the spec, else a wish.

    The implementer gets the words of one who may approve. Of anyone else's it is told only at which of the
    spec's criteria they point, whatever a model took them for.
    """
    approver = may_approve(policy, moves.now, heard.by)
    part = told.kind in {MessageKind.WITHIN_SPEC, MessageKind.QUESTION}
    beyond = not (part if approver else strictly(moves.now, told) is MessageKind.WITHIN_SPEC)
    late = answering.stands_in_the_way(moves.now)
    if not beyond and not late:
        if existing.delivered_elsewhere(moves.now):
            _remember(moves, heard, told, passed_on=approver)
            branching.ask_where_to_fix(moves)
            return
        reviewing.grant_round(moves, policy)
        reviewing.start_fix(moves, heard.text if approver else "")
        moves.show(f"delivery:{moves.now.deliveries}")
        if not approver:
            _point_at(moves, heard, told)
        return
    scoping.keep_aside(moves, heard, told.title, needs=told.needs, after=told.after)
    why = "I took what you miss for something beyond the approved spec." if beyond else late
    moves.post(
        f"{why} I keep it as a proposed task and change nothing for it. "
        "Confirm the delivery if the rest is done; the card of proposed tasks can start it then.",
        to=heard.by,
    )


def _point_at(moves: Moves, heard: Heard, told: ToldApart) -> None:
    _remember(moves, heard, told, passed_on=False)
    moves.post(
        f"I have {', '.join(told.criteria)} worked on again. Your words themselves reach the agents once an "
        "approver says on the card of proposed tasks that they are part of the spec.",
        to=heard.by,
    )


def _remember(moves: Moves, heard: Heard, told: ToldApart, *, passed_on: bool) -> None:
    taken = Taken(
        ts=heard.ts,
        by=heard.by,
        text=heard.text,
        kind=MessageKind.WITHIN_SPEC,
        criteria=told.criteria,
        passed_on=passed_on,
    )
    scoping.remember(moves, taken)
