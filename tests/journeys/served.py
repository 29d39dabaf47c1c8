"""What a process of the bot's own executes; imported once, by the server that forks them."""

import os
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


def main(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
    """`greenlight ARGUMENTS` in this environment, with what it prints at the end of a file."""
    os.environ.clear()
    os.environ.update(env)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    app(list(arguments))
