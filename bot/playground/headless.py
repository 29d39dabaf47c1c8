"""Plays a situation with scripted people over the same Socket Mode, and tells the outcome as JSON."""

import json
import time
from typing import Any

from bot.playground.demo import Demo, DemoOptions
from bot.playground.people import Ending, Over, People, Player, Stands
from bot.playground.script import SCENARIOS, ScenarioInvalid
from engine.attesting import told_by, with_attestations
from engine.counting import count
from engine.errors import ConfigurationInvalid
from engine.request import Snapshot, State, WishFate

LONGEST_PLAY_S = 300.0
DECISIONS = {State.ESCALATED, State.BLOCKED, State.PAUSED}


def situations() -> tuple[str, ...]:
    """Names of the situations that can be played."""
    return tuple(sorted(path.parent.name for path in SCENARIOS.glob("*/people.yml")))


async def play(name: str, options: DemoOptions) -> dict[str, Any]:
    """Play one situation from mention to its end.

    Returns:
        The outcome; `ok` says whether it ended as its people.yml says.

    Raises:
        ScenarioInvalid: there is no such situation or variant.
        ConfigurationInvalid: the bot would talk to another Slack than the local one.
        TimeoutError: it did not end within five minutes.
    """
    _people(name, options.variant)  # unknown names are told before anything is started
    demo = Demo(options)
    began = time.monotonic()
    try:
        if demo.elsewhere:
            raise ConfigurationInvalid(
                "Scripted people act in the local Slack only: take SLACK_API_URL out of the environment, "
                "or start the demo without --headless."
            )
        await demo.start()
        outcome = await enact(name, demo)
    finally:
        await demo.close()
    outcome["seconds"] = round(time.monotonic() - began, 2)
    return outcome


async def enact(name: str, demo: Demo) -> dict[str, Any]:
    """Play one situation in a demo that was started.

    Returns:
        As `play`, with the seconds of the play alone.

    Raises:
        As `play`.
    """
    people = _people(name, demo.options.variant)
    began = time.monotonic()
    engine = demo.running.engine
    over = end_of(people, engine.snapshot)
    request = await Player(people, demo.slack, engine.snapshot).play(over, LONGEST_PLAY_S)
    snapshot = await engine.snapshot(request)
    if snapshot is None:
        raise LookupError(f"the request {request} was never stored")
    spent = await engine.spent(snapshot.id)
    return {
        **outcome_of(name, snapshot, people.ends),
        "remote": str(demo.remote),
        "tokens": {"input": spent.input_tokens, "output": spent.output_tokens},
        "cost_usd": round(spent.usd, 6),
        "seconds": round(time.monotonic() - began, 2),
    }


def _people(name: str, variant: str | None) -> People:
    path = SCENARIOS / name / "people.yml"
    if name not in situations():
        raise ScenarioInvalid(path, [f"no such situation; there are: {', '.join(situations())}"])
    return People.load(path, variant)


def end_of(people: People, stands: Stands) -> Over:
    """The request has ended, or asks for a decision that the people of the play leave to nobody."""

    async def over(request: str) -> bool:
        snapshot = await stands(request)
        if snapshot is None:
            return False
        offers = snapshot.escalation.offers if snapshot.escalation else ()
        left = not any(offer.choice in people.choices or offer.label in people.ways for offer in offers)
        ended = snapshot.state.ended and await _follow_ups_wait(stands, snapshot)
        return ended or (snapshot.state in DECISIONS and left)

    return over


async def _follow_ups_wait(stands: Stands, snapshot: Snapshot) -> bool:
    """Whether every wish that was started stands in its own thread and waits for people there."""
    for item in snapshot.scope_items:
        if item.fate is WishFate.STARTED:
            follow_up = await stands(item.follow_up) if item.follow_up else None
            if follow_up is None or not (follow_up.state.ended or follow_up.due_at):
                return False
    return True


def _wishes(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        {
            "title": item.title,
            "by": item.by.user,
            "needs": list(item.needs),
            "after": list(item.after),
            "fate": item.fate.value,
            "version": item.version,
            "follow_up": item.follow_up or None,
        }
        for item in snapshot.scope_items
    ]


def outcome_of(name: str, snapshot: Snapshot, ends: Ending) -> dict[str, Any]:
    """What a request came to; `ok` says whether it ended like this."""
    current = snapshot.round
    gate = current.gate.value if current and current.gate else None
    delivery = snapshot.delivery
    ok = Ending(
        state=snapshot.state,
        gate=gate or "",
        review_rounds=len(snapshot.review_rounds),
        pull_request=delivery is not None,
    )
    return {
        "situation": name,
        "ok": ok == ends,
        "states": [state.value for state in snapshot.states],
        "questions": [q.text for r in snapshot.rounds for q in r.questions],
        "spec_versions": [
            {"version": s.number, "hash": s.hash, "approved_by": [a.by.user for a in s.approvals]}
            for s in snapshot.specs
        ],
        "criteria": [
            {
                "id": s.id,
                "text": s.text,
                "settled_by": s.settled_by.value,
                "status": s.status.value,
                "evidence": f"{by.user} {s.evidence}" if (by := told_by(snapshot, s)) else s.evidence,
            }
            for s in with_attestations(snapshot, current.settled if current else ())
        ],
        "review_rounds": len(snapshot.review_rounds),
        "gate": gate,
        "branch": delivery.branch if delivery else None,
        "commit": delivery.commit if delivery else None,
        "pull_request": {"number": delivery.number, "url": delivery.url} if delivery else None,
        "scope_items": _wishes(snapshot),
        "escalations": [
            {
                "cause": e.cause.value,
                "situation": e.situation,
                "decided": e.decided.choice.value if e.decided else None,
            }
            for e in snapshot.escalations
        ],
    }


def as_line(outcome: dict[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(outcome, ensure_ascii=False, separators=(",", ":"))


def as_text(outcome: dict[str, Any]) -> str:
    """The outcome for a person at a terminal."""
    verdict = "ended as it should" if outcome["ok"] else "DID NOT END AS IT SHOULD"
    lines = [
        f"{outcome['situation']}: {' → '.join(outcome['states'])}",
        *(f"  {c['id']} {c['status']}: {c['text']} ({c['evidence']})" for c in outcome["criteria"]),
        f"  gate {outcome['gate']} after {count(outcome['review_rounds'], 'review round')}",
        f"  pull request: {outcome['pull_request'] or 'none'}",
        f"  {verdict} in {outcome['seconds']} s",
    ]
    return "\n".join(lines)
