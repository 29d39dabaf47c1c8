"""Whether the process lives, whether it can be given work, and what it counts: for machines that watch it.

    /healthz  200 while the event loop answers
    /readyz   200, or 503 with the name and a sentence of each reason
    /metrics  Prometheus' text format

It is there before anything else, as the start may wait for Slack, and tells what for.
Nothing here tells of people, threads or repositories. There is no login: it listens on loopback by default.
"""

import asyncio
from collections.abc import Iterator
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector, CollectorRegistry

from bot.serving import Server
from engine.metrics import REGISTRY
from engine.request import State
from engine.trace import trace
from engine.vitals import Standing

ANSWER_S = 8.0

log = structlog.get_logger(__name__)


class Watched(Protocol):
    """What is asked of the engine."""

    async def problems(self) -> dict[str, str]:
        """Reasons not to give it work."""
        ...

    async def standing(self) -> Standing:
        """Counts of what is stored."""
        ...


class Connected(Protocol):
    """What is asked of the way to Slack."""

    @property
    def why_not(self) -> str:
        """Why what people do does not arrive here; empty if it does."""
        ...


class Health(Server):
    """A small server that tells. Before `watch` it is not ready."""

    def __init__(self) -> None:
        self._watched: tuple[Watched, Connected] | None = None
        self._why = "Greenlight is starting."
        app = web.Application()
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        super().__init__(app, "Health cannot be told", closing_s=0.5)

    def say(self, why: str) -> None:
        """It is not ready, for this reason alone, until something is watched."""
        self._watched, self._why = None, why

    def watch(self, engine: Watched, slack: Connected) -> None:
        """From now on these two are asked, anew each time."""
        self._watched = engine, slack

    async def _alive(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        reasons = await self._reasons()
        body = {"ready": not reasons, "reasons": reasons}
        return web.json_response(body, status=503 if reasons else 200)

    async def _reasons(self) -> dict[str, str]:
        if self._watched is None:
            return {"process": self._why}
        engine, slack = self._watched
        try:
            async with asyncio.timeout(ANSWER_S):
                reasons = await engine.problems()
                if why_not := slack.why_not:
                    reasons["socket"] = why_not
        except Exception as error:  # noqa: BLE001 (process edge: whoever asks gets an answer)
            log.error("health.unknown", trace=trace(error))  # noqa: TRY400 (no foreign words in logs)
            return {"unknown": "It could not be found out; the log says why."}
        return reasons

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(REGISTRY)
        if self._watched is not None:
            body += generate_latest(await _stored(self._watched[0]))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _stored(engine: Watched) -> CollectorRegistry:
    stored = CollectorRegistry()
    try:
        async with asyncio.timeout(ANSWER_S):
            stored.register(_Stored(await engine.standing()))
    except Exception as error:  # noqa: BLE001 (process edge: what the process counts is told all the same)
        log.error("metrics.incomplete", trace=trace(error))  # noqa: TRY400 (no foreign words in logs)
    return stored


class _Stored(Collector):
    """What the database tells, as gauges."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """Every state is told, at zero too."""
        requests = GaugeMetricFamily("greenlight_requests", "Requests, by state.", labels=["state"])
        for state in State:
            requests.add_metric([state.value], self._standing.requests.get(state.value, 0))
        yield requests
        effects = GaugeMetricFamily(
            "greenlight_effects", "Effects, by what they do and status.", labels=["do", "status"]
        )
        for (do, status), count in sorted(self._standing.effects.items()):
            effects.add_metric([do, status], count)
        yield effects
        oldest = GaugeMetricFamily(
            "greenlight_effect_oldest_seconds",
            "Age of the oldest effect that is still to be done.",
            labels=["do"],
        )
        for do, age in sorted(self._standing.oldest_s.items()):
            oldest.add_metric([do], age)
        yield oldest
        yield GaugeMetricFamily(
            "greenlight_effect_unattended_seconds",
            "Age of the oldest effect that nobody is at.",
            value=self._standing.left_s,
        )
