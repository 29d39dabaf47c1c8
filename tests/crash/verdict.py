"""What is wrong with a play that was killed, held against one that was not."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.crash.seen import Asked, Seen
from tests.crash.wire import Side

_THEIR_OWN = ("branch", "commit", "questions")
"""Holds ids of the play, or is as long as it is compared."""
_WHILE_IT_WORKS = re.compile(r"^<@\w+> chose: finish first\b.*\n", re.MULTILINE)
"""Offered while the work goes on: after a kill it may be over before people have said all they want to."""
_PRESSED = "socket click gl finish_first ack"
_CAME_TOO_LATE = "your click changed nothing"


def wrong(seen: Seen, like: Seen) -> list[str]:
    """Sentences; none if all is well."""
    return [
        *([f"the play did not come to its end: {seen.problem}"] if seen.problem else []),
        *seen.exits,
        *_cards(seen, like),
        *_delivered(seen, like),
        *_asked_again(seen),
        *_outcome(seen, like),
    ]


def _cards(seen: Seen, like: Seen) -> Iterator[str]:
    for card in sorted(seen.cards.keys() | like.cards.keys()):
        if (count := seen.cards[card]) != like.cards[card]:
            yield f"the card {card} was posted {count} times, not {like.cards[card]}"
    for card, words in expected(like, seen).items():
        if card in seen.words and (now := expected(seen, seen)[card]) != words:
            yield f"the card {card} says {_differs(now, words)}"


def expected(of: Seen, seen: Seen) -> dict[str, str]:
    """What cards say at the end, without a choice that nobody could make in time in what was `seen`."""
    if _chosen_in_time(seen):
        return of.words
    return {card: _WHILE_IT_WORKS.sub("", words) for card, words in of.words.items()}


def _chosen_in_time(seen: Seen) -> bool:
    """A click was acked, and whoever clicked was not told that it was too late."""
    cut = sum(hit.point.what == _PRESSED and hit.side is Side.BEFORE for hit in seen.hit)
    acked = sum(point.what == _PRESSED for point in seen.points) - cut
    return acked > sum(_CAME_TOO_LATE in words for words in seen.told)


def _differs(now: str, before: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(now, before, strict=False)) if a != b), 0)
    return f"{now[max(0, at - 20) : at + 80]!r}, not {before[max(0, at - 20) : at + 80]!r}"


def _delivered(seen: Seen, like: Seen) -> Iterator[str]:
    if seen.pulls != like.pulls:
        yield f"pull requests were opened {dict(seen.pulls)}, not {dict(like.pulls)}"
    if seen.record != like.record:
        yield f"{seen.record} comments were made on pull requests, not {like.record}"
    if seen.trees != like.trees:
        yield f"what was delivered is {seen.trees}, not {like.trees}"
    if seen.others != like.others:
        yield f"branches of others are {seen.others}, not {like.others}"
    ours = {name: head for name, head in seen.heads.items() if name.startswith("greenlight/")}
    if ours != seen.branch:
        yield f"the branch holds {seen.branch}, the pull request {ours}"
    commit = seen.outcome.get("commit")
    if commit is not None and set(seen.heads.values()) != {commit}:
        yield f"{commit} was delivered, the pull request holds {seen.heads}"


def _asked_again(seen: Seen) -> Iterator[str]:
    """Calls that were made again although the answer was recorded before the bot died."""
    before: dict[tuple[str, tuple[str, ...]], Asked] = {}
    again: Counter[tuple[int, str]] = Counter()
    for call in sorted(seen.asked, key=lambda asked: asked.at):
        earlier = before.setdefault((call.role, call.said), call)
        if earlier is call:
            continue
        before[call.role, call.said] = call
        between = [n for n, it in enumerate(seen.deaths) if earlier.at <= it.gone and it.at <= call.at]
        if between:
            again[between[0], call.role] += 1
        else:
            yield f"the model was asked twice for {call.role}, with no kill in between"
    for (number, role), count in again.items():
        death = seen.deaths[number]
        asked = {call.said for call in seen.asked if call.role == role and call.at <= death.gone}
        recorded = death.recorded[role]
        if count > len(asked) - recorded:
            kept = f"{recorded} of {len(asked)} answers were kept"
            yield f"the model was asked {count} times again for {role}: {kept}"


def _outcome(seen: Seen, like: Seen) -> Iterator[str]:
    if seen.problem:
        return
    now, before = _comparable(seen.outcome), _comparable(like.outcome)
    for name in sorted(now.keys() | before.keys()):
        if now.get(name) != before.get(name):
            yield f"the outcome's {name} is {now.get(name)}, not {before.get(name)}"


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    """Without what holds ids of the play."""
    shown = {name: it for name, it in outcome.items() if name not in _THEIR_OWN}
    return shown | {
        "questions": len(outcome["questions"]),
        "spec_versions": [version["approved_by"] for version in outcome["spec_versions"]],
        "criteria": [(one["id"], one["settled_by"], one["status"]) for one in outcome["criteria"]],
        "scope_items": [(one["title"], one["fate"], one["version"]) for one in outcome["scope_items"]],
        "escalations": [(one["cause"], one["decided"]) for one in outcome["escalations"]],
        "pull_request": bool(outcome["pull_request"]),
    }
