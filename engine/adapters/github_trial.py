"""What the bot's credentials can see of a repository at GitHub, tried out without writing anything."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.adapters.github_client import GitHubClient
from engine.adapters.github_errors import Doing
from engine.adapters.github_wire import Pull, Rule, Standing
from engine.errors import GreenlightError

_SEEING = Doing("see the repository", "Metadata: read")
_PULLS = Doing("read pull requests", "Pull requests: read and write")
_CHECKS = Doing("read check runs", "Checks: read")
_STATUSES = Doing("read commit statuses", "Commit statuses: read")
_HINDERING = frozenset(
    {
        *("creation", "update", "non_fast_forward", "required_signatures", "branch_name_pattern"),
        *("commit_message_pattern", "commit_author_email_pattern", "committer_email_pattern"),
    }
)


class Trial(NamedTuple):
    """What was tried. Not `well`: it does not work or, if `bearable`, in part; `next` says what to do."""

    well: bool
    text: str
    next: str = ""
    bearable: bool = False


async def tried(client: GitHubClient, commit: str, branch: str) -> Sequence[Trial]:
    """Try what a delivery and the looks after it need. What may be written shows at the first push only.

    Args:
        client: Of the repository.
        commit: The base branch's head.
        branch: A name as branches of ours have.
    """
    full = client.place.full
    async with client.session():
        try:
            standing = await client.get("", Standing, _SEEING)
            await client.get("pulls", list[Pull], _PULLS, query={"per_page": 1})
        except GreenlightError as refused:
            return [Trial(False, f"{full} cannot be used", refused.sentence)]
        if standing.archived:
            return [Trial(False, f"{full} is archived", "Unarchive it, or take it out of the configuration.")]
        if standing.permissions is not None and not standing.permissions.push:
            return [Trial(False, f"the account may only read {full}", "Give it the role “Write” there.")]
        found = [Trial(True, f"{full} and its pull requests can be read")]
        for path, doing in (
            (f"commits/{commit}/check-runs", _CHECKS),
            (f"commits/{commit}/status", _STATUSES),
        ):
            try:
                await client.get(path, dict[str, Any], doing)
            except GreenlightError as refused:
                found.append(Trial(False, f"cannot {doing.what}", refused.sentence, bearable=True))
        return [*found, *await _ruled(client, branch)]


async def _ruled(client: GitHubClient, branch: str) -> Sequence[Trial]:
    """Rules for branches of ours, which are known before there is one."""
    try:
        rules = await client.get(f"rules/branches/{branch}", list[Rule], _SEEING)
    except GreenlightError:
        return []  # Enterprise Servers before 3.11 have none
    kinds = sorted({rule.type for rule in rules} & _HINDERING)
    if not kinds:
        return []
    prefix = branch.partition("/")[0]
    return [
        Trial(
            False,
            f"rules hold for branches beneath {prefix}/: {', '.join(kinds)}",
            f"If they keep the bot from pushing, exempt branches beneath {prefix}/.",
            bearable=True,
        )
    ]
