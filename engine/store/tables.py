"""The tables, all prefixed `gl_`: the durable engine keeps its own tables in the same database.

Enumerations stand as their strings, frozen models as JSON text; `journal` and `records` convert.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Dialect, Index, Text, TypeDecorator
from sqlmodel import Field, SQLModel

PREFIX = "gl_"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on every database: SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; naive values are refused by `astimezone` meaning local time, so never pass them."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Always aware."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class EffectStatus(StrEnum):
    """How an effect stands. Final are done, failed and skipped; a run of a paused request is held."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    HELD = "held"


class CallStatus(StrEnum):
    """A ledger entry: a reservation at the worst case, a settled cost, or neither."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


class RequestRow(SQLModel, table=True):
    """A request: its newest state, and when the clock has to look at it."""

    __tablename__ = "gl_request"

    id: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    epoch: int
    cap_usd: float
    snapshot: str = Field(sa_type=Text)
    due_at: datetime | None = Field(default=None, index=True, sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class EventRow(SQLModel, table=True):
    """The journal. `seq` counts within the request; `actor` is team:user, the run, or the clock.

    `changed`: whether the state is another one since; what was refused, or came too late, changed nothing.
    """

    __tablename__ = "gl_event"
    __table_args__ = (Index("ix_gl_event_actor_seq", "actor", "seq"),)

    key: str = Field(primary_key=True, sa_type=Text)
    request: str = Field(index=True, sa_type=Text)
    seq: int
    kind: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    changed: bool = True


class EffectRow(SQLModel, table=True):
    """Something to do outside. `snapshot` is the state a run was decided in; `note` says why it failed."""

    __tablename__ = "gl_effect"

    id: str = Field(primary_key=True, sa_type=Text)
    request: str = Field(index=True, sa_type=Text)
    do: str = Field(sa_type=Text)
    card: str = Field(default="", sa_type=Text)
    body: str = Field(sa_type=Text)
    snapshot: str = Field(default="", sa_type=Text)
    epoch: int
    status: str = Field(index=True, sa_type=Text)
    attempt: int = 0
    holder: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    note: str = Field(default="", sa_type=Text)


class CardRow(SQLModel, table=True):
    """A card: the intent to post it (no ts yet), then where it stands."""

    __tablename__ = "gl_card"

    request: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    channel: str = Field(default="", sa_type=Text)
    ts: str = Field(default="", sa_type=Text)


class ForgottenRow(SQLModel, table=True):
    """A request whose data is deleted, or is to be until `done_at`. `by`: who asked, or the retention."""

    __tablename__ = "gl_forgotten"

    request: str = Field(primary_key=True, sa_type=Text)
    by: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WatchRow(SQLModel, table=True):
    """A pull request that is watched: when to look at it again, and what the last look found.

    `quiet` counts looks in a row that found nothing new, `failures` those that failed.
    """

    __tablename__ = "gl_watch"

    request: str = Field(primary_key=True, sa_type=Text)
    number: int
    mark: str = Field(default="", sa_type=Text)
    look_at: datetime = Field(index=True, sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    quiet: int = 0
    failures: int = 0


class AnswerRow(SQLModel, table=True):
    """A whole model answer, kept out of step results."""

    __tablename__ = "gl_answer"

    id: str = Field(primary_key=True, sa_type=Text)
    request: str = Field(index=True, sa_type=Text)
    body: str = Field(sa_type=Text)


class ReceiptRow(SQLModel, table=True):
    """A recorded tool call."""

    __tablename__ = "gl_receipt"

    id: str = Field(primary_key=True, sa_type=Text)
    request: str = Field(index=True, sa_type=Text)
    run: str = Field(index=True, sa_type=Text)
    tool: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    exit_code: int | None = None
    output: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    refused: bool = False
    at: datetime = Field(sa_type=UtcDateTime)


class WorkRow(SQLModel, table=True):
    """A stretch in which something worked for a request; no end: it still does."""

    __tablename__ = "gl_work"

    id: int | None = Field(default=None, primary_key=True)
    request: str = Field(index=True, sa_type=Text)
    began_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, index=True, sa_type=UtcDateTime)


class CallRow(SQLModel, table=True):
    """The ledger: a model call with its reserved or settled cost in US dollars.

    `round`: version of the spec and number of the review round that it is of; empty for other calls.
    """

    __tablename__ = "gl_call"

    id: str = Field(primary_key=True, sa_type=Text)
    request: str = Field(index=True, sa_type=Text)
    role: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    usd: float
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    round: str = Field(default="", sa_type=Text)
    at: datetime = Field(index=True, sa_type=UtcDateTime)
