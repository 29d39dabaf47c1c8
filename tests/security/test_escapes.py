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
from tests.security.escapes.escape import Escape, Off
from tests.security.escapes.host import CANARY, Host, open_host
from tests.security.escapes.sandboxed import ESCAPES
from tests.security.escapes.table import (
    PlainUser,
    Verdict,
    failures,
    own_sandbox,
    plain_user,
    try_guarded,
    works,
)
from tests.security.escapes.unshown import LISTED, NO_CALL, NO_FAMILY, NO_FILE, NOT_ALLOWED, why_unshown

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


DISK = Escape("the device /dev/vda", "devices", "")
TERMINAL = Escape("the bot's terminal", "terminal", "", shown=Off.NOWHERE)
PORTS = next(escape for escape in ESCAPES if "iopl" in escape.name)


@pytest.mark.parametrize(
    ("escape", "user", "said", "why"),
    [
        (PORTS, 0, "[Errno 38] of a call\n", NO_CALL),
        (PORTS, 0, "[Errno 97] of a call\n", NO_FAMILY),
        (PORTS, 0, "[Errno 1] of a call\n", ""),
        (PORTS, 1000, "[Errno 1] of a call\n", NOT_ALLOWED),
        (PORTS, 0, "[Errno 38] of a call\nTypeError: what", ""),
        (PORTS, 0, "", ""),
        (DISK, 0, "FileNotFoundError: [Errno 2] No such file or directory: '/dev/never-there'", NO_FILE),
        (DISK, 0, "FileNotFoundError: [Errno 2] No such file or directory: '/dev/null'", ""),
        (DISK, 0, "FileNotFoundError: [Errno 2] No such file or directory: 'work'", ""),
        (DISK, 0, "OSError: [Errno 6] No such device or address: '/dev/tty1'", NO_FILE),
        (DISK, 0, "PermissionError: [Errno 1] Operation not permitted: '/dev/vda'", LISTED[DISK.name]),
        (DISK, 0, "SyntaxError: what", ""),
        (TERMINAL, 0, "", LISTED[TERMINAL.name]),
    ],
)
def test_only_what_the_machine_lacks_need_not_be_shown(
    escape: Escape, user: int, said: str, why: str
) -> None:
    assert why_unshown(escape, said, user) == why


def test_a_program_says_with_which_error_the_kernel_refused_it(place: Place) -> None:
    refused = Escape("no such call", "kernel", "reached(call(100_000, 100_000) == 0)")
    worked, said = place[0].run(refused)
    assert (worked, why_unshown(refused, said)) == (False, NO_CALL)


def test_who_is_listed_is_among_them() -> None:
    assert set(LISTED) <= {escape.name for escape in ESCAPES}


def test_tries_that_show_too_little_fail_the_command() -> None:
    fine = Verdict(PORTS, True, "", "", "")
    lacking = Verdict(PORTS, False, "", "", "", NO_CALL)
    assert failures([fine, lacking], root=True) == []
    assert failures([], root=True)[0].startswith("nothing was tried")
    assert failures([Verdict(PORTS, True, "", None, "")], root=False) == []
    assert "plain user" in failures([fine, Verdict(PORTS, True, "", None, "")], root=True)[0]
    assert PORTS.name in failures([fine, Verdict(PORTS, False, "", "", "")], root=True)[0]
    assert failures([Verdict(PORTS, True, "it says so", "", "")], root=True)[0].startswith("BREACH")
    assert failures([Verdict(PORTS, True, "", "a daemon is left", "")], root=True)[0].startswith("BREACH")
