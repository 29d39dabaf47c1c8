"""Alembic runs this file; the connection comes from `engine.store.migrations.migrate`."""

from alembic import context
from sqlmodel import SQLModel

from engine.store import tables
from engine.store.migrations import VERSION_TABLE, ours

assert tables.PREFIX  # noqa: S101 (the import fills the metadata)
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    include_object=ours,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
