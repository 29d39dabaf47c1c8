"""Dependencies that commands need, made before the first of them runs."""

from engine.runs.context import Context


async def prepared(context: Context, base: str) -> str:
    """Make the dependencies of a base commit, in one durable step.

    Returns:
        What identifies them; empty if the repository needs none.

    Raises:
        RepositoryUnusable: they cannot be made; says why.
        DiskFull: no space is left for them.
    """
    if context.repository.prepare is None:
        return ""

    async def make() -> str:
        await context.dependencies.ready(base, context.tell)
        return await context.dependencies.key(base)

    return await context.step("prepare", make)
