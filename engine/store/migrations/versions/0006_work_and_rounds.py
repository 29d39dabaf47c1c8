"""When something worked for a request, which calls were of which round, and indexes for the caps of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gl_work",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_gl_work_request", "gl_work", ["request"])
    op.create_index("ix_gl_work_ended_at", "gl_work", ["ended_at"])
    op.add_column("gl_call", sa.Column("round", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_gl_call_at", "gl_call", ["at"])
    op.create_index("ix_gl_event_actor_seq", "gl_event", ["actor", "seq"])


def downgrade() -> None:
    op.drop_index("ix_gl_event_actor_seq", "gl_event")
    op.drop_index("ix_gl_call_at", "gl_call")
    op.drop_column("gl_call", "round")
    op.drop_table("gl_work")
