"""Configuration: secrets from the environment, the rest from one TOML file.

`Settings.load(path)` reads the file; the environment can override single values with the prefix
GREENLIGHT_ (two underscores go one level down). Secrets are never read from the file.
"""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.errors import ConfigurationInvalid
from engine.ports import Tier
from engine.prepare_settings import PrepareSettings
from engine.schemas import MOST_TO_CHOOSE

WEB_DOMAINS = ("docs.databricks.com", "docs.delta.io", "spark.apache.org", "learn.microsoft.com")
NAME = r"^[a-z0-9][a-z0-9._-]{0,39}$"
ALIAS = r"^\w[\w ./-]{0,38}\w$"
GITHUB_API = "https://api.github.com"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TierSettings(_Section):
    """Which model serves a tier, with its prices in US dollars per million tokens.

    Above `long_context_tokens` input tokens in one call the `long_*` prices hold, where given.
    """

    model: str
    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)
    cache_read_usd: float = Field(ge=0)
    cache_write_usd: float = Field(ge=0)
    long_context_tokens: int | None = None
    long_input_usd: float | None = None
    long_output_usd: float | None = None
    web_search_usd: float = Field(default=0.01, ge=0, description="Of one search, in US dollars.")


def default_tiers() -> dict[Tier, TierSettings]:
    """The models and list prices of November 2026."""
    return {
        Tier.HAIKU: TierSettings(
            model="claude-haiku-5-5",
            input_usd=0.10,
            output_usd=0.50,
            cache_read_usd=0.01,
            cache_write_usd=0.125,
            long_context_tokens=100_000,
            long_input_usd=0.50,
            long_output_usd=2.50,
        ),
        Tier.SONNET: TierSettings(
            model="claude-sonnet-5-5", input_usd=2, output_usd=10, cache_read_usd=0.2, cache_write_usd=2.5
        ),
        Tier.OPUS: TierSettings(
            model="claude-opus-5-5", input_usd=4, output_usd=20, cache_read_usd=0.4, cache_write_usd=5
        ),
    }


class RoleTiers(_Section):
    """The tier of each role that is not an agent's own."""

    assess: Tier = Tier.SONNET
    ask: Tier = Tier.SONNET
    specify: Tier = Tier.OPUS
    plan: Tier = Tier.SONNET
    triage: Tier = Tier.HAIKU


class CheckSettings(_Section):
    """A named check: what is run, in a fresh checkout, and what it tells about.

    Attributes:
        argv: Program and arguments; no shell.
        about: A few words; a criterion settled by this check has to speak of them.
        timeout_s: Wall clock after which the check counts as failed.
        memory_mb: Address space of each of its processes; some programs reserve much more than they use.
    """

    argv: tuple[str, ...] = Field(min_length=1)
    about: str = ""
    timeout_s: float = Field(default=120, gt=0, le=3600)
    memory_mb: int = Field(default=2048, ge=64, le=1 << 20)


class GitHubSettings(_Section):
    """A repository at GitHub, and what its draft pull requests get.

    Attributes:
        repository: OWNER/NAME; None: the one that the remote's address names.
        api: Base of the REST API; for GitHub Enterprise Server https://HOST/api/v3.
        labels: Put on each pull request.
        reviewers_from_codeowners: Whether the owners of the changed files are asked for a review.
    """

    repository: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$")
    api: str = GITHUB_API
    labels: tuple[str, ...] = Field(default=(), max_length=10)
    reviewers_from_codeowners: bool = True

    @field_validator("api")
    @classmethod
    def _https(cls, api: str) -> str:
        url = urlsplit(api)
        plain = url.scheme == "http" and url.hostname in LOOPBACK
        if not url.hostname or not (url.scheme == "https" or plain) or url.username or url.query:
            raise ValueError("it has to be an address like https://github.example.com/api/v3")
        return api

    @field_validator("labels")
    @classmethod
    def _short_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if not all(0 < len(label.strip()) <= 50 for label in labels):
            raise ValueError("a label has 1 to 50 characters")
        return labels


class RepositorySettings(_Section):
    """A repository, where requests for it come from, and who decides.

    Attributes:
        remote: Local path or https/ssh URL; branches are pushed there.
        about: A few words; shown where people choose between several repositories.
        aliases: What else people call it in requests, apart from its name, owner/name and address.
        channels: Slack channel ids whose requests may be about this repository; "*" for all others.
        approvers: Slack user ids who may approve. Empty: anyone but the requester.
        approvals: How many different approvers a spec needs.
        requester_may_approve: Whether the requester's own approval counts.
        reviewers: Agents whose valid review every delivery needs.
        protected: Paths whose change needs an approval of its own, besides those of `engine.protected`.
        accepted_workflows: Paths of workflows that may run on our branches with the rights they have.
        default_workflow_permissions: What GitHub's setting of that name says: the rights of workflows that
            set none themselves.
        prepare: What checks and agents' commands need from outside, and how it is made; None: nothing.
        github: Set if pull requests are opened at GitHub; an https remote on github.com needs no section.
    """

    name: str = Field(pattern=NAME)
    remote: str = Field(min_length=1)
    base: str = "main"
    about: str = Field(default="", max_length=200)
    aliases: tuple[Annotated[str, Field(pattern=ALIAS)], ...] = Field(default=(), max_length=20)
    channels: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    approvals: int = Field(default=1, ge=1, le=10)
    requester_may_approve: bool = False
    reviewers: tuple[str, ...] = ("production-code-reviewer",)
    protected: tuple[str, ...] = Field(default=(), max_length=200)
    accepted_workflows: tuple[str, ...] = Field(default=(), max_length=200)
    default_workflow_permissions: Literal["read", "write"] = "write"
    branch_prefix: str = Field(default="greenlight/", pattern=r"^[a-z0-9][a-z0-9._-]*/$")
    checks: dict[str, CheckSettings] = Field(default_factory=dict)
    prepare: PrepareSettings | None = None
    github: GitHubSettings | None = None

    @field_validator("remote")
    @classmethod
    def _no_secret(cls, remote: str) -> str:
        url = urlsplit(remote if "://" in remote else "")
        if url.password is not None or (url.username and url.scheme != "ssh"):
            raise ValueError("no name or token belongs into the remote's address: set it in the environment")
        return remote

    @model_validator(mode="after")
    def _enough_approvers(self) -> Self:
        if self.approvers and self.approvals > len(set(self.approvers)):
            raise ValueError(f"{self.approvals} approvals are needed, but fewer approvers are named")
        return self


class Caps(_Section):
    """Bounds of one request, of a day, and of the process. None: not bounded.

    Attributes:
        minutes_per_request: Of work; waiting for people, pauses and time without a process do not count.
            What works when they are over is interrupted, but for a delivery.
        usd_per_person_day, and others like it: For all requests of one requester in a day.
        minutes_per_person_day, minutes_per_day: Of work, each request's counted for itself; looked at before
            each model call, and what works when they are over is not interrupted.
        rounds_per_person_day, rounds_per_day: Review rounds in which a reviewer is asked that day.
        day_zone: The time zone whose days are meant.
        concurrent_runs: What people say meanwhile is read beside them, in places of its own.
    """

    usd_per_request: float = Field(default=5.0, gt=0)
    tokens_per_request: int | None = Field(default=None, gt=0)
    minutes_per_request: float | None = Field(default=None, gt=0)
    usd_per_person_day: float | None = Field(default=None, gt=0)
    tokens_per_person_day: int | None = Field(default=None, gt=0)
    minutes_per_person_day: float | None = Field(default=None, gt=0)
    rounds_per_person_day: int | None = Field(default=None, ge=1)
    requests_per_person_day: int | None = Field(default=None, ge=1)
    usd_per_day: float | None = Field(default=None, gt=0)
    tokens_per_day: int | None = Field(default=None, gt=0)
    minutes_per_day: float | None = Field(default=None, gt=0)
    rounds_per_day: int | None = Field(default=None, ge=1)
    day_zone: str = "UTC"
    concurrent_runs: int = Field(default=8, ge=1, le=64)
    task_turns: int = Field(default=40, ge=1, le=500)
    review_rounds: int = Field(default=3, ge=1, le=10)
    question_rounds: int = Field(default=2, ge=1, le=5)
    plan_tasks: int = Field(default=8, ge=1, le=20)
    model_timeout_s: float = Field(default=300, gt=0)

    @field_validator("day_zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone != "UTC" and zone not in available_timezones():
            raise ValueError(f"there is no time zone {zone!r}: write it like Europe/Berlin, or UTC")
        return zone


class WebSettings(_Section):
    """What may be looked up on the web, by the provider's own search; never with repository content.

    Attributes:
        enabled: Off: nobody searches the web, and investigations say so.
        allowed_domains: Only pages of these are searched and read.
        max_uses: Searches of one look, and as many pages read.
        page_tokens: Upper bound of what one page or list of results adds to a call.
    """

    enabled: bool = True
    allowed_domains: tuple[str, ...] = Field(default=WEB_DOMAINS, min_length=1, max_length=50)
    max_uses: int = Field(default=5, ge=1, le=20)
    page_tokens: int = Field(default=8_000, ge=500, le=50_000)


class FollowSettings(_Section):
    """How pull requests are watched once they are open.

    Attributes:
        enabled: Off: nobody looks, and nothing comes back into the thread.
        poll_s: Seconds between two looks while something happens.
        slowest_s: Seconds between two looks, at most, once it is quiet or the forge does not answer.
        days: Days after a delivery until nobody looks any more.
        rounds: Fix rounds for what comes back, per request; then an approver is asked.
        ask: Off: what is part of the spec, and failed checks, start a fix without a click.
        review_bots: Logins of bots whose remarks count like those of people who may write.
    """

    enabled: bool = True
    poll_s: float = Field(default=60, ge=1, le=3600)
    slowest_s: float = Field(default=900, ge=1, le=86_400)
    days: float = Field(default=30, gt=0, le=365)
    rounds: int = Field(default=2, ge=0, le=10)
    ask: bool = True
    review_bots: tuple[str, ...] = Field(default=(), max_length=20)


class Waiting(_Section):
    """When people are reminded, and when an unanswered request ends. Hours of event time."""

    remind_after_h: float = Field(default=24, gt=0)
    expire_after_h: float = Field(default=168, gt=0)


class RetentionSettings(_Section):
    """How long what has ended is kept.

    Attributes:
        days: After the last that happened to a request that has ended, its data is deleted; None: kept.
    """

    days: float | None = Field(default=None, gt=0)


class Settings(BaseSettings):
    """Everything but secrets. Unknown keys are refused by name."""

    model_config = SettingsConfigDict(
        env_prefix="GREENLIGHT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state_dir: Path = Path(".greenlight")
    toolchain: tuple[Path, ...] = Field(
        default=(), max_length=20, description="Directories with a bin/ each that commands may use too."
    )
    tiers: dict[Tier, TierSettings] = Field(default_factory=default_tiers)
    roles: RoleTiers = RoleTiers()
    caps: Caps = Caps()
    waiting: Waiting = Waiting()
    web: WebSettings = WebSettings()
    follow: FollowSettings = FollowSettings()
    retention: RetentionSettings = RetentionSettings()
    repositories: tuple[RepositorySettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @field_validator("tiers")
    @classmethod
    def _every_tier(cls, tiers: dict[Tier, TierSettings]) -> dict[Tier, TierSettings]:
        return default_tiers() | tiers

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [name.casefold() for r in self.repositories for name in (r.name, *r.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"repository name {twice[0]} stands twice")
        return self

    @model_validator(mode="after")
    def _few_enough_to_choose_from(self) -> Self:
        channels = Counter(channel for r in self.repositories for channel in dict.fromkeys(r.channels))
        for channel, count in channels.items():
            if count > MOST_TO_CHOOSE:
                raise ValueError(f"channel {channel} has {count} repositories; the most is {MOST_TO_CHOOSE}")
        return self

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Read a TOML file (None: defaults and environment only).

        Raises:
            ConfigurationInvalid: names the file, the key and what is wrong with it.
        """
        values: dict[str, Any] = {}
        where = str(path) if path else "the environment"
        if path is not None:
            try:
                values = tomllib.loads(path.read_text("utf-8"))
            except FileNotFoundError as error:
                raise ConfigurationInvalid(
                    f"There is no configuration file {path}. The README shows one."
                ) from error
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigurationInvalid(
                    f"The configuration file {path} cannot be read: {error}."
                ) from error
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "the file"
            raise ConfigurationInvalid(f"In {where}, {key}: {first['msg']}.") from error

    def repositories_of(self, channel: str) -> tuple[RepositorySettings, ...]:
        """The repositories that requests of this channel may be about, as they are configured."""
        here = tuple(r for r in self.repositories if channel in r.channels)
        return here or tuple(r for r in self.repositories if "*" in r.channels)

    def repository(self, name: str) -> RepositorySettings | None:
        """The repository of that name."""
        return next((r for r in self.repositories if r.name == name), None)
