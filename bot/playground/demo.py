"""The demo: a local Slack, a rehearsal's model, a sample repository and a forge, around the real bot."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.app import Running, connect
from bot.playground import forge as forge_pages
from bot.playground import sample_repository
from bot.playground.messages_api import MessagesApi
from bot.playground.script import SCENARIOS, Scenario, load_scenarios
from bot.playground.slack import Front, Link, LocalSlack, SlackOptions, Suggestion, keeping
from bot.playground.unisolated import UnisolatedSandbox
from engine.adapters.anthropic_model import AnthropicModel
from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.adapters.local_forge import LocalForge
from engine.bootstrap import Parts
from engine.errors import ConfigurationInvalid, SandboxUnavailable
from engine.ports import Sandbox
from engine.settings import CheckSettings, FollowSettings, RepositorySettings, Settings, WebSettings

FAKE_KEY = "sk-ant-fake-rehearsal"
MAIN = "conversation-resolution-time"
BOT_TOKEN = "xoxb-fake-local"  # noqa: S105 (visibly fake: the local Slack's)
APP_TOKEN = "xapp-fake-local"  # noqa: S105

CHECKS = {
    "tests": CheckSettings(argv=("make", "test"), about="unit tests of the models on small data"),
    "lint-sql": CheckSettings(argv=("make", "lint-sql"), about="style of the SQL files, linting, sqlfluff"),
    "check-quality": CheckSettings(
        argv=("make", "check-quality"), about="data-quality rules executed on small data"
    ),
}


@dataclass(frozen=True)
class DemoOptions:
    """How the demo is started.

    Attributes:
        port: Of the page; 0 for any free one.
        keep: Directory whose state is kept, and gone on with if it holds some; None for a fresh one that
            is removed at the end.
        live: Ask a real model instead of playing the script.
        pace: Factor on the script's pauses; None for 1, or for none at all without a page.
        variant: Perturbation of the scenarios that have one of this name.
        headless: No page, no rate limits of the local Slack.
    """

    port: int = 0
    keep: Path | None = None
    live: bool = False
    pace: float | None = None
    variant: str | None = None
    headless: bool = False


class Demo:
    """Everything the demo runs; `start()` and `close()`."""

    def __init__(self, options: DemoOptions, environment: Mapping[str, str] | None = None) -> None:
        self.options = options
        self._environment = dict(os.environ if environment is None else environment)
        self._fresh = options.keep is None
        self.directory = options.keep or Path(tempfile.mkdtemp(prefix="greenlight-demo-"))
        self.model: MessagesApi | None = None
        self._adapter: AnthropicModel | None = None
        self.slack: LocalSlack
        self.running: Running
        self.scenarios: tuple[Scenario, ...] = ()
        self.isolation = ""

    @property
    def remote(self) -> Path:
        """The bare repository that stands for the remote."""
        return self.directory / "remote" / "data-platform.git"

    @property
    def forge(self) -> Path:
        """The local forge's records."""
        return self.directory / "forge"

    async def start(self) -> Self:
        """Start all parts, the bot last.

        Raises:
            ConfigurationInvalid: --live without a key, or without a sandbox; says what to do.
        """
        sandbox = await self._sandbox()
        self.directory.mkdir(parents=True, exist_ok=True)
        await sample_repository.create(self.remote)
        self.scenarios = self._scenarios()
        await self._start_model()
        self.slack = LocalSlack(self._slack_options())
        if self.options.keep:
            keeping.keep(self.slack.workspace, self.directory / "slack.jsonl")
        await self.slack.start()
        settings = self._settings()
        if self.model or not self._has_key:
            # Whatever stands at ANTHROPIC_BASE_URL need not ask for a key; the SDK will not go without one.
            url = self.model.url if self.model else self._environment["ANTHROPIC_BASE_URL"]
            self._adapter = AnthropicModel(settings.tiers, settings.caps.model_timeout_s, FAKE_KEY, url)
        parts = Parts(
            model=self._adapter,
            sandbox=sandbox,
            forge=lambda _repository: LocalForge(self.forge, f"{self.slack.url}/forge"),
        )
        environment = self._environment
        self.running = await connect(
            settings,
            bot_token=environment.get("SLACK_BOT_TOKEN", BOT_TOKEN) if self.elsewhere else BOT_TOKEN,
            app_token=environment.get("SLACK_APP_TOKEN", APP_TOKEN) if self.elsewhere else APP_TOKEN,
            slack_url=self.elsewhere or self.slack.api_url,
            parts=parts,
        )
        return self

    async def close(self) -> None:
        """End the bot first, then what it talked to; a fresh directory is removed."""
        if hasattr(self, "running"):
            await self.running.close()
        if hasattr(self, "slack"):
            await self.slack.close()
        if self._adapter:
            await self._adapter.close()
        if self.model:
            await self.model.close()
        if self._fresh:
            shutil.rmtree(self.directory, ignore_errors=True)

    # ------------------------------------------------------------ parts

    @property
    def elsewhere(self) -> str:
        """SLACK_API_URL, if the bot is to talk to another Slack than the local one; else empty."""
        return self._environment.get("SLACK_API_URL", "")

    @property
    def _foreign_model(self) -> bool:
        return self.options.live or bool(self._environment.get("ANTHROPIC_BASE_URL"))

    @property
    def _has_key(self) -> bool:
        names = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
        return any(self._environment.get(name) for name in names)

    async def _sandbox(self) -> Sandbox:
        try:
            sandbox = BubblewrapSandbox()
            self.isolation = await sandbox.probe()
        except SandboxUnavailable as problem:
            if self._foreign_model:
                raise ConfigurationInvalid(
                    f"{problem.sentence} Without a sandbox only the built-in rehearsal can be played, "
                    "because what another model writes must not run unprotected."
                ) from problem
            self.isolation = problem.sentence
            return UnisolatedSandbox()
        return sandbox

    async def _start_model(self) -> None:
        if self._environment.get("ANTHROPIC_BASE_URL"):
            return
        if self.options.live:
            if not self._has_key:
                raise ConfigurationInvalid(
                    "--live asks a real model and needs its key: ANTHROPIC_API_KEY=… greenlight demo --live"
                )
            return
        pace = self.options.pace
        if pace is None:
            pace = 0.0 if self.options.headless else 1.0
        self.model = MessagesApi(self.scenarios, pace=pace)
        await self.model.start()

    def _scenarios(self) -> tuple[Scenario, ...]:
        """All of them, with the variant where there is one of its name; the main job first."""
        variant = self.options.variant
        found = sorted(load_scenarios(), key=lambda scenario: scenario.name != MAIN)
        return tuple(
            Scenario.load(SCENARIOS / scenario.name, variant)
            if variant is not None and variant in scenario.variants
            else scenario
            for scenario in found
        )

    def _settings(self) -> Settings:
        repository = RepositorySettings(
            name="data-platform",
            remote=str(self.remote),
            channels=("*",) if self.elsewhere else ("C0DATA",),
            approvers=() if self.elsewhere else ("U0DANA",),
            checks=CHECKS,
        )
        web = WebSettings(enabled=all(scenario.web for scenario in self.scenarios))
        # The forge is in this process: looking costs nothing, and people wait for it.
        follow = FollowSettings(poll_s=1, slowest_s=5)
        state = self.directory / "state"
        return Settings(state_dir=state, repositories=(repository,), web=web, follow=follow)

    def _slack_options(self) -> SlackOptions:
        front = Front(
            banner=self._banner(),
            suggestions=[
                Suggestion(s.title or s.request, "C0DATA", f"@Greenlight {s.request}") for s in self.scenarios
            ],
            links=[Link("Pull requests", "/forge/")],
        )
        pages = forge_pages.application(self.forge, self.remote)
        if self.options.headless:
            return SlackOptions(port=self.options.port, paces={}, front=front, mounts={"/forge": pages})
        return SlackOptions(port=self.options.port, front=front, mounts={"/forge": pages})

    def _banner(self) -> str:
        if self.elsewhere:
            return "The bot talks to the Slack behind SLACK_API_URL; this page only shows its pull requests."
        if self.options.live:
            return "Live: a real model answers, and costs money. The repository is a sample."
        if self._environment.get("ANTHROPIC_BASE_URL"):
            return "The model is the one behind ANTHROPIC_BASE_URL. The repository is a sample."
        rehearsal = (
            "Rehearsal: the model's answers are scripted; everything else is real. "
            "The checks run, the commit is made, the pull request is opened."
        )
        if self.isolation.startswith("bubblewrap"):
            return rehearsal
        return f"{rehearsal} No sandbox: only the built-in script is played. {self.isolation}"
