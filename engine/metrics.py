"""What the process counts and times, for Prometheus. Labels are of closed sets: no id, no name, no text.

Counters begin at zero with each process. How requests, effects and runs stand now is asked of the database:
`engine.vitals`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.errors import GreenlightError, ModelRefused, RateLimited, Transient
from engine.ports import (
    Command,
    Ended,
    Execution,
    Model,
    ModelAnswer,
    ModelCall,
    Preparation,
    Sandbox,
    Tier,
    Usage,
)
from engine.vitals import Keyed

REGISTRY = CollectorRegistry()

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LONG = (0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_ROLES = frozenset({"assess", "ask", "specify", "plan", "task", "review", "triage"})
_OTHER = "other"

EVENTS = Counter("greenlight_events", "Events that were stored, by kind.", ["kind"], registry=REGISTRY)
ACCEPTED = Histogram(
    "greenlight_accept_seconds",
    "From an event to its decision on disk.",
    registry=REGISTRY,
    buckets=_QUICK,
)
WITHHELD = Counter("greenlight_withheld_events", "Events in which a secret was withheld.", registry=REGISTRY)
RUNS_ENDED = Counter(
    "greenlight_runs_ended", "Runs that ended, by kind and how.", ["kind", "how"], registry=REGISTRY
)
RUNS_LIVE = Gauge("greenlight_runs_live", "Runs at work in this process.", registry=REGISTRY)
RUNS_WAITING = Gauge("greenlight_runs_waiting", "Runs that wait for a place.", registry=REGISTRY)
DELIVERIES = Counter("greenlight_deliveries", "Pull requests that were delivered.", registry=REGISTRY)
CALLS = Histogram(
    "greenlight_model_call_seconds",
    "Calls of the model, by tier, role and outcome.",
    ["tier", "role", "outcome"],
    registry=REGISTRY,
    buckets=_LONG,
)
TOKENS = Counter("greenlight_model_tokens", "Tokens, by tier and kind.", ["tier", "kind"], registry=REGISTRY)
USD = Counter("greenlight_model_usd", "US dollars, by tier and role.", ["tier", "role"], registry=REGISTRY)
CHECKS = Histogram(
    "greenlight_check_seconds",
    "Runs of the repositories' checks, by how they ended.",
    ["ended"],
    registry=REGISTRY,
    buckets=_LONG,
)
SANDBOX = Counter(
    "greenlight_sandbox_commands",
    "Commands in the sandbox, by how they ended; failed: the sandbox itself did.",
    ["what", "ended"],
    registry=REGISTRY,
)
CHAT_CALLS = Histogram(
    "greenlight_slack_call_seconds",
    "Calls of Slack's Web API, by method and outcome.",
    ["method", "outcome"],
    registry=REGISTRY,
    buckets=_QUICK,
)
CHAT_LIMITED = Counter("greenlight_slack_rate_limited", "Answers with status 429.", registry=REGISTRY)
SWEEPS = Counter("greenlight_sweeps", "Sweeps, by whether they failed.", ["outcome"], registry=REGISTRY)


@contextmanager
def timed(histogram: Histogram) -> Iterator[None]:
    """Time what is done inside, if it succeeds."""
    begun = monotonic()
    yield
    histogram.observe(monotonic() - begun)


class MeasuredModel:
    """Implements `engine.ports.Model` by another one, whose calls are counted and timed."""

    def __init__(self, model: Model) -> None:
        self.inner = model

    @property
    def has_key(self) -> bool:
        """Whether calls can be made; unknown is yes."""
        return not isinstance(self.inner, Keyed) or self.inner.has_key

    def worst_case_usd(self, call: ModelCall) -> float:
        """See `engine.ports.Model`."""
        return self.inner.worst_case_usd(call)

    async def answer(self, call: ModelCall) -> ModelAnswer:
        """See `engine.ports.Model`."""
        role = call.role.partition(":")[0]
        role = role if role in _ROLES else _OTHER
        begun, outcome = monotonic(), "bug"
        try:
            answer = await self.inner.answer(call)
        except GreenlightError as error:
            outcome = _outcome(error)
            if isinstance(error, Transient) and error.usage is not None:
                _spent(call.tier, role, error.usage)
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        else:
            outcome = "answered"
            _spent(call.tier, role, answer.usage)
            return answer
        finally:
            CALLS.labels(call.tier.value, role, outcome).observe(monotonic() - begun)


class MeasuredSandbox:
    """Implements `engine.ports.Sandbox` by another one, whose commands are counted."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def probe(self) -> str:
        """See `engine.ports.Sandbox`."""
        return await self._sandbox.probe()

    async def run(self, command: Command) -> Execution:
        """See `engine.ports.Sandbox`."""
        with _counted("run") as ended:
            done = await self._sandbox.run(command)
            ended.append(done.ended)
        return done

    async def prepare(self, preparation: Preparation) -> Execution:
        """See `engine.ports.Sandbox`."""
        with _counted("prepare") as ended:
            done = await self._sandbox.prepare(preparation)
            ended.append(done.ended)
        return done

    def programs(self) -> str:
        """See `engine.ports.Sandbox`."""
        return self._sandbox.programs()


@contextmanager
def _counted(what: str) -> Iterator[list[Ended]]:
    ended: list[Ended] = []
    try:
        yield ended
    except Exception:
        SANDBOX.labels(what, "failed").inc()
        raise
    SANDBOX.labels(what, ended[0].value).inc()


def _outcome(error: GreenlightError) -> str:
    if isinstance(error, RateLimited):
        return "rate_limited"
    if isinstance(error, Transient):
        return "unreachable"
    return "refused" if isinstance(error, ModelRefused) else "ended"


def _spent(tier: Tier, role: str, usage: Usage) -> None:
    for kind, tokens in (
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_tokens),
    ):
        TOKENS.labels(tier.value, kind).inc(tokens)
    USD.labels(tier.value, role).inc(usage.cost_usd)
