"""No way out of the sandbox, and no way to take more than is given, as root and as a plain user.

Every second of them; `python -m tests.security.escapes` tries all.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.errors import SandboxUnavailable
from tests.security.escapes.escape import Escape
from tests.security.escapes.host import CANARY, Host, open_host
from tests.security.escapes.sandboxed import ESCAPES
from tests.security.escapes.table import PlainUser, own_sandbox, plain_user, try_guarded, works

in_one_loop = pytest.mark.asyncio(loop_scope="module")
# Each waits for seconds, or fills hundreds of megabytes.
SLOW = {"resources", "output", "daemons"}
ROWS = [
    pytest.param(escape, id=escape.name, marks=[pytest.mark.long] * (escape.area in SLOW))
    for escape in ESCAPES[::2]
]
Place = tuple[Host, BubblewrapSandbox, PlainUser | None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    with pytest.MonkeyPatch.context() as patch, open_host() as host, plain_user(host) as plain:
        patch.setenv("SECRET", CANARY)
        sandbox = own_sandbox(host)
        try:
            await sandbox.probe()
        except SandboxUnavailable as reason:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no sandbox here: {reason.sentence}")
        yield host, sandbox, plain


@in_one_loop
@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize("escape", ROWS)
async def test_it_does_not_get_out(place: Place, escape: Escape) -> None:
    verdict = await try_guarded(escape, *place)
    assert not verdict.here, verdict.said
    assert not verdict.plain, verdict.said


# What works without a guard on any machine: if it did not here, that it is held would say little.
SHOWN_ANYWHERE = (
    "a secret by its absolute path",
    "another file written by its absolute path",
    "the checkout on the host written",
    "the toolchain's program replaced",
    "a mount in the checkout written",
    "a symbolic link of the tree, read through",
    "a descriptor that the bot holds",
    "the bot's environment",
    "a socket at a path",
    "an abstract socket",
    "a server on loopback",
    "a signal to another process",
    "a child traced",
)


@in_one_loop
@pytest.mark.xdist_group("escapes")
@pytest.mark.parametrize("name", SHOWN_ANYWHERE)
async def test_it_works_where_nothing_guards(place: Place, name: str) -> None:
    assert works(next(escape for escape in ESCAPES if escape.name == name), place[0])


@in_one_loop
@pytest.mark.long
@pytest.mark.xdist_group("escapes")
async def test_most_are_shown_to_work_where_nothing_guards(place: Place) -> None:
    """Of the rest the kernel, the machine or its user lack what they need; the command prints which."""
    if os.geteuid() != 0:
        pytest.skip("a plain user may do few of these even where nothing guards")
    shown = [await asyncio.to_thread(works, escape, place[0]) for escape in ESCAPES]
    assert sum(shown) >= 150


def test_there_are_many_and_each_is_named_once() -> None:
    names = [escape.name for escape in ESCAPES]
    assert len(names) == len(set(names)) >= 200
