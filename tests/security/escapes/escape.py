"""What an escape is: a row of data, with a small program that says "reached" if it gets there.

The rows stand in files.yml, kernel.yml and limits.yml; with `each`, a row stands for several, and $each (or
$NAME where each of them has names) is put in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import Any

import yaml


class Off(StrEnum):
    """Where the program is run with its guard off."""

    HOST = "outside"
    ALONE = "outside, in namespaces of its own"  # what it does there harms nobody
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Escape:
    """One way out.

    Attributes:
        name: What it tries, in a few words; the row's id.
        area: What it is about, for the figures.
        code: Python, run after PRELUDE; `a` holds what the host has. It calls reached() if it succeeds.
        limits: Bounds of the sandboxed run, where they are not the usual ones.
        shown: Where it is shown to work.
    """

    name: str
    area: str
    code: str
    limits: Mapping[str, float] = field(default_factory=dict)
    shown: Off = Off.HOST

    @property
    def program(self) -> str:
        """The whole program; its one argument is what the host has, as JSON."""
        return PRELUDE + self.code


PRELUDE = """\
import atexit, ctypes, errno, json, os, socket, sys, types
a = types.SimpleNamespace(**json.loads(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
x86 = os.uname().machine == "x86_64"
def call(on_x86, on_arm, *given):
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in given]
    result = libc.syscall(ctypes.c_long(on_x86 if x86 else on_arm), *given)
    if result < 0:
        refused.append(ctypes.get_errno())
    return result if result >= 0 else -refused[-1]
refused = []
@atexit.register
def tell():
    if refused:
        os.write(2, b"[Errno %d] of a call\\n" % refused[-1])
def reached(really=True):
    if really:
        refused.clear()
        os.write(1, b"reached\\n")
def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            tell()
            os._exit(0)
    os.waitpid(pid, 0)
"""


def escapes() -> Sequence[Escape]:
    """All of them, in their order."""
    files = (Path(__file__).with_name(f"{name}.yml") for name in ("files", "kernel", "limits"))
    return tuple(escape for file in files for row in yaml.safe_load(file.read_text()) for escape in _of(row))


def _of(row: Mapping[str, Any]) -> Iterator[Escape]:
    for one in row.get("each", [{}]):
        names = one if isinstance(one, dict) else {"each": one}
        yield Escape(
            name=Template(row["name"]).substitute(names),
            area=row["area"],
            code=Template(row["code"]).substitute(names),
            limits=row.get("limits", {}),
            shown=Off[row.get("shown", "host").upper()],
        )
