"""Who owns which files, as a repository's CODEOWNERS says."""

import re
from collections.abc import Iterable
from math import comb
from typing import NamedTuple

from codeowners import CodeOwners

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, the first that is there."""
MOST = 15

_MOST_WAYS = 5_000_000
"""In which the stars of a pattern can share a path: all are tried, and nothing else runs meanwhile."""
_END_OF_PATTERN = re.compile(r"(?<!\\)\s")
_STAR = re.compile(r"(?:^|(?<=/))\*\*(?=/|$)|\*")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_LOGIN = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))(?:/([A-Za-z0-9._-]{1,100}))?")


class Reviewers(NamedTuple):
    """Logins of people, and slugs of the organisation's teams."""

    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


def owners_of(text: str, paths: Iterable[str], *, organisation: str, author: str) -> Reviewers:
    """Who is to be asked about changed files, at most 15, in the order of the files.

    Args:
        text: Of CODEOWNERS; the last line that matches a path decides. What GitHub does not understand is
            skipped: negations, ranges in brackets, escaped numbers signs. So are patterns of so many stars
            that matching them would take long.
        paths: The changed files.
        organisation: Whose teams can be asked; those of others are left out, and so are e-mail addresses.
        author: Left out: nobody reviews their own pull request.
    """
    paths = tuple(paths)
    longest = max(map(len, paths), default=0)
    rules = CodeOwners("\n".join(_understood(text, longest)))
    owners = dict.fromkeys(owner for path in paths for kind, owner in rules.of(path) if kind != "EMAIL")
    people: list[str] = []
    teams: list[str] = []
    for found in (_LOGIN.fullmatch(owner) for owner in owners):
        if found is None or len(people) + len(teams) == MOST:
            continue
        login, team = found.groups()
        if team and login.lower() == organisation.lower():
            teams.append(team)
        elif not team and login.lower() != author.lower():
            people.append(login)
    return Reviewers(tuple(people), tuple(teams))


def _understood(text: str, longest: int) -> Iterable[str]:
    for line in text.splitlines():
        rule = _COMMENT.sub("", line).strip()
        pattern = _END_OF_PATTERN.split(rule, maxsplit=1)[0]
        understood = rule and not pattern.startswith(("!", "\\#")) and not set("[]") & set(pattern)
        stars = len(_STAR.findall(pattern))
        if understood and comb(longest + stars, stars) <= _MOST_WAYS:
            yield rule
