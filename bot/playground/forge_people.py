"""What people do with a pull request of the local forge: remark, mark as ready, merge, close, report a check.

A merge is one: the base branch of the bare remote has it afterwards.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.playground.forge_diff import git
from engine.adapters.local_forge import Record, change
from engine.errors import NeedsPerson
from engine.ports import CheckState, Draft, Fate, OutsideCheck, Remark, Stance

LONGEST = 4_000
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")


class LocalPeople:
    """People at the local forge.

    Args:
        directory: The records.
        repository: The bare repository they are about.

    Every method raises:
        NeedsPerson: there is no such open pull request, or what is given cannot be; with the reason.
        Unreachable, DiskFull: the directory cannot be read or written.
    """

    def __init__(self, directory: Path, repository: Path) -> None:
        self._directory = directory
        self._repository = repository

    async def remark(
        self,
        number: int,
        author: str,
        text: str,
        *,
        path: str = "",
        line: int | None = None,
        may_write: bool = True,
    ) -> None:
        """Comment, also on a line."""
        if not text.strip():
            raise NeedsPerson("A comment needs some words.")
        said = text.strip()[:LONGEST]
        who = _login(author)

        def add(old: Record) -> Record:
            remark = Remark(
                id=f"r{len(old.remarks) + 1}",
                author=who,
                may_write=may_write,
                by_bot=False,
                text=said,
                at=datetime.now(UTC),
                path=path.strip()[:300],
                line=line if path.strip() else None,
                stance=Stance.NONE,
            )
            return old.model_copy(update={"remarks": (*old.remarks, remark)})

        await self._change(number, add, even_closed=True)

    async def report(self, number: int, name: str, state: CheckState, summary: str) -> None:
        """Report how a check of the commit that is there now ended."""
        called = " ".join(name.split())[:80]
        if not called:
            raise NeedsPerson("A check needs a name.")

        def add(old: Record) -> Record:
            check = OutsideCheck(
                id=f"c{len(old.checks) + 1}",
                name=called,
                commit=old.content.commit,
                state=state,
                summary=summary.strip()[:LONGEST],
            )
            others = [one for one in old.checks if (one.name, one.commit) != (check.name, check.commit)]
            return old.model_copy(update={"checks": (*others, check)})

        await self._change(number, add)

    async def mark_ready(self, number: int) -> None:
        """It is a draft no more."""
        await self._change(number, lambda old: old.model_copy(update={"draft": False}))

    async def close(self, number: int, login: str, reason: str) -> None:
        """Close it without a merge; the reason is the last comment."""
        if reason.strip():
            await self.remark(number, login, reason)
        await self._end(number, Fate.CLOSED, _login(login))

    async def reopen(self, number: int) -> None:
        """Open it again after it was closed."""

        def reopened(old: Record) -> Record:
            if old.fate is not Fate.CLOSED:
                raise NeedsPerson(f"Pull request {number} is {old.fate.value}.")
            return old.model_copy(update={"fate": Fate.OPEN, "closed_by": "", "closed_at": None})

        await self._change(number, reopened, even_closed=True)

    async def merge(self, number: int, login: str) -> None:
        """Merge it into the base branch of the remote."""
        who = _login(login)
        record = await asyncio.to_thread(change, self._directory, number, _open)
        into = await self._merged(record.content, who)
        await self._end(number, Fate.MERGED, who, into)

    async def _merged(self, content: Draft, who: str) -> str:
        """Make the merge commit; where the base branch was before."""
        base = f"refs/heads/{content.base}"
        before = (await git(self._repository, "rev-parse", "--verify", base))[0].strip()
        tree = (await git(self._repository, "merge-tree", "--write-tree", before, content.commit))[0]
        if not before or not tree.strip():
            raise NeedsPerson(
                f"It cannot be merged here: it conflicts with {content.base}, the repository lacks it, or "
                "git is older than 2.38."
            )
        subject = f"Merge {content.branch} for {who}"
        parents = ("-p", before, "-p", content.commit)
        made = await git(self._repository, "commit-tree", tree.split()[0], *parents, "-m", subject)
        await git(self._repository, "update-ref", base, made[0].strip(), before)
        after = (await git(self._repository, "rev-parse", base))[0].strip()
        if not made[0].strip() or after != made[0].strip():
            raise NeedsPerson(f"{content.base} has moved on meanwhile; try again.")
        return before

    async def _end(self, number: int, fate: Fate, login: str, merged_into: str = "") -> None:
        ended = {"fate": fate, "closed_by": login, "closed_at": datetime.now(UTC)}
        if fate is Fate.MERGED:
            ended |= {"draft": False, "merged_into": merged_into}
        await self._change(number, lambda old: old.model_copy(update=ended))

    async def _change(
        self, number: int, how: Callable[[Record], Record], *, even_closed: bool = False
    ) -> None:
        def changed(old: Record) -> Record:
            return how(old if even_closed else _open(old))

        await asyncio.to_thread(change, self._directory, number, changed)


def _open(old: Record) -> Record:
    if old.fate is not Fate.OPEN:
        raise NeedsPerson(f"Pull request {old.number} is {old.fate.value}.")
    return old


def _login(login: str) -> str:
    if not _LOGIN.fullmatch(login):
        raise NeedsPerson("A login is made of letters, digits and dashes.")
    return login
