"""Printing for people at a terminal, and running what a command does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from rich.console import Console

from engine.errors import GreenlightError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def ended(work: Coroutine[Any, Any, int]) -> int:
    """Do what a command does; its exit code. Errors are told in a sentence."""
    try:
        return asyncio.run(work)
    except GreenlightError as problem:
        from engine.leaks import redacted_words  # takes a while to import, and mostly nothing goes wrong

        err.print(f"[red]{plain(redacted_words(problem.sentence))}[/red]")
        return 2
    except TimeoutError:
        err.print("[red]The play did not end in time.[/red]")
        return 1
    except KeyboardInterrupt:
        return 130


def plain(text: str) -> str:
    """Text that holds no markup of the console's."""
    return text.replace("[", "\\[")
