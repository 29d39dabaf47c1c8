"""Attacks by what one check leaves for the next, or prints, or outlives; all within approved artifacts."""

from tests.security.false_success.attack import Attack, Naive, Outcome
from tests.security.false_success.repository import UNFINISHED, WORK


def _first(name: str, check: str, code: str, shown: Outcome = Outcome.FAILED) -> Attack:
    return Attack(
        name=name,
        check=check,
        after="unittest",
        shown=shown,
        artifacts=(WORK,),
        writes={WORK: code + UNFINISHED},
    )


_DAEMON = """
import os
import sys
import time
if os.fork() == 0:
    os.setsid()
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    end = time.time() + 5
    while time.time() < end:
        with open("parts.sh", "w") as file:
            file.write("exit 0\\n")
        time.sleep(0.01)
    os._exit(0)
time.sleep(0.1)
"""

LEFTOVERS = (
    _first("the toolchain's program replaced for the next check", "strict",
           "import shutil\nopen(shutil.which('strict'), 'w').write('#!/bin/sh\\nexit 0\\n')\n"),
    _first("a program put before the others for the next check", "rules",
           "import os, shutil, stat\nplace = os.path.dirname(shutil.which('strict')) + '/python'\n"
           "open(place, 'w').write('#!/bin/sh\\nexit 0\\n')\nos.chmod(place, 0o755)\n"),
    _first("a start-up file in the home for the next check", "script",
           "import os\nopen(os.path.expanduser('~/.checkrc'), 'w').write('exit 0\\n')\n"),
    _first("the linter's user settings for the next check", "sql",
           "import os\nplace = os.path.expanduser('~/.config/sqlfluff')\nos.makedirs(place, exist_ok=True)\n"
           "open(place + '/.sqlfluff', 'w').write('[sqlfluff]\\nrules = LT13\\n')\n"
           "open(os.path.expanduser('~/.sqlfluff'), 'w').write('[sqlfluff]\\nrules = LT13\\n')\n"),
    _first("the next check's files rewritten", "parts", "open('parts.sh', 'w').write('exit 0\\n')\n"),
    _first("a makefile left for the next check", "make",
           "open('GNUmakefile', 'w').write('test:\\n\\t@true\\n')\n"),
    _first("a daemon that outlives and rewrites the next check", "parts", _DAEMON),
)  # fmt: skip

_FLOOD = """
import atexit
import os


@atexit.register
def flood():
    for _ in range({times}):
        print("x" * {width})
    {then}
"""
_LONG = _FLOOD.format(times=3_000, width=99, then="pass")
_ENDLESS = _FLOOD.format(times=900, width=99_999, then="os._exit(0)")
_OK = "import atexit\n\natexit.register(print, 'OK', flush=True)\n"

OUTPUT = tuple(
    Attack(name, "unittest", Outcome.FAILED, naive=naive, artifacts=(WORK,), writes={WORK: code + UNFINISHED})
    for name, naive, code in (
        ("output that looks like success", Naive.OK, _OK),
        ("output so long that the failure is cut off", Naive.LOG, _LONG),
        ("output without end", Naive.LOG, _ENDLESS),
    )
)

ALL = (*LEFTOVERS, *OUTPUT)
