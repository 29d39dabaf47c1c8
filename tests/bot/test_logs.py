"""Log lines: JSON, one event each, with the ids that are bound; without secrets or anybody's words."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from bot.logs import configure
from engine import own_secrets
from engine.leaks import mark
from tests.fake_secrets import FAKES, kind_of

WORDS = "words that somebody typed"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    hooks, root, raising = sys.excepthook, logging.getLogger(), logging.raiseExceptions
    handlers, level = root.handlers[:], root.level
    to = io.StringIO()
    configure("info", to)
    yield to
    structlog.reset_defaults()
    sys.excepthook, logging.raiseExceptions = hooks, raising
    root.handlers[:] = handlers
    root.setLevel(level)


def told(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_line_is_one_event_with_the_ids_that_are_bound(lines: io.StringIO) -> None:
    log = structlog.get_logger()
    with bound_contextvars(request="T1:C1:1.2", run="T1:C1:1.2/3", event_key="k"):
        log.info("run.started", kind="plan")
    log.debug("never.seen")
    (line,) = told(lines)
    at = line.pop("at")
    assert at.endswith("Z")
    assert line == {
        "event": "run.started",
        "level": "info",
        "request": "T1:C1:1.2",
        "run": "T1:C1:1.2/3",
        "event_key": "k",
        "kind": "plan",
    }


@pytest.mark.parametrize("name", sorted(FAKES))
def test_no_form_of_secret_gets_into_a_line(lines: io.StringIO, name: str) -> None:
    structlog.get_logger().warning("x.refused", code=FAKES[name], where=[{"deep": f"a {FAKES[name]} b"}])
    (line,) = told(lines)
    assert FAKES[name] not in lines.getvalue()
    assert json.dumps(FAKES[name]) not in lines.getvalue()
    assert mark(kind_of(name)) in line["code"]
    assert mark(kind_of(name)) in line["where"][0]["deep"]


def test_nor_does_a_secret_of_the_process_that_has_no_form(lines: io.StringIO) -> None:
    secret = "visibly-fake-and-formless"  # noqa: S105
    structlog.get_logger().warning("before", said=secret)
    own_secrets.learn_from({"SOME_SECRET": secret})
    structlog.get_logger().warning("after", said=secret)
    before, after = told(lines)
    assert (before["said"], after["said"]) == (secret, mark(own_secrets.OWN))


def fail() -> None:
    raise ValueError(f"{WORDS} {FAKES['AWS key']}")


def raised() -> ValueError:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "name", ["slack_bolt.AsyncApp", "aiohttp.server", "some.library", "sqlalchemy.engine", "asyncio"]
)
def test_libraries_are_told_by_their_place_not_by_their_words(lines: io.StringIO, name: str) -> None:
    library = logging.getLogger(name)
    library.error("Failed for %s", WORDS)
    library.warning(f"Unhandled request {WORDS}")
    library.error(f"{WORDS}", exc_info=raised())
    library.info("below what libraries may say")
    one, two, three = told(lines)
    assert WORDS not in lines.getvalue()
    assert FAKES["AWS key"] not in lines.getvalue()
    assert (one["template"], one["logger"], one["level"]) == ("Failed for %s", name, "error")
    assert "test_logs.py:" in two["where"]
    assert "template" not in two
    assert three["trace"].endswith("builtins.ValueError")


def test_what_nothing_caught_is_told_by_its_trace(lines: io.StringIO) -> None:
    error = raised()
    sys.excepthook(type(error), error, error.__traceback__)
    try:
        raise error
    except ValueError:
        structlog.get_logger().exception("x.failed")
    assert WORDS not in lines.getvalue()
    assert [(line["event"], line["trace"].splitlines()[-1]) for line in told(lines)] == [
        ("process.failed", "builtins.ValueError"),
        ("x.failed", "builtins.ValueError"),
    ]


async def test_a_lost_task_is_told_without_its_words(lines: io.StringIO) -> None:
    async def lost() -> None:
        fail()

    task = asyncio.create_task(lost())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    assert WORDS not in lines.getvalue()
    assert told(lines)[0]["logger"] == "asyncio"
