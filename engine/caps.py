"""Caps beside the request's own dollars: what is reserved, what a reached cap says, and when a day begins."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from engine.counting import count
from engine.ports import ModelCall

_BYTES_PER_TOKEN = 2


class Cap(StrEnum):
    """What is bounded."""

    USD = "usd"
    TOKENS = "tokens"
    MINUTES = "minutes"
    PERSON_DAY_USD = "person_day_usd"
    PERSON_DAY_TOKENS = "person_day_tokens"
    PERSON_DAY_MINUTES = "person_day_minutes"
    PERSON_DAY_ROUNDS = "person_day_rounds"
    DAY_USD = "day_usd"
    DAY_TOKENS = "day_tokens"
    DAY_MINUTES = "day_minutes"
    DAY_ROUNDS = "day_rounds"

    @property
    def unit(self) -> str:
        """What it is counted in: usd, tokens, minutes or rounds."""
        return self.value.rpartition("_")[2]

    @property
    def of(self) -> str:
        """Whose it is, in words."""
        if self.value.startswith("person_day"):
            return "what its requester asks for in one day"
        return "all requests of one day" if self.value.startswith("day") else "this request"


class CapHit(BaseModel):
    """A cap that the next call does not fit under, in the cap's own unit.

    Attributes:
        spent: Without calls in flight.
        set_aside: What calls in flight may take at most.
        needs: What the next call may take at most.
        until: When the day ends that it is about; None for a cap of the request.
        zone: The time zone of that day.
    """

    model_config = ConfigDict(frozen=True)

    cap: Cap
    limit: float
    spent: float
    set_aside: float = 0.0
    needs: float = 0.0
    until: datetime | None = None
    zone: str = ""

    @property
    def sentence(self) -> str:
        """Which cap it is, and how it stands."""
        day = f" (days of {self.zone})" if self.zone else ""
        whole = f"for {self.cap.of}{day}"
        if self.cap.unit == "minutes":
            worked = (
                f"{count(round(self.spent), 'minute was', 'minutes were')} worked so far, each request's "
                "counted for itself"
                if day
                else f"it has worked for {self.spent:.0f}"
            )
            return (
                f"The cap of {count(round(self.limit), 'minute')} of work {whole} is reached: "
                f"{worked}, without waiting for people and pauses."
            )
        if self.cap.unit == "rounds":
            return (
                f"The cap of {count(round(self.limit), 'review round')} {whole} is reached: "
                f"{count(round(self.spent), 'round has', 'rounds have')} begun so far; this is one more."
            )
        return (
            f"The cap of {self._said(self.limit)} {whole} is all but reached: "
            f"{self._said(self.spent)} spent, {self._said(self.set_aside)} set aside for calls in flight, "
            f"and the next call could take {self._said(self.needs)}."
        )

    def _said(self, amount: float) -> str:
        return f"{amount:,.0f} tokens" if self.cap.unit == "tokens" else f"${amount:.2f}"


def worst_case_tokens(call: ModelCall) -> int:
    """Upper bound of a call's tokens: all of max_tokens out, one token per two bytes in.

    As with its cost, the prompt is read again after each use of the provider's own tools, with their finds.
    """
    prompt = len(call.model_dump_json().encode()) // _BYTES_PER_TOKEN
    uses = sum(tool.max_uses for tool in call.web)
    page = max((tool.page_tokens for tool in call.web), default=0)
    return prompt * (uses + 1) + page * uses * (uses + 1) // 2 + call.max_tokens


def in_short(tokens: int) -> str:
    """A number of tokens as people read it: 950, 3.1k, 31k, 1.2M."""
    if tokens < 1_000:
        return str(tokens)
    if tokens < 999_500:
        return f"{tokens / 1_000:.{1 if tokens < 9_950 else 0}f}k"
    return f"{tokens / 1_000_000:.1f}M"


def day_of(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """When the day of this moment began there and when it ends, in UTC."""
    here = now.astimezone(ZoneInfo(zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    after = (midnight + timedelta(days=1, hours=12)).replace(hour=0)
    return midnight.astimezone(UTC), after.astimezone(UTC)
