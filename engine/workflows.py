"""Which workflows of a repository would run because of our push or pull request, and with what rights. Pure.

GitHub's workflow files are read; what cannot be read, and every other system's definition, counts as one that
would run with secrets. Filters by path and conditions of jobs are not looked at: they count as met. A
workflow that sets no permissions has the repository's default ones, which no file tells: configuration does,
and until it does they count as writing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from engine.events import Workflow

MOST_BYTES = 200_000
_MOST_NODES, _MOST_REPEATS = 20_000, 12
_SECRETS = re.compile(r"\bsecrets\b(?!\s*\.\s*github_token\b)", re.IGNORECASE)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_OF_MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
_GITHUBS = re.compile(
    r"(?:ubuntu-(?:latest|slim|\d\d\.\d\d)|windows-(?:latest|\d{4}|11)|macos-(?:latest|\d\d))"
    r"(?:-(?:arm|large|xlarge|intel|vs\d{4}))?"
)
_GITHUB = re.compile(r"\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml")
_OTHERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (system, re.compile(pattern))
    for system, pattern in (
        ("GitLab CI", r"\.gitlab-ci\.ya?ml"),
        ("Jenkins", r"(?:[^/]+/)?jenkinsfile(?![^/]*\.(?:md|txt|rst)$)[^/]*"),
        ("CircleCI", r"\.circleci/config\.ya?ml"),
        ("Azure Pipelines", r"(?:\.?azure-?pipelines?[^/]*/)?[^/]*azure-pipelines?[^/]*\.ya?ml"),
        ("Bitbucket Pipelines", r"bitbucket-pipelines\.ya?ml"),
        ("Travis CI", r"\.travis\.ya?ml"),
        ("Drone", r"\.drone\.(?:ya?ml|jsonnet|star)"),
        ("Buildkite", r"\.buildkite/pipeline[^/]*"),
        ("Woodpecker", r"\.woodpecker(?:\.ya?ml|/[^/]*)"),
        ("AppVeyor", r"\.?appveyor\.ya?ml"),
        ("Cloud Build", r"cloudbuild[^/]*\.(?:ya?ml|json)"),
        ("CodeBuild", r"buildspec[^/]*\.ya?ml"),
        ("TeamCity", r"\.teamcity/settings\.kts"),
        ("Tekton", r"\.tekton/[^/]*"),
        ("Cirrus CI", r"\.cirrus\.(?:ya?ml|star)"),
        ("Semaphore", r"\.semaphore/semaphore\.ya?ml"),
    )
)
# What our push, our pull request, our comments and what follows from them set off.
_OURS = frozenset(
    {
        *("push", "create", "pull_request", "pull_request_target", "pull_request_review"),
        *(
            "pull_request_review_comment",
            "issue_comment",
            "workflow_run",
            "check_run",
            "check_suite",
            "status",
        ),
    }
)
# These run the base branch's definition, with all its secrets and rights, over what we brought.
_FOR_US = frozenset({"pull_request_target", "workflow_run"})
_UNREADABLE = "it cannot be read, so it counts as one that runs with secrets"


GITLAB = (".gitlab-ci.yml", ".gitlab-ci.yaml")
_INCLUDED = re.compile(r"""local:\s*['"]?/?([^\s'",{}\[\]]{1,200}\.ya?ml)""")


def included(content: bytes) -> tuple[str, ...]:
    """Patterns of the files of this repository that a definition of GitLab CI takes in."""
    return tuple(_INCLUDED.findall(content[:MOST_BYTES].decode("utf-8", "replace")))


def looked_at(path: str) -> bool:
    """Whether `would_run` has something to say of a file of this path."""
    return _GITHUB.fullmatch(path.lower()) is not None or _other(path) != ""


def would_run(
    path: str, content: bytes | None, branch: str, base: str, *, default_writes: bool = True
) -> Workflow | None:
    """The workflow of this file, if it would run for us with more than reading rights.

    Args:
        path: Of a file for which `looked_at` holds.
        content: Its bytes; None if it could not be read.
        branch: The branch that is pushed.
        base: The branch that the pull request goes to.
        default_writes: Whether a workflow that sets no permissions may write to the repository.
    """
    if system := _other(path):
        return Workflow(path=path, why=(f"{system} may run it, with the variables and rights it has there",))
    try:
        events, why = _read(content, branch, base, default_writes)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, TypeError, AttributeError):
        return Workflow(path=path, why=(_UNREADABLE,))
    return Workflow(path=path, on=events, why=why) if events and why else None


def _read(
    content: bytes | None, branch: str, base: str, default_writes: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The events that set it off, and what it has beyond reading.

    Raises:
        ValueError: among other errors, where it cannot be read.
    """
    if content is None or len(content) > MOST_BYTES:
        raise ValueError("too large")
    text = content.decode()
    tree = yaml.safe_load(text)
    if not isinstance(tree, Mapping):
        raise ValueError("no mapping")  # noqa: TRY004 (what cannot be read counts, whatever it is)
    events = tuple(sorted(set(_events(tree, branch, base))))
    own = ("it runs with the base branch's rights",) if _FOR_US & set(events) else ()
    return events, (*_reasons(tree, text, default_writes), *own) if events else ()


def _other(path: str) -> str:
    return next((system for system, pattern in _OTHERS if pattern.fullmatch(path.lower())), "")


# ---------------------------------------------------------------- when it runs


def _events(tree: Mapping[Any, Any], branch: str, base: str) -> Iterator[str]:
    """The events of ours that set it off."""
    # YAML 1.1 reads a bare `on` as true.
    triggers = tree.get("on", tree.get(True))
    if isinstance(triggers, str):
        triggers = [triggers]
    if isinstance(triggers, list):
        triggers = dict.fromkeys(triggers)
    if not isinstance(triggers, Mapping):
        raise ValueError("no triggers")  # noqa: TRY004 (what cannot be read counts, whatever it is)
    for name, filters in triggers.items():
        event = str(name)
        if event not in _OURS:
            continue
        given = filters if isinstance(filters, Mapping) else {}
        if event == "push" and not _pushed(given, branch):
            continue
        if event in {"pull_request", "pull_request_target"} and not _passes(given, base):
            continue
        yield event


def _pushed(filters: Mapping[Any, Any], branch: str) -> bool:
    only_tags = {"tags", "tags-ignore"} & filters.keys() and not {
        "branches",
        "branches-ignore",
    } & filters.keys()
    return not only_tags and _passes(filters, branch)


def _passes(filters: Mapping[Any, Any], branch: str) -> bool:
    """Whether a branch passes `branches` and `branches-ignore`; the last pattern that matches decides."""
    if "branches" in filters:
        verdict = False
        for pattern in _listed(filters["branches"]):
            if _glob(pattern.removeprefix("!")).fullmatch(branch):
                verdict = not pattern.startswith("!")
        return verdict
    return not any(_glob(p).fullmatch(branch) for p in _listed(filters.get("branches-ignore") or ()))


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _glob(pattern: str) -> re.Pattern[str]:
    """GitHub's filter patterns: `*` stops at '/', `**` does not; `?` and `+` repeat what stands before.

    Raises:
        ValueError: it is none, or one that takes too long to be tried.
    """
    if sum(pattern.count(sign) for sign in "*+?") > _MOST_REPEATS:
        raise ValueError("too many repeats")
    parts = re.findall(r"\*+|\[[^\]]*\]|\\.|[?+]|.", pattern, re.DOTALL)
    out = ""
    for part in parts:
        if part.startswith("*"):
            out += ".*" if len(part) > 1 else "[^/]*"
        elif part.startswith("[") and len(part) > 1:
            out += f"[{re.escape(part[1:-1]).replace(chr(92) + '-', '-')}]"
        else:
            out += part if part in "?+" else re.escape(part.removeprefix("\\") or part)
    try:
        return re.compile(out)
    except re.error as error:
        raise ValueError("no pattern") from error


# ---------------------------------------------------------------- with what rights


def _reasons(tree: Mapping[Any, Any], text: str, default_writes: bool) -> Iterator[str]:
    """Why it is more than a look at public code, in a few words each."""
    told = list(_texts(tree))
    if any(_SECRETS.search(e) for part in (text, *told) for e in _EXPRESSION.findall(part)):
        yield "it uses secrets"
    jobs = tree.get("jobs")
    parts = [tree, *(jobs.values() if isinstance(jobs, Mapping) else ())]
    jobs_of = [part for part in parts if isinstance(part, Mapping)]
    if any("secrets" in part for part in jobs_of):
        yield "it hands secrets to another workflow"
    rights = [str(part["permissions"]) for part in jobs_of if part.get("permissions")]
    if any("id-token" in one and "write" in one for one in rights):
        yield "it may prove who it is to other services (id-token)"
    if any("write" in one for one in rights):
        yield "it may write to the repository"
    if default_writes and "permissions" not in tree and not _each_sets_permissions(jobs):
        yield "it sets no permissions, so it has the repository's default ones, which may be to write"
    if any(_self_hosted(part) for part in jobs_of):
        yield "it may run on machines of your own"
    if any("environment" in part for part in jobs_of):
        yield "it deploys to an environment"


def _each_sets_permissions(jobs: Any) -> bool:
    given = [*jobs.values()] if isinstance(jobs, Mapping) else []
    return bool(given) and all(isinstance(job, Mapping) and "permissions" in job for job in given)


def _self_hosted(job: Mapping[Any, Any]) -> bool:
    """Whether a job may run on other machines than GitHub's usual ones: any further label may be theirs."""
    runs_on = job.get("runs-on", ())
    if isinstance(runs_on, Mapping):
        return True
    labels = [str(label) for one in _listed(runs_on) for label in (_of_matrix(job, str(one)) or [one])]
    return not all(_GITHUBS.fullmatch(label.strip().lower()) for label in labels)


def _of_matrix(job: Mapping[Any, Any], label: str) -> list[Any]:
    """The values that a label takes of the job's matrix; empty if it takes none, or that is not told."""
    found = _OF_MATRIX.fullmatch(label.strip())
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if found is None or not isinstance(matrix, Mapping):
        return []
    more = matrix.get("include")
    rows = [row for row in more if isinstance(row, Mapping)] if isinstance(more, list) else []
    given = [_listed(matrix[found[1]])] if found[1] in matrix else []
    return [
        value for values in (*given, [row[found[1]] for row in rows if found[1] in row]) for value in values
    ]


def _texts(tree: Any) -> Iterator[str]:
    """Every string of the tree, each part once, however often it is referred to."""
    seen: set[int] = set()
    rest = [tree]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping | list) and id(part) not in seen:
            seen.add(id(part))
            rest += [*part.keys(), *part.values()] if isinstance(part, Mapping) else part
        if len(seen) > _MOST_NODES:
            raise ValueError("too much")
