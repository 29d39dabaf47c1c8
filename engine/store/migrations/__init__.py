"""Alembic migrations, run at every start; the durable engine's own tables are none of their business."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from engine.store.tables import PREFIX

VERSION_TABLE = f"{PREFIX}alembic_version"


def migrate(engine: sa.Engine) -> None:
    """Bring our tables to the newest version, in one transaction. Synchronous: call it off the loop."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def ours(thing: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Alembic's include_object: our tables only."""
    return type_ != "table" or ((name or "").startswith(PREFIX) and name != VERSION_TABLE)
