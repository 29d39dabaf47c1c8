"""The guard off: what a plain job does, and that it believes the attack.

It commits everything the attacker wrote, checks the commit out, runs the command, and believes its exit
code. It runs outside the sandbox, on throw-away directories; the attacks are harmless there.
"""

import subprocess
from pathlib import Path

from tests.security.false_success.attack import Attack, Naive
from tests.security.false_success.repository import CHECKS, git, make_tools, programs

_WALL_S = 30


def believes(attack: Attack, base: Path, scratch: Path) -> tuple[bool, str]:
    """Whether the naive job is green, and its output.

    Args:
        attack: What the attacker does.
        base: A working clone of the base.
        scratch: A directory that is not there yet.
    """
    scratch.mkdir(parents=True)
    theirs, job = scratch / "theirs", scratch / "job"
    git(scratch, "clone", "-q", "--local", str(base), str(theirs))
    attack.plant(theirs)
    git(theirs, "add", "-A", "-f")
    git(theirs, "commit", "-q", "--allow-empty", "-m", "Work")
    if attack.naive is Naive.ARCHIVE:
        job.mkdir()
        git(theirs, "archive", "-o", str(scratch / "work.tar"), "HEAD")
        subprocess.run(["tar", "-xf", str(scratch / "work.tar")], cwd=job, check=True)
    else:
        git(scratch, "clone", "-q", "--local", str(theirs), str(job))
    home = scratch / "home"
    home.mkdir()
    path = f"{make_tools(scratch / 'tools') / 'bin'}:{programs()}:/usr/bin:/bin"
    if attack.after:
        _run(attack.after, job, home, path)
    code, output = _run(attack.check, job, home, path)
    return _green(attack.naive, code, output), output


def _green(naive: Naive, code: int, output: str) -> bool:
    match naive:
        case Naive.LOG:
            return "FAILED" not in output[-2_000:]
        case Naive.OK:
            return output.strip().endswith("OK")
        case _:
            return code == 0


def _run(check: str, job: Path, home: Path, path: str) -> tuple[int, str]:
    done = subprocess.run(
        CHECKS[check].argv, cwd=job, env={"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_WALL_S,
        check=False, start_new_session=True,
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace")
