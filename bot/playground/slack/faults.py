"""Faults on demand and Slack's pace: what a client must survive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil


class Fault(StrEnum):
    """What goes wrong with a call."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After; nothing was done
    SERVER_ERROR = "server_error"  # 500; nothing was done
    REFUSED = "refused"  # an answer with ok false and a code; nothing was done
    DROPPED = "dropped"  # the connection ends before anything was done
    DROPPED_AFTER = "dropped_after"  # it was done, then the connection ends without an answer


@dataclass
class Planned:
    """A fault for the next `times` calls of a method ("*": of any), in that channel if any."""

    method: str
    kind: Fault
    times: int
    retry_after: int
    code: str
    channel: str = ""


@dataclass
class Faults:
    """Faults waiting for calls, oldest first."""

    planned: list[Planned] = field(default_factory=list)

    def add(
        self,
        method: str,
        kind: Fault | str,
        times: int = 1,
        retry_after: int = 1,
        code: str = "",
        channel: str = "",
    ) -> None:
        """Plan a fault.

        Args:
            method: Web API method such as chat.postMessage, or "*".
            kind: What goes wrong.
            times: How many calls it hits.
            retry_after: Seconds of the Retry-After header, for RATE_LIMITED.
            code: Slack's error code, for REFUSED.
            channel: Only calls that name this channel.
        """
        self.planned.append(Planned(method, Fault(kind), times, retry_after, code, channel))

    def clear(self) -> None:
        """Forget what is still planned."""
        self.planned.clear()

    def take(self, method: str, channel: str = "") -> Planned | None:
        """The fault that hits this call, used up by one."""
        for planned in self.planned:
            if planned.method in {method, "*"} and planned.channel in {"", channel}:
                planned.times -= 1
                if planned.times <= 0:
                    self.planned.remove(planned)
                return planned
        return None


@dataclass(frozen=True)
class Pace:
    """A method's rate a channel: `burst` calls at once, then `per_second`."""

    per_second: float
    burst: int


SLACK_PACE: Mapping[str, Pace] = {
    "chat.postMessage": Pace(per_second=1.0, burst=15),
    "chat.update": Pace(per_second=1.0, burst=30),
}
"""About what Slack allows: a message a second and channel, 50 updates a minute, short bursts more."""


class Pacer:
    """Token buckets, one a method and channel.

    Args:
        paces: Methods that are limited; empty for no limits.
        clock: Seconds, any origin.
    """

    def __init__(self, paces: Mapping[str, Pace], clock: Callable[[], float]) -> None:
        self._paces = paces
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def wait(self, method: str, channel: str) -> int:
        """Seconds to wait, rounded up; 0 if the call may go on (then it is counted)."""
        pace = self._paces.get(method)
        if pace is None:
            return 0
        now = self._clock()
        tokens, since = self._buckets.get((method, channel), (float(pace.burst), now))
        tokens = min(float(pace.burst), tokens + (now - since) * pace.per_second)
        enough = tokens >= 1
        self._buckets[method, channel] = (tokens - 1 if enough else tokens, now)
        return 0 if enough else max(1, ceil((1 - tokens) / pace.per_second))
