"""First tables."""

import sqlalchemy as sa
from alembic import op

from engine.store.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INDEXES = {
    "gl_request": ("due_at",),
    "gl_event": ("request",),
    "gl_effect": ("request", "status"),
    "gl_answer": ("request",),
    "gl_receipt": ("request", "run"),
    "gl_call": ("request",),
}


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=False)


def _moment(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime(), nullable=optional)


def _number(name: str, *, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=optional)


def _dollars(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "gl_request",
        _text("id", key=True),
        _text("state"),
        _number("epoch"),
        _dollars("cap_usd"),
        _text("snapshot"),
        _moment("due_at", optional=True),
        _moment("updated_at"),
    )
    op.create_table(
        "gl_event",
        _text("key", key=True),
        _text("request"),
        _number("seq"),
        _text("kind"),
        _moment("at"),
        _text("actor"),
        _text("body"),
    )
    op.create_table(
        "gl_effect",
        _text("id", key=True),
        _text("request"),
        _text("do"),
        _text("card"),
        _text("body"),
        _text("snapshot"),
        _number("epoch"),
        _text("status"),
        _number("attempt"),
        _text("holder"),
        _moment("created_at"),
        _text("note"),
    )
    op.create_table(
        "gl_card", _text("request", key=True), _text("key", key=True), _text("channel"), _text("ts")
    )
    op.create_table("gl_answer", _text("id", key=True), _text("request"), _text("body"))
    op.create_table(
        "gl_receipt",
        _text("id", key=True),
        _text("request"),
        _text("run"),
        _text("tool"),
        _text("subject"),
        _number("exit_code", optional=True),
        _text("output"),
        _text("digest"),
        _moment("at"),
    )
    op.create_table(
        "gl_call",
        _text("id", key=True),
        _text("request"),
        _text("role"),
        _text("model"),
        _text("status"),
        _dollars("usd"),
        _number("input_tokens"),
        _number("output_tokens"),
        _number("cache_read_tokens"),
        _number("cache_write_tokens"),
        _moment("at"),
    )
    for table, columns in INDEXES.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table in (*INDEXES, "gl_card"):
        op.drop_table(table)
