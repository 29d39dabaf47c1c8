"""GitHub's forge against its REST API, served locally with the documents it answers with."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_dress import Dress
from engine.adapters.github_forge import GitHubForge
from engine.adapters.github_place import Place
from engine.adapters.github_secrets import AppKey
from engine.adapters.github_trial import tried
from engine.errors import GreenlightError, NeedsPerson, RateLimited, Transient, Unreachable
from engine.ports import Draft
from tests.github import documents
from tests.github.documents import Document, failure, invalid
from tests.github.keys import pair
from tests.github.local_github import LOST, RESET, SILENT, TOKEN, Fault, LocalGitHub

KEY, BRANCH, COMMIT, NEXT = "T1:C1:1.0", "greenlight/add-thing-1", "1" * 40, "2" * 40
OTHERS = "greenlight/other-2"


@pytest.fixture
async def hub() -> AsyncIterator[LocalGitHub]:
    async with LocalGitHub() as server:
        server.branches |= {BRANCH: COMMIT, OTHERS: COMMIT}
        yield server


@pytest.fixture
def client(hub: LocalGitHub) -> GitHubClient:
    return connected(hub)


@pytest.fixture
def forge(client: GitHubClient) -> GitHubForge:
    return dressed(client)


def connected(hub: LocalGitHub, secrets: SecretStr | AppKey | None = None) -> GitHubClient:
    return GitHubClient(Place("acme", "data", hub.api), secrets or SecretStr(TOKEN), timeout_s=2)


def dressed(client: GitHubClient, *labels: str, owners: bool = False) -> GitHubForge:
    return GitHubForge(client, "greenlight/", Dress(client, labels, from_codeowners=owners))


def draft(**changes: str) -> Draft:
    values = {
        "key": KEY,
        "branch": BRANCH,
        "base": "main",
        "commit": COMMIT,
        "title": "feat: x",
        "body": "Why.",
    }
    return Draft(**{**values, **changes})


async def failed(work: Any) -> GreenlightError:
    """What it raised: a sentence of ours, with nothing of the credential or of GitHub's words around it."""
    with pytest.raises(GreenlightError) as raised:
        await work
    shown = "".join(traceback.format_exception(raised.value))
    assert TOKEN not in shown
    assert "Validation Failed" not in shown
    return raised.value


# ---------------------------------------------------------------- one pull request


async def test_a_draft_is_opened_with_our_line_in_plain_sight(forge: GitHubForge, hub: LocalGitHub) -> None:
    opened = await forge.open_draft(draft())

    assert (opened.draft, opened.commit, opened.number) == (True, COMMIT, 1)
    body = hub.pulls[1]["body"]
    assert body.startswith("Why.\n\nGreenlight request `")
    assert KEY not in body
    assert "<!--" not in body
    (call,) = hub.asked("POST", "pulls")
    assert (call.body["draft"], call.body["head"], call.body["base"]) == (True, BRANCH, "main")


async def test_what_stands_is_updated_and_only_if_it_differs(forge: GitHubForge, hub: LocalGitHub) -> None:
    opened = await forge.open_draft(draft())
    assert await forge.update(opened.number, draft()) == opened
    assert hub.asked("PATCH", "pulls/1") == []

    hub.pulls[1]["body"] = hub.pulls[1]["body"].replace("\n", "\r\n")
    await forge.update(opened.number, draft())
    assert hub.asked("PATCH", "pulls/1") == [], "line ends are no difference"

    hub.branches[BRANCH] = NEXT
    updated = await forge.update(opened.number, draft(commit=NEXT, body="Because."))
    assert updated.commit == NEXT
    (call,) = hub.asked("PATCH", "pulls/1")
    assert set(call.body) == {"title", "body"}


async def test_who_edited_the_body_away_does_not_make_it_foreign(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    opened = await forge.open_draft(draft())
    hub.pulls[1]["body"] = None
    assert await forge.find(KEY, BRANCH) == opened
    assert await forge.update(1, draft()) == opened
    assert "Greenlight request" in hub.pulls[1]["body"]


async def test_ready_for_review_stays_as_people_set_it(forge: GitHubForge, hub: LocalGitHub) -> None:
    await forge.open_draft(draft())
    hub.pulls[1]["draft"] = False
    assert not (await forge.update(1, draft(body="Because."))).draft


@pytest.mark.parametrize(("merged", "fate"), [("2026-11-25T12:00:00Z", "merged"), (None, "closed")])
async def test_what_was_merged_or_closed_is_neither_doubled_nor_opened_again(
    forge: GitHubForge, hub: LocalGitHub, merged: str | None, fate: str
) -> None:
    opened = await forge.open_draft(draft())
    hub.pulls[1] |= {"state": "closed", "merged_at": merged, "closed_at": "2026-11-25T12:00:00Z"}

    found = await forge.find(KEY, BRANCH)
    assert found is not None
    told = await failed(forge.update(found.number, draft()))
    assert isinstance(told, NeedsPerson)
    assert f"was {fate}" in told.sentence
    assert opened.url in told.sentence
    await failed(forge.open_draft(draft()))
    assert len(hub.pulls) == 1
    assert hub.asked("PATCH", ".*") == []


async def test_an_open_one_counts_more_than_one_that_was_closed(forge: GitHubForge, hub: LocalGitHub) -> None:
    theirs = hub.adds(head=(BRANCH, COMMIT), base=("main", "b" * 40), state="open")
    hub.adds(head=(BRANCH, COMMIT), base=("main", "b" * 40), state="closed")
    found = await forge.find(KEY, BRANCH)
    assert found is not None
    assert found.number == theirs["number"]


async def test_a_pull_request_of_somebody_else_is_left_as_it_is(forge: GitHubForge, hub: LocalGitHub) -> None:
    hub.branches["feature/x"] = COMMIT
    hub.adds(head=("feature/x", COMMIT), base=("main", "b" * 40), body="Theirs.")
    found = await forge.find(KEY, "feature/x")
    assert found is not None
    told = await failed(forge.update(found.number, draft(branch="feature/x")))
    assert "somebody else's" in told.sentence
    assert hub.pulls[1]["body"] == "Theirs."


@pytest.mark.parametrize("change", [{"key": "other"}, {"branch": OTHERS}, {"base": "develop"}])
async def test_another_request_branch_or_base_is_not_updated(
    forge: GitHubForge, hub: LocalGitHub, change: dict[str, str]
) -> None:
    await forge.open_draft(draft())
    told = await failed(forge.update(1, draft(**change)))
    assert "another request, branch or base" in told.sentence
    assert hub.asked("PATCH", ".*") == []


async def test_what_is_over_on_a_branch_of_others_does_not_stand_in_the_way(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    hub.branches["feature/x"] = COMMIT
    hub.adds(head=("feature/x", COMMIT), base=("main", "b" * 40), state="closed")
    assert await forge.find(KEY, "feature/x") is None
    assert (await forge.open_draft(draft(branch="feature/x"))).number == 2


async def test_a_text_that_is_too_long_is_cut_and_says_so(forge: GitHubForge, hub: LocalGitHub) -> None:
    await forge.open_draft(draft(body="line\n" * 20_000))
    body = hub.pulls[1]["body"]
    assert len(body) < 65_536
    assert "too long for GitHub" in body
    assert await forge.find(KEY, "another") is not None


async def test_branches_of_forks_are_not_ours(forge: GitHubForge, hub: LocalGitHub) -> None:
    opened = await forge.open_draft(draft())
    copied = hub.pulls[1]["body"]
    hub.adds(head=(BRANCH, COMMIT), base=("main", "b" * 40), source="mallory/data", body=copied)
    gone = hub.adds(head=(BRANCH, COMMIT), base=("main", "b" * 40), source="mallory/data", body=copied)
    gone["head"]["repo"] = None
    assert await forge.find(KEY, "another") == opened
    assert await forge.find(KEY, BRANCH) == opened


async def test_it_is_found_by_its_line_among_hundreds(forge: GitHubForge, hub: LocalGitHub) -> None:
    opened = await forge.open_draft(draft())
    for _ in range(250):
        hub.adds(head=("x", COMMIT), base=("main", "b" * 40))
    hub.calls.clear()
    assert await forge.find(KEY, "another") == opened
    assert len(hub.calls) <= 4


async def test_a_commit_that_github_does_not_show_is_never_called_delivered(
    forge: GitHubForge, hub: LocalGitHub
) -> None:
    opened = await forge.open_draft(draft())
    for work in (
        forge.update(opened.number, draft(commit=NEXT)),
        forge.open_draft(draft(key="b", branch=OTHERS, commit=NEXT)),
    ):
        told = await failed(work)
        assert isinstance(told, Unreachable)
        assert "instead of the reviewed 222222222222" in told.sentence
    assert hub.asked("PATCH", ".*") == [], "nothing is claimed of what is not shown"


async def test_a_forge_that_ignores_drafts_is_told(forge: GitHubForge, hub: LocalGitHub) -> None:
    pull = documents.pull(
        "acme/data", 7, head=(BRANCH, COMMIT), base=("main", "b" * 40), title="t", draft=False
    )
    hub.faults.append(Fault("POST", "pulls", 201, pull))
    told = await failed(forge.open_draft(draft()))
    assert "ready for review" in told.sentence


# ---------------------------------------------------------------- comments


async def test_a_comment_that_quotes_ours_is_not_overwritten(forge: GitHubForge, hub: LocalGitHub) -> None:
    await forge.open_draft(draft())
    await forge.comment(1, KEY, "The record.")
    (ours,) = hub.comments[1]
    hub.comments[1].insert(0, documents.comment(90, "ann", ours["body"]))
    await forge.comment(1, KEY, "The record, longer.")
    assert [one["body"].split("\n")[0] for one in hub.comments[1]] == ["The record.", "The record, longer."]
    hub.calls.clear()
    await forge.comment(1, KEY, "The record, longer.")
    assert {call.method for call in hub.calls} == {"GET"}


# ---------------------------------------------------------------- labels and reviewers

OWNERS = b"""# Who owns what
*        @ann @acme/data
/docs/   @ben @greenlight-bot @elsewhere/team docs@example.com
"""


async def test_labels_and_owners_are_set_once(hub: LocalGitHub, client: GitHubClient) -> None:
    hub.files["b" * 40, ".github/CODEOWNERS"] = OWNERS
    hub.changed[BRANCH] = ["src/a.py", "docs/x.md"]
    forge = dressed(client, "greenlight", "bot", owners=True)
    await forge.open_draft(draft())
    assert [one["name"] for one in hub.pulls[1]["labels"]] == ["greenlight", "bot"]
    assert [one["login"] for one in hub.pulls[1]["requested_reviewers"]] == ["ann", "ben"]
    assert [one["slug"] for one in hub.pulls[1]["requested_teams"]] == ["data"]

    hub.pulls[1] |= {"labels": [], "requested_reviewers": [], "requested_teams": []}
    await forge.update(1, draft(body="Because."))
    assert hub.pulls[1]["labels"] == hub.pulls[1]["requested_reviewers"] == [], "people took them away"


async def test_an_attempt_that_died_after_opening_is_completed(
    hub: LocalGitHub, client: GitHubClient
) -> None:
    hub.files["b" * 40, "CODEOWNERS"] = b"* @ann\n"
    hub.changed[BRANCH] = ["a"]
    await dressed(client).open_draft(draft())
    hub.faults.append(Fault("POST", "issues/1/labels", 403, failure(403, "No")))
    await dressed(client, "greenlight", owners=True).update(1, draft())
    assert [one["login"] for one in hub.pulls[1]["requested_reviewers"]] == ["ann"], "with or without labels"
    await dressed(client, "greenlight", owners=True).update(1, draft())
    assert [one["name"] for one in hub.pulls[1]["labels"]] == ["greenlight"]
    assert [one["login"] for one in hub.pulls[1]["requested_reviewers"]] == ["ann"]


async def test_one_who_may_not_review_does_not_keep_the_others_away(
    hub: LocalGitHub, client: GitHubClient
) -> None:
    hub.files["b" * 40, "docs/CODEOWNERS"] = b"* @gone @ann @acme/none @acme/data\n"
    hub.changed[BRANCH] = ["a"]
    await dressed(client, owners=True).open_draft(draft())
    assert [one["login"] for one in hub.pulls[1]["requested_reviewers"]] == ["ann"]
    assert [one["slug"] for one in hub.pulls[1]["requested_teams"]] == ["data"]


async def test_a_changed_codeowners_counts_once_it_is_merged(hub: LocalGitHub, client: GitHubClient) -> None:
    hub.files["b" * 40, ".github/CODEOWNERS"] = b"* @ann\n"
    hub.files[COMMIT, ".github/CODEOWNERS"] = b"* @ben\n"
    hub.changed[BRANCH] = [".github/CODEOWNERS"]
    await dressed(client, owners=True).open_draft(draft())
    assert [one["login"] for one in hub.pulls[1]["requested_reviewers"]] == ["ann"]


NONE_THERE = {("contents/.*", 404), ("contents/.*", 410)}
"""Where the answer says that there is nothing to set."""


@pytest.mark.parametrize(
    "path", ["issues/1/labels", "pulls/1/requested_reviewers", "contents/.*", "pulls/1/files"]
)
@pytest.mark.parametrize("status", [403, 404, 410, 422, 500, RESET])
async def test_without_labels_or_reviewers_it_is_delivered_all_the_same(
    hub: LocalGitHub, client: GitHubClient, path: str, status: int
) -> None:
    hub.files["b" * 40, ".github/CODEOWNERS"] = b"* @ann\n"
    hub.changed[BRANCH] = ["a"]
    for method in ("POST", "GET"):
        hub.faults += [Fault(method, path, status, failure(status, "No"))] * 3
    opened = await dressed(client, "greenlight", owners=True).open_draft(draft())
    assert opened.draft
    missing = "labels greenlight: " if "labels" in path else "review"
    assert not opened.unset if (path, status) in NONE_THERE else opened.unset[0].startswith(missing)


async def test_what_could_not_be_set_is_told_in_bounds_until_it_is(
    hub: LocalGitHub, client: GitHubClient
) -> None:
    many = [f"gone{n}" for n in range(9)]
    hub.files["b" * 40, "CODEOWNERS"] = f"* @ann {' '.join(f'@{one}' for one in many)}\n".encode()
    hub.changed[BRANCH] = ["a"]
    hub.faults.append(Fault("POST", "issues/1/labels", 422, failure(422, "<!channel> " + "x" * 5000)))
    forge = dressed(client, "greenlight", owners=True)
    opened = await forge.open_draft(draft())
    assert [line.split(":")[0] for line in opened.unset] == [
        "labels greenlight", "reviewer gone0", "reviewer gone1", "reviewer gone2", "and 6 more",
    ]  # fmt: skip
    assert max(len(line) for line in opened.unset) <= 240
    assert not (await forge.update(1, draft())).unset, "labels are set by now, and a reviewer was asked"


# ---------------------------------------------------------------- errors, as GitHub words them

REFUSED: list[tuple[int, Document | str, dict[str, str], type[GreenlightError], str]] = [
    (401, failure(401, "Bad credentials"), {}, NeedsPerson, "does not accept GITHUB_TOKEN"),
    (
        403,
        failure(403, "Resource not accessible by personal access token"),
        {},
        NeedsPerson,
        "give it the permission “Pull requests: read and write”",
    ),
    (
        403,
        failure(403, "Resource not accessible by integration"),
        {},
        NeedsPerson,
        "may not open a pull request",
    ),
    (
        403,
        failure(
            403,
            "Resource protected by organization SAML enforcement. You must grant your Personal Access "
            "token access to this organization.",
        ),
        {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso?authorization_request=A"},
        NeedsPerson,
        "Configure SSO",
    ),
    (403, failure(403, "Repository was archived so is read-only."), {}, NeedsPerson, "archived"),
    (
        403,
        failure(
            403,
            "Although you appear to have the correct authorization credentials, the `acme` "
            "organization has an IP allow list enabled, and your IP address is not permitted to access it.",
        ),
        {},
        NeedsPerson,
        "IP allow list",
    ),
    (
        404,
        failure(404, "Not Found"),
        {},
        NeedsPerson,
        "it does not exist, or GITHUB_TOKEN was not given access",
    ),
    (
        422,
        failure(422, "Validation Failed", invalid("A pull request already exists for acme:x.")),
        {},
        Unreachable,
        "just been given a pull request",
    ),
    (
        422,
        failure(422, "Validation Failed", invalid("No commits between main and x")),
        {},
        NeedsPerson,
        "holds all of this work already",
    ),
    (
        422,
        failure(422, "Draft pull requests are not supported in this repository."),
        {},
        NeedsPerson,
        "nothing but a draft is ever opened",
    ),
    (
        422,
        failure(422, "Validation Failed", invalid(field="base", code="invalid")),
        {},
        NeedsPerson,
        "base branch is not in acme/data any more",
    ),
    (
        422,
        failure(422, "Validation Failed", invalid(field="head", code="invalid")),
        {},
        Unreachable,
        "not know the",
    ),
    (
        422,
        failure(422, "Validation Failed", invalid("odd", field="title")),
        {},
        NeedsPerson,
        "invalid (title custom)",
    ),
    (422, failure(422, "Invalid request.", "<b>odd</b>"), {}, NeedsPerson, "in acme/data as invalid."),
    (500, failure(500, "Server Error"), {}, Unreachable, "fault of its own (500)"),
    (502, "<html><h1>502 Bad Gateway</h1></html>", {}, Unreachable, "fault of its own (502)"),
    (503, failure(503, "Service unavailable"), {"Retry-After": "7"}, Unreachable, "fault of its own (503)"),
    (201, "<html>Who goes there?</html>", {}, Unreachable, "not one that its API gives"),
    (201, '{"number": 1, "html_url"', {}, Unreachable, "not one that its API gives"),
    (201, {"number": "one"}, {}, Unreachable, "not one that its API gives"),
    (307, "", {"Location": "https://elsewhere.example/x"}, NeedsPerson, "renamed or moved"),
    (451, failure(451, "Repository access blocked"), {}, NeedsPerson, "refused to open a pull request"),
    (
        403,
        failure(403, "You have exceeded a secondary rate limit."),
        {"Retry-After": "42"},
        RateLimited,
        "slow down",
    ),
    (
        429,
        failure(429, "You have exceeded a secondary rate limit."),
        {"Retry-After": "soon"},
        RateLimited,
        "slow",
    ),
    (403, failure(403, "You have triggered an abuse detection mechanism."), {}, RateLimited, "slow down"),
    (429, "", {}, RateLimited, "slow down"),
    (RESET, "", {}, Unreachable, "did not answer"),
    (SILENT, "", {}, Unreachable, "took too long"),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind", "told"), REFUSED)
async def test_what_github_answers_is_told_in_plain_words_and_never_asked_again_here(
    forge: GitHubForge,
    hub: LocalGitHub,
    status: int,
    body: Document | str,
    headers: dict[str, str],
    kind: type[GreenlightError],
    told: str,
) -> None:
    hub.faults.append(Fault("POST", "pulls", status, body, headers))
    error = await failed(forge.open_draft(draft()))
    assert type(error).__mro__.count(kind) == 1
    assert told in error.sentence
    assert "<" not in error.sentence
    assert len(hub.asked("POST", "pulls")) == 1
    if isinstance(error, RateLimited):
        assert error.retry_after == (42 if headers.get("Retry-After") == "42" else 60)


@pytest.mark.parametrize("status", [403, 429])
async def test_a_used_up_rate_limit_says_until_when(
    forge: GitHubForge, hub: LocalGitHub, status: int
) -> None:
    until = int(time.time()) + 1800
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(until)}
    said = failure(status, "API rate limit exceeded for user ID 1.")
    hub.faults.append(Fault("GET", "pulls", status, said, headers))
    error = await failed(forge.find(KEY, BRANCH))
    assert isinstance(error, RateLimited)
    assert error.retry_after == pytest.approx(1800, abs=5)
    assert f"{datetime.fromtimestamp(until, UTC):%H:%M} UTC" in error.sentence


async def test_a_pull_request_whose_answer_was_lost_is_found_and_completed(
    hub: LocalGitHub, client: GitHubClient
) -> None:
    forge = dressed(client, "greenlight")
    hub.faults.append(Fault("POST", "pulls", LOST))
    assert isinstance(await failed(forge.open_draft(draft())), Unreachable)
    found = await forge.find(KEY, BRANCH)
    assert found is not None
    assert await forge.update(found.number, draft()) == found
    assert len(hub.pulls) == 1
    assert [one["name"] for one in hub.pulls[1]["labels"]] == ["greenlight"]


async def test_what_just_appeared_is_tried_again(forge: GitHubForge, hub: LocalGitHub) -> None:
    await forge.open_draft(draft())
    said = failure(422, "Validation Failed", invalid(f"A pull request already exists for acme:{BRANCH}."))
    hub.faults += [
        Fault("GET", "pulls", 200, []),
        Fault("GET", "pulls", 200, []),
        Fault("POST", "pulls", 422, said),
    ]
    assert isinstance(await failed(forge.open_draft(draft())), Transient)
    found = await forge.find(KEY, BRANCH)
    assert found is not None
    assert found.number == 1


# ---------------------------------------------------------------- GitHub Apps


@pytest.fixture
def app(hub: LocalGitHub) -> GitHubClient:
    hub.app_key = pair().public
    hub.tokens.clear()
    return connected(hub, AppKey("12345", SecretStr(pair().private)))


async def test_an_app_asks_for_a_token_of_one_repository_and_few_permissions(
    hub: LocalGitHub, app: GitHubClient
) -> None:
    await dressed(app).open_draft(draft())
    assert await app.token() == hub.issued[0]["token"]
    assert len(hub.issued) == 1
    assert hub.issued[0]["repositories"] == ["data"]
    assert "workflows" not in hub.issued[0]["permissions"]


async def test_a_token_that_ends_soon_or_was_revoked_is_replaced(hub: LocalGitHub, app: GitHubClient) -> None:
    hub.lifetime = timedelta(minutes=4)
    await app.token()
    hub.lifetime = timedelta(hours=1)
    await app.token()
    assert len(hub.issued) == 2
    hub.tokens.clear()
    assert await dressed(app).find(KEY, BRANCH) is None
    assert len(hub.issued) == 3


async def test_many_at_once_ask_for_one_token(hub: LocalGitHub, app: GitHubClient) -> None:
    await asyncio.gather(*(app.token() for _ in range(10)))
    assert len(hub.issued) == 1


async def test_an_app_that_is_not_installed_suspended_or_refused_is_told(
    hub: LocalGitHub, app: GitHubClient
) -> None:
    forge = dressed(app)
    hub.installation = None
    assert "is not installed on acme/data" in (await failed(forge.find(KEY, BRANCH))).sentence
    hub.installation = {"id": 77, "suspended_at": "2026-11-25T10:00:00Z"}
    assert "suspended" in (await failed(forge.find(KEY, BRANCH))).sentence
    hub.installation = {"id": 77, "suspended_at": None}
    path = ".*app/installations/77/access_tokens"
    for status, said, told in (
        (403, "This installation has been suspended", "suspended"),
        (404, "Not Found", "is not installed"),
        (422, "The permissions requested are not granted to this installation.", "lacks a permission"),
        (
            401,
            "'Issuer' claim ('iss') must be an Integer",
            "does not accept GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY",
        ),
        (500, "Server Error", "fault of its own"),
    ):
        hub.faults.append(Fault("POST", path, status, failure(status, said)))
        assert told in (await failed(forge.find(KEY, BRANCH))).sentence
    assert await forge.find(KEY, BRANCH) is None


async def test_a_key_that_is_not_the_apps_is_told(hub: LocalGitHub, app: GitHubClient) -> None:
    hub.app_key = pair("another").public
    told = await failed(app.token())
    assert "does not accept GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY" in told.sentence


async def test_protected_branches_are_asked_about(hub: LocalGitHub, client: GitHubClient) -> None:
    hub.protected.add(BRANCH)
    assert await client.protected(BRANCH)
    assert not await client.protected(OTHERS)
    assert not await client.protected("greenlight/not-there")
    hub.faults.append(
        Fault("GET", "branches/.*", 403, failure(403, "Resource not accessible by integration"))
    )
    assert not await client.protected(BRANCH), "the push will say so"
    hub.tokens.clear()
    await failed(client.protected(BRANCH))


# ---------------------------------------------------------------- tried out by the doctor


async def test_a_trial_tells_what_works_without_writing(hub: LocalGitHub, client: GitHubClient) -> None:
    (trial,) = await tried(client, COMMIT, "greenlight/doctor")
    assert (trial.well, trial.text) == (True, "acme/data and its pull requests can be read")
    assert {call.method for call in hub.calls} == {"GET"}

    hub.rules = [{"type": "deletion"}, {"type": "required_signatures"}, {"type": "creation"}]
    hub.faults.append(Fault("GET", "commits/.*/check-runs", 403, failure(403, "Resource not accessible")))
    found = [one for one in await tried(client, COMMIT, "greenlight/doctor") if not one.well]
    assert [(one.bearable, one.text) for one in found] == [
        (True, "cannot read check runs"),
        (True, "rules hold for branches beneath greenlight/: creation, required_signatures"),
    ]
    assert "Checks: read" in found[0].next


@pytest.mark.parametrize(
    ("standing", "told"),
    [({"archived": True}, "is archived"), ({"permissions": {"push": False}}, "may only read")],
)
async def test_a_trial_tells_what_will_not_work(
    hub: LocalGitHub, client: GitHubClient, standing: Document, told: str
) -> None:
    hub.standing |= standing
    (trial,) = await tried(client, COMMIT, "greenlight/doctor")
    assert not (trial.well or trial.bearable)
    assert told in trial.text
    hub.tokens.clear()
    (trial,) = await tried(client, COMMIT, "greenlight/doctor")
    assert "does not accept GITHUB_TOKEN" in trial.next
