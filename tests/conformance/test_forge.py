"""What every implementation of `engine.ports.Forge` does, whatever stands behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_dress import Dress
from engine.adapters.github_forge import GitHubForge
from engine.adapters.github_place import Place
from engine.adapters.local_forge import LocalForge, read_records
from engine.errors import GreenlightError, NeedsPerson
from engine.ports import Draft, Fate, Forge
from tests.github.local_github import TOKEN, LocalGitHub

OLD, NEW = "1" * 40, "2" * 40


class Local:
    """Pull requests in a directory."""

    def __init__(self, place: Path) -> None:
        self._directory = place / "forge"

    def connect(self) -> Forge:
        return LocalForge(self._directory, pages="http://127.0.0.1:8080/forge/")

    def push(self, branch: str, commit: str) -> None:
        """Nothing looks at branches here."""

    def said(self, number: int) -> list[str]:
        return [one.body for record in read_records(self._directory) for one in record.comments]


class GitHub:
    """Pull requests at GitHub's REST API."""

    def __init__(self, server: LocalGitHub) -> None:
        self._server = server
        # One connection, as in one process: it is what lets one pull request be opened at a time.
        self._client = GitHubClient(Place("acme", "data", server.api), SecretStr(TOKEN))

    def connect(self) -> Forge:
        return GitHubForge(self._client, "feat-", Dress(self._client, (), from_codeowners=False))

    def push(self, branch: str, commit: str) -> None:
        self._server.branches[branch] = commit

    def said(self, number: int) -> list[str]:
        return [one["body"].split("\n")[0] for one in self._server.comments[number]]


@pytest.fixture(params=["local", "github"])
async def outside(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Local | GitHub]:
    """Where the pull requests are."""
    if request.param == "local":
        yield Local(tmp_path)
    else:
        async with LocalGitHub() as server:
            yield GitHub(server)


@pytest.fixture
def push(outside: Local | GitHub) -> Callable[[str, str], None]:
    """Puts a commit on a branch."""
    return outside.push


@pytest.fixture
def connect(outside: Local | GitHub) -> Callable[[], Forge]:
    """Connects to one and the same forge, each time anew, as a restarted process does."""
    for branch in ("feat-DPA-1-a", "a", "b", "another", *(f"b{n}" for n in range(12))):
        outside.push(branch, OLD)
    return outside.connect


@pytest.fixture
def forge(connect: Callable[[], Forge]) -> Forge:
    return connect()


def draft(key: str = "T1:C1:1.0", branch: str = "feat-DPA-1-a", commit: str = OLD) -> Draft:
    return Draft(
        key=key,
        branch=branch,
        base="main",
        commit=commit,
        title="feat(DPA-1): Add a „metric“ ✓",
        body="Why.\n\n- one",
    )


async def test_nothing_is_found_before_anything_was_opened(forge: Forge) -> None:
    assert await forge.find("T1:C1:1.0", "feat-DPA-1-a") is None


async def test_a_pull_request_is_opened_as_a_draft(forge: Forge) -> None:
    opened = await forge.open_draft(draft())

    assert opened.draft
    assert (opened.branch, opened.commit) == ("feat-DPA-1-a", OLD)
    assert opened.url.startswith("http")
    assert opened.url.endswith(f"/{opened.number}")


async def test_it_is_found_by_key_or_by_branch_after_a_restart(connect: Callable[[], Forge]) -> None:
    opened = await connect().open_draft(draft())

    assert await connect().find("T1:C1:1.0", "another") == opened
    assert await connect().find("another", "feat-DPA-1-a") == opened
    assert await connect().find("another", "another") is None


async def test_the_key_counts_more_than_the_branch(forge: Forge) -> None:
    mine = await forge.open_draft(draft(key="mine", branch="a"))
    await forge.open_draft(draft(key="other", branch="b"))

    assert await forge.find("mine", "b") == mine


async def test_numbers_increase(forge: Forge) -> None:
    numbers = [(await forge.open_draft(draft(key=f"k{n}", branch=f"b{n}"))).number for n in range(12)]

    assert numbers == sorted(set(numbers))


async def test_a_second_draft_of_a_key_is_refused(connect: Callable[[], Forge]) -> None:
    opened = await connect().open_draft(draft())

    with pytest.raises(GreenlightError):
        await connect().open_draft(draft(branch="another", commit=NEW))

    assert await connect().find("T1:C1:1.0", "another") == opened


async def test_a_second_draft_of_a_branch_is_refused(forge: Forge) -> None:
    await forge.open_draft(draft())

    with pytest.raises(GreenlightError):
        await forge.open_draft(draft(key="another"))


async def test_an_update_replaces_the_commit_and_keeps_the_number(
    forge: Forge, push: Callable[[str, str], None]
) -> None:
    opened = await forge.open_draft(draft())
    push(opened.branch, NEW)

    updated = await forge.update(opened.number, draft(commit=NEW))

    assert updated == opened.model_copy(update={"commit": NEW})
    assert await forge.find("T1:C1:1.0", "feat-DPA-1-a") == updated


async def test_an_update_may_be_repeated(forge: Forge, push: Callable[[str, str], None]) -> None:
    opened = await forge.open_draft(draft())
    push(opened.branch, NEW)

    assert await forge.update(opened.number, draft(commit=NEW)) == await forge.update(
        opened.number, draft(commit=NEW)
    )


async def test_an_update_of_what_is_not_there_is_refused(forge: Forge) -> None:
    with pytest.raises(GreenlightError):
        await forge.update(7, draft())


@pytest.mark.parametrize("change", [{"key": "another"}, {"branch": "another"}])
async def test_an_update_of_another_request_is_refused(forge: Forge, change: dict[str, str]) -> None:
    opened = await forge.open_draft(draft())

    with pytest.raises(GreenlightError):
        await forge.update(opened.number, draft(commit=NEW).model_copy(update=change))

    assert await forge.find("T1:C1:1.0", "feat-DPA-1-a") == opened


async def test_of_many_at_once_one_opens_the_key(connect: Callable[[], Forge]) -> None:
    attempts = [connect().open_draft(draft(branch=f"b{n}")) for n in range(8)]

    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert all(
        isinstance(outcome, GreenlightError) for outcome in outcomes if isinstance(outcome, BaseException)
    )


async def test_a_comment_is_replaced_by_the_next_of_its_key_and_outlives_updates(
    connect: Callable[[], Forge], outside: Local | GitHub
) -> None:
    opened = await connect().open_draft(draft())
    for key, body in (("a", "one"), ("b", "two"), ("a", "three"), ("a", "three")):
        await connect().comment(opened.number, key, body)
    outside.push(opened.branch, NEW)
    await connect().update(opened.number, draft(commit=NEW))

    assert outside.said(opened.number) == ["three", "two"]
    with pytest.raises(GreenlightError):
        await connect().comment(opened.number + 1, "a", "one")


async def test_a_look_tells_how_it_stands_and_nothing_while_that_does_not_change(
    connect: Callable[[], Forge], push: Callable[[str, str], None]
) -> None:
    opened = await connect().open_draft(draft())

    first = await connect().look(opened.number, "")
    assert first is not None
    assert (first.fate, first.draft, first.commit) == (Fate.OPEN, True, OLD)
    assert (first.remarks, first.checks, first.closed_by, first.closed_at) == ((), (), "", None)
    assert 0 < len(first.mark) <= 4000
    assert await connect().look(opened.number, first.mark) is None

    push(opened.branch, NEW)
    await connect().update(opened.number, draft(commit=NEW))
    second = await connect().look(opened.number, first.mark)
    assert second is not None
    assert second.commit == NEW
    assert await connect().look(opened.number, "no mark of anything") == second


async def test_what_we_comment_ourselves_is_no_remark(forge: Forge) -> None:
    opened = await forge.open_draft(draft())

    await forge.comment(opened.number, "a", "one")

    seen = await forge.look(opened.number, "")
    assert seen is not None
    assert seen.remarks == ()


async def test_a_look_at_what_is_not_there_is_refused(forge: Forge) -> None:
    with pytest.raises(NeedsPerson):
        await forge.look(7, "")
