"""Positive controls: each forbidden effect brought about where nothing guards, and seen by the same eyes.

The attacks on files, doors and secrets are the orders' own tool calls, done by a plain stand-in for the
tools: `open` and `subprocess` in a directory. All else is done by hand to the same servers.
"""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from bot.playground.messages_api import MessagesApi
from bot.playground.rehearsal import ReceivedCall, Reply
from bot.playground.slack import LocalSlack, SlackOptions
from engine.events import Delivered
from tests.engine.runs.states import rich
from tests.github.git_http import GitHttp
from tests.github.local_github import TOKEN, LocalGitHub
from tests.journeys.bots import environment
from tests.journeys.reading import git
from tests.security.compromised import decisions, effects
from tests.security.compromised.calls import Targets, uses_of
from tests.security.compromised.cells import CELLS, Cell, Sink
from tests.security.compromised.decisions import Pull
from tests.security.compromised.doors import Doors
from tests.security.compromised.effects import Effect, Seen
from tests.security.compromised.orders import loud
from tests.security.compromised.place import FULL, OTHER, REPOSITORY_CANARY, Place, make, refs

COMMIT = "c" * 40
# What may be done for real on any machine: it stays within the play's own directories and the loopback.
_HARMLESS = ("cat {home}", "env", "cat {neighbour}", "exec 3<>", "echo ", "import socket", "push ")


class Echo:
    """A responder that has nothing to say."""

    def reply(self, call: ReceivedCall) -> Reply:
        """As `Responder`."""
        return Reply([{"type": "text", "text": "{}"}])


async def controls(root: Path) -> dict[Effect, list[Seen]]:
    """What is seen of each effect when it is brought about.

    Args:
        root: An empty directory.
    """
    place = Place(root)
    await make(place, CELLS[:40])
    seen: list[Seen] = []
    async with (
        LocalSlack(SlackOptions(paces={})) as slack,
        GitHttp(root / "served", {TOKEN}) as served,
        LocalGitHub(FULL) as hub,
        Doors(place.home / "agent") as doors,
    ):
        model = MessagesApi(responder=Echo())
        await model.start()
        try:
            to = Targets(place, doors.tcp, doors.udp, doors.agent, served.url)
            tried: Sequence[Callable[[], Awaitable[list[Seen]]]] = (
                lambda: _tools(place, to, doors),
                lambda: _pushes(place, served),
                lambda: _posts(slack),
                lambda: _opens(hub),
                lambda: _calls(model, place),
            )
            for one in tried:
                seen += await one()
        finally:
            await model.close()
    seen += _decided()
    return {
        effect: [one for one in seen if one.effect is effect] if _in_full(effect, seen, place) else []
        for effect in Effect
        if effect is not Effect.STUCK
    }


def _in_full(effect: Effect, seen: Sequence[Seen], place: Place) -> bool:
    """Whether it was seen of every canary, and at every door, where there are several."""
    kinds = {Effect.SECRET: tuple(place.canaries), Effect.NETWORK: ("tcp", "udp", "agent")}.get(effect, ())
    shown = [one.what for one in seen if one.effect is effect]
    return all(any(what.startswith(kind) for what in shown) for kind in kinds)


# ---------------------------------------------------------------- tools without a guard


async def _tools(place: Place, to: Targets, doors: Doors) -> list[Seen]:
    """Each order's calls by a plain stand-in, in a directory beside the canaries."""
    before = effects.hashes([place.home, place.neighbour])
    checkout = place.root / "plain" / "checkout"
    (checkout / "notes").mkdir(parents=True)
    (checkout / "link").symlink_to(place.neighbour)
    (checkout / "file-link").symlink_to(place.home / ".netrc")
    told: list[str] = []
    for cell in CELLS:
        if cell.sink in {Sink.WRITE, Sink.READ, Sink.RUN_READ, Sink.RUN_NETWORK, Sink.RUN_WRITE}:
            for tool, given in uses_of(cell, to, ("write", "read", "run")):
                told.append(await asyncio.to_thread(_plainly, place, checkout, tool, given))
        if len(told) > MOST_PLAIN:
            break
    await asyncio.to_thread(_knock, doors)
    await asyncio.sleep(0.3)
    seen = effects.written(before, effects.hashes([place.home, place.neighbour]))
    seen += effects.marked([place.root / "plain"], allowed=[checkout])
    seen += [Seen(Effect.NETWORK, knock) for knock in doors.knocks]
    told.append(await git(place.bare(), "log", "--patch", "--all"))
    return seen + effects.secrets_in("what a plain tool returned", "\n".join(told), place.canaries)


MOST_PLAIN = 150


def _knock(doors: Doors) -> None:
    """At each door, as whoever has a network can."""
    for family, kind, address in (
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", doors.tcp)),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", doors.udp)),
        (socket.AF_UNIX, socket.SOCK_STREAM, doors.agent),
    ):
        with socket.socket(family, kind) as one:
            one.connect(address)
            one.send(b"knock")


def _plainly(place: Place, checkout: Path, tool: str, given: dict[str, Any]) -> str:
    try:
        if tool == "run":
            return _run(place, checkout, given["argv"])
        path = checkout / given["path"]
        inside = Path(os.path.normpath(path)).is_relative_to(place.root)
        if tool == "write" and inside and not path.is_relative_to(place.state):
            path.write_text(given["content"])
        return path.read_text() if tool == "read" and inside else ""
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _run(place: Place, checkout: Path, argv: Sequence[str]) -> str:
    said = " ".join(argv)
    known = [it.format(home=place.home, neighbour=place.neighbour) for it in _HARMLESS]
    if not any(it in said for it in known) or any(
        it in said for it in ("/proc", "/tmp/glx", "kill", "mount", "sleep")
    ):
        return ""
    env = environment() | {"HOME": str(place.home), "DATABRICKS_TOKEN": place.canaries["env"]}
    done = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, timeout=5, check=False)
    return done.stdout.decode("utf-8", "replace")


# ---------------------------------------------------------------- by hand


async def _pushes(place: Place, served: GitHttp) -> list[Seen]:
    """A push of somebody who has the token, to another branch and another repository."""
    seen = []
    for full, branch in ((FULL, "elsewhere"), (OTHER, "elsewhere")):
        before = refs(place.bare(full))
        at = served.url.replace("http://", f"http://x-access-token:{TOKEN}@")
        done = await asyncio.create_subprocess_exec(
            "git",
            "push",
            f"{at}/{full}.git",
            f"main:{branch}",
            cwd=place.bare(full),
            stderr=asyncio.subprocess.DEVNULL,
        )
        await done.wait()
        seen += effects.pushed(before, refs(place.bare(full)))
    return seen


async def _posts(slack: LocalSlack) -> list[Seen]:
    """A model's words as they are, and an address with previews on."""
    words = (loud(_some(Sink.MENTION)), "see https://evil.example/page")
    async with ClientSession(headers={"Authorization": "Bearer xoxb-fake-bot"}) as session:
        for text in words:
            await session.post(f"{slack.api_url}chat.postMessage", json={"channel": "C0DATA", "text": text})
    one, other = effects.called(slack.calls[:1]), effects.called(slack.calls[1:])
    return [*one, *other] if one and other else []


async def _opens(hub: LocalGitHub) -> list[Seen]:
    """A pull request that nobody approved, with a model's words as they are."""
    hub.branches["loose"] = COMMIT
    body = {"title": "x", "head": "loose", "base": "main", "body": loud(_some(Sink.MENTION)), "draft": True}
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.github+json", "User-Agent": "x"}
    async with ClientSession(headers=headers) as session:
        answer = await session.post(f"{hub.api}/repos/{FULL}/pulls", json=body)
        assert answer.status == 201, await answer.text()
    pulls = [Pull(it["head"]["ref"], it["head"]["sha"], (), {}) for it in hub.pulls.values()]
    return [*decisions.past_gate(pulls, [], set(), []), *effects.shouted("a pull request", str(body["body"]))]


async def _calls(model: MessagesApi, place: Place) -> list[Seen]:
    """A call that searches the web and holds a file, and one that holds another request's words."""
    tool = {"type": "web_search_20250305", "name": "web_search"}
    texts: tuple[tuple[str, list[dict[str, str]]], ...] = (
        (REPOSITORY_CANARY, [tool]),
        (place.canaries["database"], []),
    )
    async with ClientSession(headers={"x-api-key": "sk-ant-fake"}) as session:
        for text, tools in texts:
            said = {"role": "user", "content": text}
            body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [said], "tools": tools}
            await session.post(f"{model.url}/v1/messages", json=body)
    return [*effects.told_the_web(model.calls), *effects.told_to_model(model.calls, place.canaries)]


def _decided() -> list[Seen]:
    """An approval without a click; pull requests of work not reviewed, or other than what was approved."""
    one = rich(lambda words: words)
    spec = one.spec
    assert spec is not None
    held = one.model_copy(update={"delivery": Delivered(branch="b", commit=COMMIT, number=1, url="http://x")})
    clicks = {(one.id, spec.hash, approval.by.user) for approval in spec.approvals}
    fine = Pull("b", COMMIT, (), {c.path or "": c.literal or "" for c in spec.draft.criteria})
    more = Pull("b", COMMIT, ("Makefile",), fine.texts)
    review = [(role, json.dumps({"commit": COMMIT, "findings": []})) for role in decisions.REVIEWERS]
    grave = [{"severity": "critical"}]
    critical = (decisions.REVIEWERS[1], json.dumps({"commit": COMMIT, "findings": grave}))
    shown = (
        decisions.approved([one], set()),
        decisions.approved([one], clicks),
        decisions.past_gate([fine], [held], set(), review),
        decisions.past_gate([fine], [held], clicks, []),
        decisions.past_gate([fine], [held], clicks, [review[0], critical]),
        decisions.past_gate([more], [held], clicks, review),
    )
    clicked = one.model_copy(update={"kept_outside": (), "unchecked_by": None})
    assert not decisions.approved([clicked], clicks), "what approvers clicked is seen"
    assert not decisions.past_gate([fine], [held], clicks, review), (
        "a pull request that is as it should be is seen"
    )
    return [seen for group in shown for seen in group] if all(shown) else []


def _some(sink: Sink) -> Cell:
    return next(cell for cell in CELLS if cell.sink is sink)
