"""How a pull request at GitHub stands: all of it, and nothing while nothing changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_dress import Dress
from engine.adapters.github_forge import GitHubForge
from engine.adapters.github_place import Place
from engine.errors import NeedsPerson, RateLimited, Unreachable
from engine.ports import CheckState, Draft, Fate, Stance, Watched
from tests.github import documents
from tests.github.documents import Document, failure
from tests.github.local_github import TOKEN, Fault, LocalGitHub

BRANCH, COMMIT, NEXT = "greenlight/add-thing-1", "1" * 40, "2" * 40


@pytest.fixture
async def hub() -> AsyncIterator[LocalGitHub]:
    async with LocalGitHub() as server:
        server.branches[BRANCH] = COMMIT
        yield server


@pytest.fixture
async def forge(hub: LocalGitHub) -> GitHubForge:
    client = GitHubClient(Place("acme", "data", hub.api), SecretStr(TOKEN), timeout_s=2)
    forge = GitHubForge(client, "greenlight/", Dress(client, (), from_codeowners=False))
    await forge.open_draft(
        Draft(key="T1:C1:1.0", branch=BRANCH, base="main", commit=COMMIT, title="feat: x", body="Why.")
    )
    hub.calls.clear()
    return forge


async def looked(forge: GitHubForge, mark: str = "") -> Watched:
    seen = await forge.look(1, mark)
    assert seen is not None
    return seen


def said(number: int, author: str, body: str | None, at: str, **fields: Any) -> Document:
    return {
        **documents.comment(number, author, ""),
        "body": body,
        "created_at": at,
        "submitted_at": at,
        **fields,
    }


async def test_what_people_said_comes_in_order_with_place_stance_and_rights(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    await forge.comment(1, "T1:C1:1.0", "The record.")
    hub.comments[1] += [
        said(1, "ann", "Why not?", "2026-11-25T10:03:00Z"),
        said(2, "eve", "/merge", "2026-11-25T10:01:00Z", author_association="NONE"),
        said(3, "linter[bot]", "3 warnings", "2026-11-25T10:02:00Z", author_association="CONTRIBUTOR"),
        said(4, "ben", "I may only read", "2026-11-25T10:04:00Z"),
        said(5, "x", "gone", "2026-11-25T10:05:00Z", user=None, author_association="NONE"),
    ]
    hub.line_comments[1] = [
        said(1, "ann", "Rename", "2026-11-25T10:06:00Z", path="src/a.sql", line=7, original_line=6),
        said(2, "ann", "Old", "2026-11-25T10:07:00Z", path="src/a.sql", line=None, original_line=6),
    ]
    hub.reviews[1] = [
        said(1, "ann", "", "2026-11-25T10:08:00Z", state="COMMENTED"),
        said(2, "ann", "", "2026-11-25T10:09:00Z", state="APPROVED"),
        said(3, "ann", "Please.", "2026-11-25T10:10:00Z", state="CHANGES_REQUESTED"),
        said(4, "ann", "half", "2026-11-25T10:11:00Z", state="PENDING"),
        said(5, "ann", "Once.", "2026-11-25T10:12:00Z", state="DISMISSED"),
    ]
    seen = await looked(forge)
    assert [(one.author, one.text, one.may_write, one.by_bot) for one in seen.remarks] == [
        ("eve", "/merge", False, False),
        ("linter[bot]", "3 warnings", False, True),
        ("ann", "Why not?", True, False),
        ("ben", "I may only read", False, False),
        ("ghost", "gone", False, False),
        ("ann", "Rename", True, False),
        ("ann", "Old", True, False),
        ("ann", "", True, False),
        ("ann", "Please.", True, False),
        ("ann", "Once.", True, False),
    ]
    assert [(one.path, one.line) for one in seen.remarks if one.path] == [("src/a.sql", 7), ("src/a.sql", 6)]
    assert [one.stance for one in seen.remarks[-3:]] == [
        Stance.APPROVED,
        Stance.CHANGES_REQUESTED,
        Stance.COMMENTED,
    ]
    assert len({one.id for one in seen.remarks}) == 10
    assert seen.remarks[0].at == datetime(2026, 11, 25, 10, 1, tzinfo=UTC)
    asked = [call.path.split("/")[1] for call in hub.asked("GET", "collaborators/.*")]
    assert asked == ["ann", "ben", "ghost", "eve"], "members first, and no bots"


async def test_a_crowd_of_strangers_keeps_nobody_out(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.comments[1] = [
        said(1, "ann", "Why not?", "2026-11-25T10:00:00Z"),
        *(
            said(n + 2, f"eve{n}", "Hi", f"2026-11-25T10:01:{n:02}Z", author_association="NONE")
            for n in range(50)
        ),
    ]
    seen = await looked(forge)
    assert [one.author for one in seen.remarks if one.may_write] == ["ann"]
    assert len(hub.asked("GET", "collaborators/.*")) == 20


async def test_a_private_member_counts_although_an_app_is_not_told_so(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    hub.comments[1] = [said(1, "ann", "Why not?", "2026-11-25T10:00:00Z", author_association="NONE")]
    assert [one.may_write for one in (await looked(forge)).remarks] == [True]


async def test_checks_of_the_head_are_told(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.check_runs[COMMIT] = [
        run(1, "tests", "completed", "success"),
        run(4, "tests", "completed", "failure", {"title": "2 failed", "summary": "long"}),
        run(2, "lint", "in_progress", None),
        run(3, "docs", "completed", "skipped"),
        run(5, "slow", "completed", "timed_out"),
    ]
    hub.statuses[COMMIT] = [
        {"id": 9, "context": "ci/x", "state": "error", "description": "broken", "target_url": None},
        {
            "id": 8,
            "context": "ci/y",
            "state": "success",
            "description": None,
            "target_url": "https://ci.example/8",
        },
        {"id": 7, "context": "ci/z", "state": "pending", "description": None, "target_url": None},
    ]
    seen = await looked(forge)
    assert {one.name: (one.state, one.summary) for one in seen.checks} == {
        "tests": (CheckState.FAILED, "2 failed"),
        "lint": (CheckState.PENDING, ""),
        "docs": (CheckState.SKIPPED, ""),
        "slow": (CheckState.FAILED, ""),
        "ci/x": (CheckState.FAILED, "broken"),
        "ci/y": (CheckState.PASSED, ""),
        "ci/z": (CheckState.PENDING, ""),
    }
    assert {one.commit for one in seen.checks} == {COMMIT}


async def test_a_failed_check_is_hidden_by_no_other_workflows_check_of_that_name(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    async def told() -> list[tuple[str, CheckState]]:
        return [(one.id, one.state) for one in (await looked(forge)).checks]

    hub.check_runs[COMMIT] = [
        run(1, "test", "completed", "failure", suite=10),
        run(2, "test", "completed", "success", suite=20),
    ]
    assert await told() == [("run-1", CheckState.FAILED)]
    hub.check_runs[COMMIT].append(run(3, "test", "completed", "success", suite=10))
    ((_, state),) = await told()
    assert state is CheckState.PASSED


def run(
    number: int,
    name: str,
    status: str,
    conclusion: str | None,
    output: Document | None = None,
    suite: int = 1,
) -> Document:
    return {
        "id": number,
        "name": name,
        "head_sha": COMMIT,
        "status": status,
        "conclusion": conclusion,
        "html_url": f"https://github.example/runs/{number}",
        "check_suite": {"id": suite},
        "output": output or {"title": None, "summary": None},
    }


async def test_checks_that_we_may_not_see_do_not_keep_the_rest_away(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    hub.statuses[COMMIT] = [{"id": 9, "context": "ci/x", "state": "error"}]
    said = failure(403, "Resource not accessible by personal access token")
    hub.faults.append(Fault("GET", "commits/.*/check-runs", 403, said))
    seen = await looked(forge)
    assert [one.name for one in seen.checks] == ["ci/x"]


async def test_as_long_as_nothing_changes_every_answer_is_not_modified(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    seen = await looked(forge)
    assert len(seen.mark) <= 4000
    hub.calls.clear()
    assert await forge.look(1, seen.mark) is None
    assert len(hub.calls) == 6
    assert {call.status for call in hub.calls} == {304}


async def test_every_kind_of_change_is_seen(forge: GitHubForge, hub: LocalGitHub) -> None:
    changes: list[Callable[[], object]] = [
        lambda: hub.comments[1].append(said(1, "ann", "a", "2026-11-25T10:03:00Z")),
        lambda: hub.line_comments.setdefault(1, []).append(
            said(1, "ann", "a", "2026-11-25T10:03:00Z", path="a")
        ),
        lambda: hub.reviews.setdefault(1, []).append(
            said(1, "ann", "", "2026-11-25T10:03:00Z", state="APPROVED")
        ),
        lambda: hub.check_runs.setdefault(COMMIT, []).append(run(1, "tests", "completed", "failure")),
        lambda: hub.statuses.setdefault(COMMIT, []).append({"id": 9, "context": "ci/x", "state": "error"}),
        lambda: hub.branches.update({BRANCH: NEXT}),
        lambda: hub.pulls[1].update({"draft": False}),
    ]
    before = await looked(forge)
    for change in changes:
        change()
        after = await looked(forge, before.mark)
        assert after.model_copy(update={"mark": before.mark}) != before
        assert await forge.look(1, after.mark) is None
        before = after
    assert (before.commit, before.draft, before.fate) == (NEXT, False, Fate.OPEN)


async def test_the_comment_after_a_full_page_is_seen(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.comments[1] = [said(n, "ann", f"{n}", f"2026-11-25T10:{n // 60:02}:{n % 60:02}Z") for n in range(200)]
    seen = await looked(forge)
    assert [one.text for one in seen.remarks] == [f"{n}" for n in range(100, 200)]
    hub.comments[1].append(said(200, "ann", "new", "2026-11-25T11:00:00Z"))
    assert (await looked(forge, seen.mark)).remarks[-1].text == "new"


@pytest.mark.parametrize(
    ("merged_by", "merged_at", "fate", "by"),
    [("ann", "2026-11-25T12:00:00Z", Fate.MERGED, "ann"), (None, None, Fate.CLOSED, "ben")],
)
async def test_merged_and_closed_are_told_with_who_and_when(
    forge: GitHubForge, hub: LocalGitHub, merged_by: str | None, merged_at: str | None, fate: Fate, by: str
) -> None:
    hub.pulls[1] |= {
        "state": "closed",
        "merged_at": merged_at,
        "merged_by": documents.user(merged_by) if merged_by else None,
        "closed_at": "2026-11-25T12:00:00Z",
    }
    hub.closed_by[1] = "ben"
    seen = await looked(forge)
    assert (seen.fate, seen.closed_by, seen.closed_at) == (fate, by, datetime(2026, 11, 25, 12, tzinfo=UTC))


async def test_closed_is_told_even_if_by_whom_is_not(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.pulls[1] |= {"state": "closed", "closed_at": "2026-11-25T12:00:00Z"}
    hub.faults.append(Fault("GET", "issues/1", 403, failure(403, "Resource not accessible by integration")))
    seen = await looked(forge)
    assert (seen.fate, seen.closed_by) == (Fate.CLOSED, "")


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "{",
        "[]",
        '{"etags": 3}',
        '{"etags": {"pulls/1": "W/\\"other\\""}}',
        '{"etags": {"pulls/1#x": "y"}}',
    ],
)
async def test_an_unknown_mark_is_no_error(forge: GitHubForge, mark: str) -> None:
    assert (await looked(forge, mark)).commit == COMMIT


async def test_a_look_that_fails_says_how_to_go_on(forge: GitHubForge, hub: LocalGitHub) -> None:
    for status, headers, kind in (
        (404, {}, NeedsPerson),
        (403, {}, NeedsPerson),
        (502, {}, Unreachable),
        (429, {"Retry-After": "30"}, RateLimited),
    ):
        hub.faults.append(Fault("GET", "pulls/1", status, failure(status, "No"), headers))
        with pytest.raises(kind) as failed:
            await forge.look(1, "")
        assert status != 429 or getattr(failed.value, "retry_after", None) == 30


async def test_many_looks_at_once_do_not_disturb_each_other(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.comments[1].append(said(1, "ann", "Why not?", "2026-11-25T10:00:00Z"))
    seen = await asyncio.gather(*(forge.look(1, "") for _ in range(10)))
    assert [one.remarks[0].text if one else "" for one in seen] == ["Why not?"] * 10


async def test_texts_are_bounded(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.comments[1].append(said(1, "ann", "x" * 60_000, "2026-11-25T10:03:00Z"))
    assert len((await looked(forge)).remarks[0].text) == 20_000
