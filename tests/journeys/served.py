"""What a process of the bot's own executes; imported once, by the server that forks them."""

import faulthandler
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from bot.cli import app

for name in (
    "bot.app",
    "bot.playground.demo",
    "engine.adapters.anthropic_model",
    "engine.adapters.bubblewrap",
    "engine.adapters.git_workspace",
    "engine.adapters.local_forge",
):
    import_module(name)  # the commands import them late; here each process has them from the start


def main(arguments: Sequence[str], env: Mapping[str, str], out: Path, err: Path) -> None:
    """`greenlight ARGUMENTS` in this environment, with what it prints at the end of two files."""
    os.environ.clear()
    os.environ.update(env)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), stream.fileno())
    # A process that hangs says where.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    app(list(arguments))
