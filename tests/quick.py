"""The sample repository with checks that take no time."""

from pathlib import Path

from bot.playground import sample_repository
from tests.journeys.reading import git

MAKEFILE = ".PHONY: test lint-sql check-quality\ntest lint-sql check-quality:\n\t@echo 0 violations\n"
CHECKS = """
[repositories.checks.tests]
argv = ["make", "test"]
about = "unit tests of the models on small data"

[repositories.checks.lint-sql]
argv = ["make", "lint-sql"]
about = "style of the SQL files, linting, sqlfluff"

[repositories.checks.check-quality]
argv = ["make", "check-quality"]
about = "data-quality rules executed on small data"
"""

NOBODY = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


async def quick_repository(remote: Path) -> None:
    """The sample repository, with checks that succeed at once: what they check is proved elsewhere."""
    await sample_repository.create(remote)
    makefile = remote.with_name("Makefile")
    makefile.write_text(MAKEFILE)
    index = {"GIT_INDEX_FILE": str(remote.with_name("index")), **NOBODY}
    blob = (await git(remote, "hash-object", "-w", str(makefile))).strip()

    async def with_quick_checks(commit: str, parent: str, subject: str) -> str:
        await git(remote, "read-tree", commit, **index)
        await git(remote, "update-index", "--cacheinfo", f"100644,{blob},Makefile", **index)
        tree = (await git(remote, "write-tree", **index)).strip()
        at = (await git(remote, "log", "-1", "--format=%cI", commit)).strip()
        dated = {**index, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        return (await git(remote, "commit-tree", tree, "-p", parent, "-m", subject, **dated)).strip()

    main = await with_quick_checks("main", "main", "Quick checks")
    for branch in (await git(remote, "for-each-ref", "--format=%(refname)", "refs/heads")).split():
        head = main
        for line in (await git(remote, "log", "--reverse", "--format=%H %s", f"main..{branch}")).splitlines():
            commit, subject = line.split(" ", 1)
            head = await with_quick_checks(commit, head, subject)
        await git(remote, "update-ref", branch, head)
