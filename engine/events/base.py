"""What all events and records of them have: they are frozen."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A record that never changes."""

    model_config = ConfigDict(frozen=True)


class EventBase(Frozen):
    """Common to all events: `request` is team:channel:thread_ts."""

    key: str
    request: str
    at: datetime
