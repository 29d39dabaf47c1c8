"""Finds what looks like credentials in records that an older version kept as they came.

What comes in is kept without them by now (see `withholding`). Older records are left as they are: approvals
are bound to their words. They are told of here, and go with their request when it is deleted.
"""

import base64
import binascii
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.counting import count
from engine.diagnoses import Diagnosis, Level
from engine.leaks import kinds
from engine.state_dir import DATABASE

_OWNERS = ("workflow_uuid", "destination_uuid", "request", "id")
"""Columns that begin with a request's id, in our tables and in the durable engine's."""
_PICKLED = "gA"
_SHOWN = 5
_SHORTEST = 12
"""Characters; nothing shorter is taken for a credential."""


def records(state_dir: Path) -> Diagnosis:
    """Whether an older version kept credentials that somebody pasted."""
    try:
        found = kept_secrets(state_dir)
    except sqlite3.Error:
        return Diagnosis(
            level=Level.FAIL,
            about="records",
            text=f"the records in {state_dir} cannot be read",
            next="Run it as the user that runs the bot, or put a backup back with `greenlight restore`.",
        )
    if not found:
        return Diagnosis(level=Level.OK, about="records", text="nothing kept looks like a credential")
    shown = [f"{request} ({', '.join(of[:_SHOWN])})" for request, of in list(found.items())[:_SHOWN]]
    several = count(len(found), "request")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Diagnosis(
        level=Level.WARN,
        about="records",
        text=f"what looks like credentials is kept of {several}: {'; '.join(shown)}{more}",
        next="An older version kept what was pasted. Revoke it where it was issued; `greenlight forget "
        "REQUEST` deletes such a request once it has ended. Backups made before still hold it.",
    )


def kept_secrets(state_dir: Path) -> dict[str, tuple[str, ...]]:
    """Kinds of what looks like credentials, by the id of the request whose records hold them.

    Reads beside a running bot, records of any version; empty where there are none.

    Raises:
        sqlite3.Error: they cannot be read.
    """
    path = state_dir.absolute() / DATABASE
    if not path.is_file():
        return {}
    found: dict[str, dict[str, None]] = {}
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)) as database:
        for owner, text in _texts(database):
            if of := [kind for part in _plain(text) for kind in kinds(part)]:
                found.setdefault(owner, {}).update(dict.fromkeys(of))
    return {request: tuple(of) for request, of in sorted(found.items())}


def _texts(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """(request, text) of everything that is some request's."""
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        of_table = database.execute(f'PRAGMA table_info("{table}")').fetchall()
        columns = [name for _, name, kind, *_ in of_table if kind == "TEXT"]
        owner = next((name for name in _OWNERS if name in columns), None)
        for column in columns if owner else ():
            rows = database.execute(
                f'SELECT "{owner}", "{column}" FROM "{table}" WHERE length("{column}") >= ?',  # noqa: S608
                (_SHORTEST,),
            )
            for id, text in rows:
                yield str(id).partition("/")[0], str(text)


def _plain(text: str) -> Iterator[str]:
    """The words in a value: of JSON each string, of what was pickled its bytes."""
    if text.startswith(_PICKLED):
        try:
            yield base64.b64decode(text, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            yield text
        return
    try:
        yield from _strings(json.loads(text))
    except (ValueError, RecursionError):
        yield text


def _strings(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, one in part.items():
            yield from _strings(key)
            yield from _strings(one)
    elif isinstance(part, list):
        for one in part:
            yield from _strings(one)
