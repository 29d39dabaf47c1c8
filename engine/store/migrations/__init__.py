"""Alembic migrations, run at every start; the durable engine's own tables are none of their business."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from engine.store.tables import PREFIX

VERSION_TABLE = f"{PREFIX}alembic_version"


def migrate(engine: sa.Engine, to: str = "head") -> None:
    """Bring our tables to a version, in one transaction. Synchronous: call it off the loop."""
    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Its driver begins by itself before changes of rows only: each table would stay alone.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, to)


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
