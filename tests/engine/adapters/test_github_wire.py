"""What is read and sent, against the schemas that GitHub publishes of its API (as githubkit holds them)."""

from collections.abc import Mapping
from typing import Any

import pytest
from githubkit_schemas.latest import models as theirs
from pydantic import BaseModel, SecretStr, TypeAdapter

from engine.adapters import github_wire as ours
from engine.adapters.github_client import GitHubClient
from engine.adapters.github_dress import Dress
from engine.adapters.github_forge import GitHubForge
from engine.adapters.github_place import Place
from engine.adapters.github_tokens import PERMISSIONS
from engine.ports import Draft
from tests.github.local_github import TOKEN, LocalGitHub

READ: list[tuple[type[BaseModel], str]] = [
    (ours.User, "SimpleUser"),
    (ours.Pull, "PullRequest"),
    (ours.Reference, "PullRequestPropHead"),
    (ours.Reference, "PullRequestSimplePropHead"),
    (ours.Repository, "FullRepository"),
    (ours.Comment, "IssueComment"),
    (ours.LineComment, "PullRequestReviewComment"),
    (ours.Review, "PullRequestReview"),
    (ours.CheckRun, "CheckRun"),
    (ours.Output, "CheckRunPropOutput"),
    (ours.Suite, "CheckRunPropCheckSuite"),
    (ours.CheckRuns, "ReposOwnerRepoCommitsRefCheckRunsGetResponse200"),
    (ours.Status, "SimpleCommitStatus"),
    (ours.Statuses, "CombinedCommitStatus"),
    (ours.Permission, "RepositoryCollaboratorPermission"),
    (ours.ClosedIssue, "Issue"),
    (ours.File, "DiffEntry"),
    (ours.Content, "ContentFile"),
    (ours.Event, "LabeledIssueEvent"),
    (ours.Event, "ReviewRequestedIssueEvent"),
    (ours.HeldBranch, "BranchWithProtection"),
    (ours.Standing, "FullRepository"),
    (ours.Permissions, "FullRepositoryPropPermissions"),
    (ours.Rule, "RepositoryRuleDetailedOneof0"),
]
ONLY_WHERE_IT_IS_ONE = {"merged_by"}
"""Fields of a single pull request that lists do not hold."""


@pytest.mark.parametrize(("model", "name"), READ, ids=lambda it: getattr(it, "__name__", it))
def test_every_field_that_is_read_is_one_of_githubs(model: type[BaseModel], name: str) -> None:
    known = getattr(theirs, name).model_fields
    assert set(model.model_fields) <= set(known)
    for field, info in model.model_fields.items():
        # Where GitHub may leave a field out or say null, so can what we read.
        optional = not known[field].is_required() or "None" in str(known[field].annotation)
        assert not (optional and info.is_required()), field


def test_lists_hold_what_is_read_of_them() -> None:
    fields = set(ours.Pull.model_fields) - ONLY_WHERE_IT_IS_ONE
    assert fields <= set(theirs.PullRequestSimple.model_fields)
    assert set(ours.Pull.model_fields) - fields == ONLY_WHERE_IT_IS_ONE


async def test_every_body_that_is_sent_is_one_that_github_takes() -> None:
    async with LocalGitHub() as hub:
        hub.branches["greenlight/x"] = "1" * 40
        hub.files["b" * 40, "CODEOWNERS"] = b"* @ann @acme/data\n"
        hub.changed["greenlight/x"] = ["a"]
        client = GitHubClient(Place("acme", "data", hub.api), SecretStr(TOKEN))
        forge = GitHubForge(client, "greenlight/", Dress(client, ("a",), from_codeowners=True))
        draft = Draft(key="k", branch="greenlight/x", base="main", commit="1" * 40, title="t", body="b")
        await forge.open_draft(draft)
        await forge.update(1, draft.model_copy(update={"title": "u"}))
        await forge.comment(1, "k", "one")
        await forge.comment(1, "k", "two")
        bodies = {(call.method, call.path): call.body for call in hub.calls if call.body is not None}
    shapes = {
        ("POST", "pulls"): "ReposOwnerRepoPullsPostBody",
        ("PATCH", "pulls/1"): "ReposOwnerRepoPullsPullNumberPatchBody",
        ("POST", "issues/1/labels"): "ReposOwnerRepoIssuesIssueNumberLabelsPostBodyOneof0",
        (
            "POST",
            "pulls/1/requested_reviewers",
        ): "ReposOwnerRepoPullsPullNumberRequestedReviewersPostBodyAnyof0",
        ("POST", "issues/1/comments"): "ReposOwnerRepoIssuesIssueNumberCommentsPostBody",
        ("PATCH", "issues/comments/5000"): "ReposOwnerRepoIssuesCommentsCommentIdPatchBody",
    }
    assert bodies.keys() == shapes.keys()
    for call, name in shapes.items():
        _takes(name, bodies[call])


def test_an_apps_token_is_asked_for_as_github_takes_it() -> None:
    _takes(
        "AppInstallationsInstallationIdAccessTokensPostBody",
        {"repositories": ["data"], "permissions": dict(PERMISSIONS)},
    )
    assert set(PERMISSIONS) <= set(theirs.AppPermissions.model_fields)


def _takes(name: str, body: Mapping[str, Any]) -> None:
    model = getattr(theirs, name)
    assert set(body) <= set(model.model_fields)
    TypeAdapter(model).validate_python(body)
