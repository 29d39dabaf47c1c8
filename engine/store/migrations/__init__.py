"""Alembic migrations, run at every start; the durable engine's own tables are none of their business."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from engine.errors import ConfigurationInvalid
from engine.store.tables import PREFIX

VERSION_TABLE = f"{PREFIX}alembic_version"


def migrate(engine: sa.Engine, to: str = "head") -> None:
    """Bring our tables to a version, in one transaction. Synchronous: call it off the loop.

    Raises:
        ConfigurationInvalid: a newer version of the program wrote them; nothing is changed.
    """
    config = _config()
    with engine.begin() as connection:
        if (written := _version(connection)) > newest():
            raise ConfigurationInvalid(
                f"The state was written by a newer Greenlight (schema {written}, this one knows {newest()}). "
                "Start that version, or restore a backup that this one made."
            )
        if connection.dialect.name == "sqlite":
            # Its driver begins by itself before changes of rows only: each table would stay alone.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def _version(connection: sa.Connection) -> str:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return ""
    table = sa.table(VERSION_TABLE, sa.column("version_num"))
    return str(connection.execute(sa.select(table.c.version_num)).scalar_one_or_none() or "")


def newest() -> str:
    """The version to which `migrate` brings our tables; versions are numbers that sort as text."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def ours(thing: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Alembic's include_object: our tables only."""
    return type_ != "table" or ((name or "").startswith(PREFIX) and name != VERSION_TABLE)
