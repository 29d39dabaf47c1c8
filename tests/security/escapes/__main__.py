"""Print every escape with where it was shown to work and what held, and the figures.

With words after the command: only those whose area and name hold them.
"""

import asyncio
import os
import resource
import sys
import time
from collections import Counter

from tests.security.escapes.host import CANARY, open_host
from tests.security.escapes.sandboxed import ESCAPES
from tests.security.escapes.table import Verdict, failures, own_sandbox, plain_user, try_escape


async def main() -> int:
    """Try everything; 0 if nothing got out, and what did not was shown to, or cannot be on this machine."""
    os.environ["SECRET"] = CANARY  # what must not be found inside
    started, wanted = time.monotonic(), " ".join(sys.argv[1:])
    verdicts = []
    with open_host() as host, plain_user(host) as plain:
        sandbox = own_sandbox(host)
        _say(await sandbox.probe())
        _say(f"area | escape | guard off | sandbox of {_user()} | sandbox of a plain user")
        for escape in (one for one in ESCAPES if wanted in f"{one.area} {one.name}"):
            verdicts.append(await try_escape(escape, host, sandbox, plain))
            _row(verdicts[-1])
    shown = [one for one in verdicts if one.shown]
    areas = Counter(one.escape.area for one in verdicts)
    _say(f"\nescapes tried: {len(verdicts)} ({', '.join(f'{n} {area}' for area, n in areas.items())})")
    _say(f"in sandboxes: {sum(1 + (one.plain is not None) for one in verdicts)} tries, as "
         + " and as ".join([_user(), *(["a plain user"] if plain else [])]))  # fmt: skip
    _say(f"positive controls: {len(shown)}; not shown on this machine: {len(verdicts) - len(shown)}")
    for why, count in Counter(one.why or "no reason is known" for one in verdicts if not one.shown).items():
        _say(f"  {count}: {why}")
    _say(f"breaches: {sum(one.breach for one in verdicts)}")
    used = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    _say(f"{time.monotonic() - started:.0f} s, {sum(used):.0f} s of processor time")
    wrong = failures(verdicts, root=os.geteuid() == 0)
    for line in wrong:
        _say(line)
    return int(bool(wrong))


def _user() -> str:
    return "root" if os.geteuid() == 0 else "a plain user"


def _row(one: Verdict) -> None:
    shown = f"works {one.escape.shown.value}" if one.shown else f"not shown: {one.why}"
    here = f"BREACH ({one.here})" if one.here else "held"
    plain = "not tried" if one.plain is None else f"BREACH ({one.plain})" if one.plain else "held"
    _say(f"{one.escape.area} | {one.escape.name} | {shown} | {here} | {plain}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
