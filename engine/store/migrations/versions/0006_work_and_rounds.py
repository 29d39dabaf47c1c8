"""When something worked for a request, and which calls were of which review round."""

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


def downgrade() -> None:
    op.drop_column("gl_call", "round")
    op.drop_table("gl_work")
