"""Many requests in random situations at once, with faults at random, for minutes; nothing is lost or doubled.

    uv run python -m tests.crash.soak                       200 requests, due within ten minutes
    uv run python -m tests.crash.soak --requests 20 --minutes 1 --seed 7

One bot, one database. In each place (a channel with its own repository at its own GitHub, and its own
people) one request follows the other; the places go on side by side. Now and then an envelope is lost,
doubled or late, a call is refused, its answer is cut or comes in half, the model is overloaded, somebody
stops the work, and in the first half the bot is killed with SIGKILL. In the second half it lives, and its
memory is looked at.

What is asserted is taken from the servers outside, and from the requests' ends in the database: all ended as
their situation ends, each card was posted once and none is missing, each draft was opened once and holds what
its branch holds, nothing else was pushed, no effect is left, no process ended by itself, and memory is flat.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

from aiohttp import web

from bot.playground.headless import end_of, situations
from bot.playground.messages_api import MessagesApi
from bot.playground.people import Ending, People, Player
from bot.playground.script import SCENARIOS, Fault, Scenario
from bot.playground.slack import LocalSlack, SlackOptions
from bot.playground.slack.state import Channel, Member
from engine.request import GateVerdict, Snapshot, State
from engine.state_dir import DATABASE
from tests.crash.keeper import Bot, Records
from tests.crash.names import of_forge, of_git, of_model, of_slack
from tests.crash.play import at_moments
from tests.crash.seen import Point, Seen
from tests.crash.servers import RETRY_DELAYS, environment_of_bot
from tests.crash.sweep import fits
from tests.crash.wire import Act, Relay, Side
from tests.github.git_http import GitHttp, branch_head
from tests.github.local_github import BASE, TOKEN, LocalGitHub
from tests.journeys.reading import git
from tests.loopback import Loopback
from tests.quick import CHECKS, quick_repository

SEED = 20261126
REQUESTS, MINUTES, PLACES, KILLS = 200, 10.0, 10, 6
FAULTS_OF_A_HUNDRED = 1.5
STOPPED_OF_A_HUNDRED = 12
LONGEST_S = 300.0
REST_S = 60.0
LAST_S = 120.0
"""After the minutes over which they are asked all is over within this."""
SAMPLES = 20
"""Of its memory, a second apart: from fewer nothing follows."""
GROWTH_MB = 40.0
"""Of a process that has done a quarter of its work, until its end: caches fill, and nothing else."""
ACTS = tuple(act for act in Act if act not in {Act.GO_ON, Act.KILL, Act.TERM})
OVERLOADED = (
    Fault.RATE_LIMIT,
    Fault.OVERLOADED,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.DROP,
)


@dataclass(frozen=True)
class Kind:
    """A situation, and how its people act; `once` a place if it is about a branch that stands there."""

    situation: str
    variant: str | None = None
    once: bool = False
    races: bool = False
    """Whether its people speak while the work goes on, before or after its end: its cards differ then."""

    def __str__(self) -> str:
        return f"{self.situation} ({self.variant})" if self.variant else self.situation


KINDS = (
    Kind("ambiguity"),
    Kind("ambiguity", "you-decide"),
    Kind("ambiguity", "still-vague"),
    Kind("ambiguity", "say-more"),
    Kind("conversation-resolution-time"),
    Kind("escalation"),
    Kind("parallel-research"),
    Kind("scope-creep", races=True),
    Kind("scope-creep", "redefine", races=True),
    Kind("scope-creep", "prioritise", races=True),
    Kind("review-gate", once=True),
)


@dataclass
class Asked:
    """A request of the soak and its end.

    Attributes:
        stops: Whether somebody stops it on the way.
        ok, told: Whether it ended as its situation ends, and what it came to.
        cards: Keys of those that must be in its thread by where it stands.
        problem: Why it has no end.
    """

    kind: Kind
    place: "Place"
    id: str = ""
    stops: bool = False
    state: str = ""
    ok: bool = False
    told: str = ""
    cards: frozenset[str] = frozenset()
    branch: str = ""
    seconds: float = 0.0
    problem: str = ""


@dataclass
class Place:
    """A channel, its people, its repository and that repository's GitHub."""

    number: int
    bare: Path
    hub: LocalGitHub
    queue: list[Kind] = field(default_factory=list)

    @property
    def full(self) -> str:
        """Owner and name at GitHub."""
        return f"acme/data-{self.number}"

    @property
    def channel(self) -> str:
        """Its id."""
        return f"C0DATA{self.number}"

    def people(self, kind: Kind) -> People:
        """Who acts here."""
        people = People.load(SCENARIOS / kind.situation / "people.yml", kind.variant)
        says = tuple(say.model_copy(update={"by": self._here(say.by)}) for say in people.says)
        here = {"requester": self._here(people.requester), "approver": self._here(people.approver)}
        return people.model_copy(update={**here, "channel": self.channel, "says": says})

    def members(self) -> Iterator[Member]:
        """One requester and one approver."""
        yield Member(self._here("U0RILEY"), f"Riley {self.number}", "requester")
        yield Member(self._here("U0DANA"), f"Dana {self.number}", "approver")

    def section(self, served: str, api: str) -> str:
        """Of the configuration."""
        return f"""
[[repositories]]
name = "data-{self.number}"
remote = "{served}/{self.full}.git"
channels = ["{self.channel}"]
approvers = ["{self._here("U0DANA")}"]

[repositories.github]
api = "{api}{BASE}"
{CHECKS}"""

    def _here(self, user: str) -> str:
        return f"{user}{self.number}"


class Hubs(Loopback):
    """One GitHub with the repositories of all places."""

    cancels = True

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for place in self._places:
            place.hub.url = self.url
        return self

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """As the repository's own server; what is asked of none is asked of the first."""
        names = (f"{request.path}/".startswith(f"{BASE}/repos/{it.full}/") for it in self._places)
        asked = next((it for it, named in zip(self._places, names, strict=True) if named), self._places[0])
        return await asked.hub.serve(request)


class Disturbing:
    """Lets something go wrong with some requests. Implements wire.Watcher."""

    def __init__(self, seed: int, model: MessagesApi) -> None:
        self._seeded = random.Random(seed)  # noqa: S311 (faults, not secrets)
        self._model = model
        self.seen = 0
        self.faults: Counter[str] = Counter()
        self.calm = False

    def saw(self, side: Side, what: str) -> Act:
        """Implements wire.Watcher."""
        self.seen += side is Side.BEFORE
        if self.calm or self._seeded.random() * 100 >= FAULTS_OF_A_HUNDRED:
            return Act.GO_ON
        if what.startswith("model"):
            fault = self._seeded.choice(OVERLOADED)
            self._model.faults.append(fault)
            self.faults[f"model {fault}"] += 1
            return Act.GO_ON
        possible = [act for act in ACTS if fits(act, Point(what, 2), side)]
        if what.startswith("forge GET"):
            possible = [Act.ERROR, Act.CUT] if side is Side.BEFORE else [Act.CUT, Act.HALF]
        if not possible:
            return Act.GO_ON
        act = self._seeded.choice(possible)
        self.faults[f"{what.partition(' ')[0]} {act}"] += 1
        return act


@dataclass
class World:
    """All that is outside of the bot."""

    slack: LocalSlack
    model: MessagesApi
    places: list[Place]
    watcher: Disturbing
    config: Path
    env: dict[str, str]


@contextlib.asynccontextmanager
async def world(directory: Path, places: int, seed: int) -> AsyncIterator[World]:
    """Everything outside of the bot, started."""
    template, served = directory / "template.git", directory / "served"
    await quick_repository(template)
    model = MessagesApi([Scenario.load(SCENARIOS / name) for name in situations()], pace=0)
    watcher = Disturbing(seed, model)
    here: list[Place] = []
    async with contextlib.AsyncExitStack() as stack:
        await model.start()
        stack.push_async_callback(model.close)
        git_server = await stack.enter_async_context(GitHttp(served, {TOKEN}))
        to_git = await stack.enter_async_context(Relay(git_server.url, watcher, of_git))
        for number in range(places):
            bare = served / f"acme/data-{number}.git"
            await asyncio.to_thread(shutil.copytree, template, bare)
            here.append(Place(number, bare, LocalGitHub(f"acme/data-{number}", heads=_heads(bare))))
        hubs = await stack.enter_async_context(Hubs(here))
        to_hubs = await stack.enter_async_context(Relay(hubs.url, watcher, of_forge))
        options = SlackOptions(
            members=[one for place in here for one in place.members()],
            channels=[Channel(place.channel, f"data-{place.number}") for place in here],
            paces={},
            retry_delays=RETRY_DELAYS,
        )
        slack = await stack.enter_async_context(LocalSlack(options))
        to_slack = await stack.enter_async_context(Relay(slack.url, watcher, of_slack))
        to_model = await stack.enter_async_context(Relay(model.url, watcher, of_model))
        config = directory / "greenlight.toml"
        sections = "".join(place.section(to_git.url, to_hubs.url) for place in here)
        config.write_text(f'state_dir = "{directory}/state"\n{sections}')
        env = environment_of_bot() | {
            "SLACK_API_URL": f"{to_slack.url}/api/",
            "ANTHROPIC_BASE_URL": to_model.url,
        }
        yield World(slack, model, here, watcher, config, env)


def _heads(bare: Path) -> Callable[[str], str | None]:
    return lambda branch: branch_head(bare, branch)


# ---------------------------------------------------------------- what happens


@dataclass
class Sample:
    """What the bot's process takes: megabytes resident, open files, threads."""

    at: float
    pid: int
    mb: float
    files: int
    threads: int


@dataclass
class Soak:
    """What came of it. `wrong` are sentences; none if all is well."""

    asked: list[Asked] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    requests_seen: int = 0
    kills: int = 0
    cards: int = 0
    drafts: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The figures."""
        kinds = Counter(str(one.kind) for one in self.asked)
        ends = Counter(one.state for one in self.asked)
        took = sorted(one.seconds for one in self.asked)
        yield f"{len(self.asked)} requests in {self.seconds:.0f} s: {_counted(kinds)}"
        yield f"ended: {_counted(ends)}; {sum(one.stops for one in self.asked)} were to be stopped"
        yield f"seconds from mention to end: median {statistics.median(took):.1f}, longest {took[-1]:.1f}"
        yield f"{self.cards} cards posted, {self.drafts} drafts opened"
        yield (
            f"{self.kills} kills, {sum(self.faults.values())} faults among {self.requests_seen} "
            f"calls and envelopes: {_counted(self.faults)}"
        )
        if life := self.last_life():
            first, last = life[len(life) // 4], life[-1]
            yield (
                f"the last process, {last.at - life[0].at:.0f} s: {first.mb:.0f} MB after a quarter, "
                f"{last.mb:.0f} MB at its end, {max(one.mb for one in life):.0f} MB at most; "
                f"{first.files} and {last.files} open files; {first.threads} and {last.threads} threads"
            )
        yield from (f"WRONG {sentence}" for sentence in self.wrong)
        yield f"{len(self.wrong)} wrong"

    def last_life(self) -> list[Sample]:
        """Samples of the process that was there at the end."""
        return [one for one in self.samples if one.pid == self.samples[-1].pid]


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items(), key=lambda it: -it[1]))


def kinds_of(seeded: random.Random, requests: int, places: int) -> list[list[Kind]]:
    """What is asked in each place, one after the other."""
    queues: list[list[Kind]] = [[] for _ in range(places)]
    for number in range(requests):
        queue = queues[number % places]
        queue.append(seeded.choice([kind for kind in KINDS if not kind.once or kind not in queue]))
    return queues


async def soak(
    directory: Path,
    *,
    requests: int = REQUESTS,
    minutes: float = MINUTES,
    places: int = PLACES,
    kills: int = KILLS,
    seed: int = SEED,
    say: Callable[[str], object] = print,
) -> Soak:
    """Run it.

    Args:
        directory: An empty one, for everything.
        requests: How many, in all places.
        minutes: Over which they are asked; the first half of it has the kills.
        places: How many channels, each with one request at a time.
        kills: How many, at moments that the seed tells.
        seed: Of all that is random.
        say: Told how far it is, now and then.
    """
    seeded, found, seen, began = random.Random(seed), Soak(), Seen("soak"), monotonic()  # noqa: S311
    async with world(directory, places, seed) as there:
        for place, queue in zip(there.places, kinds_of(seeded, requests, places), strict=True):
            place.queue = queue
        records = Records(directory / "state" / DATABASE)
        bot = Bot(there.config, there.env, records, seen)
        bot.start()
        moments = sorted(seeded.uniform(10, max(20.0, minutes * 30)) for _ in range(kills))
        beside = [
            asyncio.create_task(at_moments(bot, moments)),
            asyncio.create_task(_sampled(bot, found)),
            asyncio.create_task(_told(found, requests, say)),
        ]
        try:
            await there.slack.wait_for(lambda slack: slack.connected, REST_S)
            between = minutes * 60 / max(1, len(there.places[0].queue))
            stops = [seeded.uniform(0.2, 8) for _ in range(requests)]
            chosen = [seeded.random() * 100 < STOPPED_OF_A_HUNDRED for _ in range(requests)]
            after = [stop if it else None for stop, it in zip(stops, chosen, strict=True)]
            await asyncio.gather(
                *(
                    _in_a_place(there, place, records, found, between, after[place.number :: places])
                    for place in there.places
                )
            )
            there.watcher.calm = True
            await _at_rest(there, records, found)
        finally:
            for task in beside:
                task.cancel()
            await bot.stop()
        found.seconds = monotonic() - began
        found.kills, found.faults = len(seen.deaths), there.watcher.faults
        found.requests_seen = there.watcher.seen
        found.wrong += seen.exits
        await judge(there, found)
        found.wrong += hollow(found, requests, minutes, kills)
    return found


async def _in_a_place(
    there: World,
    place: Place,
    records: Records,
    found: Soak,
    between: float,
    stops: Sequence[float | None],
) -> None:
    began = monotonic()
    for number, (kind, stop) in enumerate(zip(place.queue, stops, strict=True)):
        await asyncio.sleep(max(0.0, began + number * between - monotonic()))
        asked = Asked(kind, place, stops=stop is not None)
        await _play(there, asked, records, stop)
        found.asked.append(asked)


async def _play(there: World, asked: Asked, records: Records, stop: float | None) -> None:
    people, began = asked.place.people(asked.kind), monotonic()
    over = end_of(people, records.snapshot)

    async def ended(request: str) -> bool:
        if not asked.id:
            asked.id = request
            if stop is not None:
                stopping.append(asyncio.create_task(_stopped(there, people, request, stop)))
        return await over(request)

    stopping: list[asyncio.Task[None]] = []
    try:
        await Player(people, there.slack, records.snapshot).play(ended, LONGEST_S)
    except (TimeoutError, LookupError) as error:
        asked.problem = f"{type(error).__name__} {error}"
    finally:
        await asyncio.gather(*stopping, return_exceptions=True)
    asked.seconds = monotonic() - began
    snapshot = await records.snapshot(asked.id)
    if snapshot is None:
        asked.problem = asked.problem or "it was never stored"
        return
    asked.state = str(snapshot.state)
    asked.ok, asked.told = _as_it_should(snapshot, people.ends)
    asked.cards = frozenset(_cards_of(snapshot))
    asked.branch = snapshot.delivery.branch if snapshot.delivery else ""


def _as_it_should(snapshot: Snapshot, ends: Ending) -> tuple[bool, str]:
    """Whether it ended like its situation, and what it came to.

    Words that come while the review runs, not before it, send the work back once more: more rounds of
    review than the script has are right, fewer are not.
    """
    gate = snapshot.round.gate if snapshot.round else None
    came = Ending(
        state=snapshot.state,
        gate=gate.value if gate else "",
        review_rounds=len(snapshot.review_rounds),
        pull_request=snapshot.delivery is not None,
    )
    enough = came.review_rounds >= ends.review_rounds
    same = came.model_copy(update={"review_rounds": ends.review_rounds}) == ends
    return enough and same, f"{came!r} by {' > '.join(snapshot.states)}"


def _cards_of(snapshot: Snapshot) -> Iterator[str]:
    """One of each round of questions, version of the spec, review, escalation and delivery that there was.

    A review that words put an end to has none, and what blocks stands on the card that asks how to go on.
    """
    counts = {
        "questions": snapshot.asked,
        "spec": snapshot.spec.number if snapshot.spec else 0,
        "escalation": snapshot.escalation.number if snapshot.escalation else 0,
        "delivery": snapshot.deliveries,
    }
    for name, count in counts.items():
        yield from (f"{name}:{number + 1}" for number in range(count))
    for review in snapshot.review_rounds:
        if review.gate not in {None, GateVerdict.BLOCKED}:
            yield f"review:{review.number}"


async def _stopped(there: World, people: People, request: str, after: float) -> None:
    await asyncio.sleep(after)
    await there.slack.person(people.requester).say(people.channel, request.rpartition(":")[2], "stop")


async def _at_rest(there: World, records: Records, found: Soak) -> None:
    """Until nothing is left to do outside."""
    end = monotonic() + REST_S
    while not (there.slack.connected and records.all_done()):
        if monotonic() > end:
            found.wrong.append(f"after {REST_S:.0f} s of rest effects were still to be done")
            return
        await asyncio.sleep(0.2)


async def _sampled(bot: Bot, found: Soak) -> None:
    began = monotonic()
    while True:
        await asyncio.sleep(1)
        with contextlib.suppress(OSError):
            if pid := bot.pid:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                status = dict(line.split(":", 1) for line in lines)
                mb = int(status["VmRSS"].split()[0]) / 1024
                files = len([*Path(f"/proc/{pid}/fd").iterdir()])
                found.samples.append(Sample(monotonic() - began, pid, mb, files, int(status["Threads"])))


async def _told(found: Soak, requests: int, say: Callable[[str], object]) -> None:
    while True:
        await asyncio.sleep(30)
        mb = found.samples[-1].mb if found.samples else 0
        say(f"{len(found.asked)} of {requests} requests are over; {mb:.0f} MB")


# ---------------------------------------------------------------- what is wrong


async def judge(there: World, found: Soak) -> None:
    """Look at the servers outside, and say what is wrong."""
    found.wrong += [sentence for one in found.asked for sentence in _ended(one)]
    found.wrong += _cards(there.slack, found)
    for place in there.places:
        found.wrong += [sentence async for sentence in _delivered(place, found)]
    life = found.last_life() if found.samples else []
    if len(life) > SAMPLES and life[-1].mb - life[len(life) // 4].mb > GROWTH_MB:
        found.wrong.append(f"memory grew from {life[len(life) // 4].mb:.0f} to {life[-1].mb:.0f} MB")


def hollow(found: Soak, requests: int, minutes: float, kills: int) -> Iterator[str]:
    """What was to happen and did not."""
    if len(found.asked) != requests:
        yield f"{len(found.asked)} requests were asked, not {requests}"
    if found.kills < kills:
        yield f"the bot was killed {found.kills} times, not {kills}"
    if not found.faults:
        yield "nothing went wrong outside"
    if len(found.last_life() if found.samples else []) <= SAMPLES:
        yield "the last process did not live long enough to tell of its memory"
    if found.seconds > minutes * 60 + LAST_S:
        yield f"it took {found.seconds:.0f} s, and they were asked over {minutes * 60:.0f} s"


def _ended(asked: Asked) -> Iterator[str]:
    name = f"{asked.kind} {asked.id}"
    if asked.problem:
        yield f"{name} did not end: {asked.problem}; it is {asked.state or 'not there'}"
    elif not asked.ok and not (asked.stops and asked.state == State.STOPPED):
        yield f"{name} ended as {asked.state}, not as it should: {asked.told}"


def _cards(slack: LocalSlack, found: Soak) -> Iterator[str]:
    posted: dict[str, Counter[str]] = defaultdict(Counter)
    for call in slack.calls:
        metadata = call.args.get("metadata")
        if call.method == "chat.postMessage" and (call.response or {}).get("ok") and metadata:
            payload = metadata["event_payload"]
            posted[payload.get("request", "")][payload["key"]] += 1
            found.cards += 1
    for request, cards in posted.items():
        for key, count in cards.items():
            if count > 1 and request:
                yield f"the card {key} of {request} was posted {count} times"
    yield from _missing(posted, found)


def _missing(posted: Mapping[str, Mapping[str, int]], found: Soak) -> Iterator[str]:
    for one in found.asked:
        if missing := one.cards - posted[one.id].keys():
            yield f"{one.kind} {one.id} has no card {', '.join(sorted(missing))}"
    alike: dict[Kind, Counter[frozenset[str]]] = defaultdict(Counter)
    whole = [one for one in found.asked if not one.stops and not one.problem and not one.kind.races]
    for one in whole:
        alike[one.kind][frozenset(posted[one.id])] += 1
    for one in whole:
        usual, _ = alike[one.kind].most_common(1)[0]
        if missing := usual - posted[one.id].keys():
            yield f"{one.kind} {one.id} has no card {', '.join(sorted(missing))}, which its like have"


async def _delivered(place: Place, found: Soak) -> AsyncIterator[str]:
    opened = Counter(call.body["head"] for call in place.hub.asked("POST", "pulls") if call.status == 201)
    found.drafts += opened.total()
    told = Counter(one.branch for one in found.asked if one.place is place and one.branch)
    if opened != told:
        yield f"{place.full}: drafts were opened of {dict(opened)}, delivered was {dict(told)}"
    for pull in place.hub.pulls.values():
        head = branch_head(place.bare, pull["head"]["ref"])
        if head != pull["head"]["sha"]:
            yield f"{place.full}: the draft of {pull['head']['ref']} holds {pull['head']['sha']}, not {head}"
    refs = (await git(place.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads")).split()
    ours = {ref for ref in refs if ref.startswith("greenlight/")}
    if extra := ours - opened.keys():
        yield f"{place.full}: nothing was delivered of {', '.join(sorted(extra))}"


# ---------------------------------------------------------------- the command


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """The command; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="over which they are asked")
    parser.add_argument("--places", type=int, default=PLACES, help="channels, one request at a time in each")
    parser.add_argument("--kills", type=int, default=KILLS, help="of the bot, in the first half")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="greenlight-soak-", ignore_cleanup_errors=True) as directory:
        found = asyncio.run(soak(Path(directory), **vars(given), say=_say))
    for line in found.lines():
        _say(line)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
