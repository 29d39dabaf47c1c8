"""Puts the engine together: state directory, database, adapters, rules and runs."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from engine import own_secrets
from engine.agents.roster import built_in
from engine.cards import Card
from engine.decide import decide
from engine.engine import Engine, Rules
from engine.launch import ChatOrMaker, Closer, launch
from engine.metrics import MeasuredModel, MeasuredSandbox
from engine.performing import PAUSES, Pauses
from engine.policy import as_candidate, policy_for
from engine.ports import Forge, Model, Sandbox
from engine.present import Shown, detail, render
from engine.repositories import Repositories
from engine.request import Candidate, Policy, Snapshot
from engine.running import Outside
from engine.runs import RUNS
from engine.settings import RepositorySettings, Settings
from engine.state_dir import hold
from engine.store import Spent


@dataclass(frozen=True)
class Parts:
    """What the caller brings instead of the usual adapters; None takes the usual one.

    Attributes:
        sandbox: Given one, the engine starts without a working bubblewrap.
        forge: The forge of a repository.
        pauses: Between tries of what the chat does not take.
    """

    model: Model | None = None
    sandbox: Sandbox | None = None
    forge: Callable[[RepositorySettings], Forge] | None = None
    pauses: Pauses = PAUSES


async def start(settings: Settings, chat: ChatOrMaker, *, parts: Parts | None = None) -> Engine:
    """Start the engine and go on with whatever an earlier process left. `close()` ends it.

    Args:
        settings: Configuration.
        chat: The front end's chat, or a function that makes it of the engine.
        parts: Replacements of adapters.

    Raises:
        SandboxUnavailable: no isolation works here; the sentence holds the fix.
        AlreadyRunning: another process holds the state directory.
        ConfigurationInvalid: the state directory, a repository or the credentials cannot be used.
    """
    own_secrets.learn_from(os.environ)
    state = hold(settings.state_dir)
    closers: list[Closer] = []
    async with AsyncExitStack() as undo:
        undo.callback(state.release)
        undo.push_async_callback(_close, closers)
        parts = parts or Parts()
        outside = await _outside(settings, parts, closers)
        engine = await launch(
            settings, chat, outside, rules(settings), RUNS, state, closers, pauses=parts.pauses
        )
        undo.pop_all()
    return engine


async def _close(closers: list[Closer]) -> None:
    for closer in reversed(closers):
        await closer()


def rules(settings: Settings) -> Rules:
    """The real rules under this configuration."""
    roster = tuple(built_in().values())

    def policy(repository: RepositorySettings | None, team: str) -> Policy | None:
        return policy_for(settings, repository, team, roster)

    def candidates(channel: str, team: str) -> tuple[Candidate, ...]:
        found = ((one, policy(one, team)) for one in settings.repositories_of(channel))
        return tuple(as_candidate(one, its_policy) for one, its_policy in found if its_policy is not None)

    def card(snapshot: Snapshot, key: str, spent: Spent, activity: tuple[str, ...]) -> Card | None:
        its_policy = policy(settings.repository(snapshot.repository), snapshot.team)
        shown = Shown(spent_usd=spent.usd, spent_tokens=spent.tokens, at=spent.at, activity=activity)
        return render(snapshot, key, shown, its_policy)

    return Rules(decide=decide, policy=policy, candidates=candidates, render=card, detail=detail)


async def _outside(settings: Settings, parts: Parts, closers: list[Closer]) -> Outside:
    repositories = Repositories(settings.repositories, settings.state_dir, os.environ)
    return Outside(
        model=MeasuredModel(parts.model or _model(settings, closers)),
        sandbox=MeasuredSandbox(parts.sandbox or await _sandbox(settings)),
        workspace=repositories.workspace,
        forge=parts.forge or repositories.forge,
    )


async def _sandbox(settings: Settings) -> Sandbox:
    from engine.adapters.bubblewrap import BubblewrapSandbox

    sandbox = BubblewrapSandbox(more=settings.toolchain)
    await sandbox.probe()
    return sandbox


def _model(settings: Settings, closers: list[Closer]) -> Model:
    from engine.adapters.anthropic_model import AnthropicModel

    model = AnthropicModel(settings.tiers, settings.caps.model_timeout_s)
    closers.append(model.close)
    return model
