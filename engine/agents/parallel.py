"""Branches that run side by side and end together."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(branches: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all branches and return their results in order.

    They start in order, so that each can draw its durable step at a fixed place. If one fails, the others
    are cancelled and have ended before its own error is raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(branch) for branch in branches]
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise first
