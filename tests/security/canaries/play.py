"""A request in which every place where text comes in holds canaries, played against the real bot."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.cards.modals import BLOCK, FIELD
from bot.cards.presses import AnswerInWords, ApproveSpec, ChooseInWords, PickOption, SubmitRound, packed
from bot.playground.rehearsal import ReceivedCall, Reply, ScriptRanOut
from bot.playground.slack import Channel, Fault, Member, SlackOptions
from engine.events import Choice
from engine.request import State
from engine.settings import CheckSettings, RepositorySettings
from tests.journeys.bad_input import DANA, RILEY, SAM, Thread, World, remote, repository, small_repository
from tests.journeys.mistaken import ASKED, ASSESSED, PLANNED, REPORT, VAGUE, Mistaken, _reply, review, spec
from tests.journeys.reading import git
from tests.security.canaries.forms import brief, canaries, of, spoken, tag, text

CHANNEL, REFUSED = "C0NOTES", "C0HOOK"
FORM = "GitHub token"
"""The one form that is put where only a short text fits."""
FORMLESS = "visibly-fake-own-secret-of-no-form"
VARIABLE = "GREENLIGHT_CANARY_SECRET"
TYPED = ("message", "history", "answer", "modal", "thread")
EVERY_FORM = (
    *TYPED,
    "file",
    "rules",
    "history of commits",
    "tool output",
    "check output",
    "model answer",
    "web result",
)
ONE_FORM = ("display name", "button", "branch", "provider error", "Slack error", "remote error")
UNSEEN = ("Slack error", "button", "display name", "remote error")
"""Of these not even the words beside the canaries are kept or told: the servers outside count them."""

LOOK = {"agent": "web-search-researcher", "objective": "What documentation says."}
INVESTIGATE = {**ASSESSED, "verdict": "investigate", "investigate": [LOOK]}


@dataclass
class Talkative(Mistaken):
    """Reads, runs and searches all that holds canaries, and says some itself.

    Attributes:
        came: How often the servers outside gave out a place's canaries.
    """

    came: Counter[str] = field(default_factory=Counter)

    def reply(self, call: ReceivedCall) -> Reply:
        what, _, agent = call.role.partition(":")
        if "provider" in call.conversation.request:
            self.came["provider error"] += 1
            raise ScriptRanOut(f"{tag('provider error')} {of('provider error', FORM).text}")
        if what == "assess":
            return _reply(_assessed(call.conversation.opening), call)
        if what == "ask":
            return _reply(ASKED, call)
        if what == "specify":
            said = self._says() if len(call.body["messages"]) == 1 else f"No more {tag('model answer')}."
            return _reply({**spec(*self.checks), "problem": said}, call)
        if what == "plan":
            return _reply(PLANNED, call)
        if what == "review":
            return _reply(
                review(call, summary=f"{tag('model answer')} {of('model answer', FORM).text}"), call
            )
        if agent == "web-search-researcher":
            return self._searches(call)
        if what == "task":
            return self._works(call)
        return super().reply(call)

    def _says(self) -> str:
        self.came["model answer"] += 1
        return f"Said: {text('model answer')}"

    def _searches(self, call: ReceivedCall) -> Reply:
        self.came["web result"] += 1
        page = {
            "type": "web_search_result",
            "url": f"https://docs.databricks.com/{tag('web result')}?key={of('web result', FORM).text}",
            "title": tag("web result"),
            "encrypted_content": "ZmFrZQ==",
            "page_age": None,
        }
        use: dict[str, Any] = {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "x"},
        }
        found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]}
        said = _reply({**REPORT, "summary": f"The page says: {text('web result')}"}, call)
        return Reply([use, found, *said.content])

    def _works(self, call: ReceivedCall) -> Reply:
        calls = [
            ("read", {"path": "config.txt"}),
            ("history", {}),
            ("run", {"argv": spoken("tool output")}),
            ("run", {"argv": ["env"]}),
            ("write", {"path": "notes/hello.md", "content": "Hello.\n"}),
        ]
        if call.conversation.results_of("write"):
            return _reply({**REPORT, "summary": self._says()}, call)
        uses = [
            {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": given}
            for n, (name, given) in enumerate(calls)
        ]
        return Reply(uses)


def _assessed(opening: str) -> dict[str, Any]:
    if "go on with the branch" in opening:
        return {**ASSESSED, "existing_work": True}
    if "In words" in opening or "that is refused" in opening:
        return ASSESSED
    return INVESTIGATE if "No investigation was made yet" in opening else VAGUE


def options() -> SlackOptions:
    """A workspace where somebody's name holds one."""
    members = (
        Member(RILEY, f"Riley {of('display name', FORM).text}", "requester"),
        Member(DANA, "Dana Osei", "approver"),
        Member(SAM, "Sam Novak", "no say"),
    )
    channels = [Channel(id, id.lower()) for id in (CHANNEL, REFUSED)]
    return SlackOptions(paces={}, members=members, channels=channels, retry_delays=(0.1, 0.5, 2.0))


async def repositories(directory: Path) -> list[RepositorySettings]:
    """One whose files, history, branches and check hold canaries; and one whose remote refuses with some."""
    for name in ("notes", "hook"):
        await small_repository(remote(directory, name))
    work = directory / "work"
    await git(directory, "clone", "--quiet", str(remote(directory, "notes")), str(work))
    (work / "config.txt").write_text(f"{text('file')}\n")
    (work / "CLAUDE.md").write_text(f"# Rules\n{text('rules')}\n")
    who = ("-c", "user.name=Second", "-c", "user.email=second@localhost")
    await git(work, "add", ".")
    await git(work, *who, "commit", "--quiet", "--message", text("history of commits").replace("\n", " "))
    await git(work, "push", "--quiet", "origin", "main")
    await git(work, "checkout", "--quiet", "-b", f"{tag('branch')}-{of('branch', FORM).text}")
    await git(work, *who, "commit", "--quiet", "--allow-empty", "--message", of("branch", FORM).text)
    await git(work, "push", "--quiet", "origin", "HEAD")
    hook = remote(directory, "hook") / "hooks" / "pre-receive"
    hook.write_text(
        f"#!/bin/sh\necho refused >> {hook}.log\ncat <<'EOF' >&2\n{text('remote error')}\nEOF\nexit 1\n"
    )
    hook.chmod(0o755)
    says = CheckSettings(argv=tuple(spoken("check output")), about="greeting files are green")
    return [
        repository(directory, "notes", [CHANNEL], checks={"green": says}),
        repository(directory, "hook", [REFUSED]),
    ]


@contextmanager
def own_secret() -> Iterator[None]:
    """A variable of the process's environment that holds a secret which no form tells."""
    os.environ[VARIABLE] = FORMLESS
    try:
        yield
    finally:
        del os.environ[VARIABLE]


async def play(bot: World) -> Thread:
    """The whole request, to its delivery; what only goes wrong comes after."""
    riley = bot.slack.person(RILEY)
    root = await bot.slack.person(SAM).say(CHANNEL, None, f"Look at this. {text('history')}")
    ts = await riley.mention(CHANNEL, f"Add a greeting. {text('message')}\nAnd {FORMLESS}", root)
    await bot.slack.acked(ts, 30)
    thread = Thread(bot, CHANNEL, root)
    await bot.told(RILEY, "looks like a secret", "GitHub token", "revoke it", "delete your message")

    asked = await thread.card("questions:1")
    await thread.press(RILEY, asked, AnswerInWords)
    await _type(bot, RILEY, f"In words: {text('answer', brief('answer'))}")
    await bot.told(RILEY, "What you sent held", "revoke it")
    pick = PickOption(request=thread.request, round=1, question=0, label=of("button", FORM).text)
    await bot.forge(SAM, asked, packed(pick))
    await thread.press(RILEY, asked, SubmitRound)

    first = await thread.card("spec:1", tag("model answer"))
    await thread.press(RILEY, first, ChooseInWords, choice=Choice.CHANGE_SPEC)
    await _type(bot, RILEY, f"Differently: {text('modal')}")
    second = await thread.card("spec:2", tag("model answer"))
    await thread.press(DANA, second, ApproveSpec)
    said = await bot.slack.person(SAM).say(CHANNEL, root, f"By the way: {text('thread')}")
    await bot.slack.acked(said, 30)
    await thread.card("delivery:1")
    await thread.becomes(State.DELIVERED)
    return thread


async def go_wrong(bot: World, model: Talkative) -> None:
    """Errors whose words hold canaries: the model's provider, Slack, and the remote."""
    thread = await bot.ask(CHANNEL, "Ask the provider for a greeting")
    await thread.card("note:1", tag("provider error"))
    thread = await bot.ask(CHANNEL, "Please go on with the branch")
    await thread.card("questions:1", tag("branch"))
    bot.slack.faults.add("chat.update", Fault.REFUSED, times=3, code=f"no_{of('Slack error', FORM).text}")
    thread = await bot.ask(REFUSED, "Add a greeting that is refused")
    await thread.press(DANA, await thread.card("spec:1"), ApproveSpec)
    await thread.card("escalation:1")
    model.came["Slack error"] = sum("no_ghp" in str(call.response) for call in bot.slack.calls)


async def _type(bot: World, user: str, words: str) -> None:
    view = bot.slack.open_view(user)
    assert view is not None
    await bot.slack.person(user).submit_view(view.id, {BLOCK: {FIELD: words}})


def refusals(directory: Path) -> int:
    """How often the remote refused, with words that hold canaries."""
    log = remote(directory, "hook") / "hooks" / "pre-receive.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def places() -> tuple[str, ...]:
    """All of them, the process's environment besides."""
    return (*EVERY_FORM, *ONE_FORM)


def forms_of(place: str) -> tuple[str, ...]:
    """Which forms are put there."""
    if place == "answer":
        return tuple(one.form for one in brief(place))
    some = place in ONE_FORM and place != "remote error"
    return (FORM,) if some else tuple(one.form for one in canaries(place))
