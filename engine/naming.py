"""Which of a channel's repositories words name: exactly, whatever their case, and never guessed. Pure.

A repository is named by its name, an alias or owner/name, as a word of its own, or by its address. Nothing
here knows repositories of other channels, so that no answer tells whether there are any.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from engine.request import Candidate
from engine.schemas import MOST_TO_CHOOSE, Option, Question

REPOSITORY = "repository"
"""What the program's own question about the repository is about (engine.request.Round)."""

_URL = re.compile(
    r"(?:https?|ssh|git)://[^\s<>|\"'`]+|"
    r"\b[\w.-]{1,60}@[\w.-]{1,200}:[^\s<>|\"'`/][^\s<>|\"'`]*",
    re.IGNORECASE,
)
_SCP = re.compile(r"(?:[^@/\s]+@)?([^:/\s]+):(?!//)(.+)")
_NAME = r"([\w.-]+(?:/[\w.-]+)*)"
# What is unmistakably meant as a repository's name: “repository: web”, “the repo "web"”, “in repo web-app”.
_CALLED = tuple(
    re.compile(rf"\brepo(?:sitory)?{before}{_NAME}{after}", re.IGNORECASE)
    for before, after in ((": ?", ""), (" [\"'`“]", "[\"'`”]"), (r" (?=\w+[-_./\d])", ""))
)
_FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_LONGEST_SHOWN = 60
_LONGEST_READ = 10_000


def address_of(remote: str) -> str:
    """host/owner/name of a remote's or a page's address, in lower case; empty for a local path."""
    if "://" in remote:
        try:
            url = urlsplit(remote)
            host, path = url.hostname or "", url.path
        except ValueError:
            return ""
    elif scp := _SCP.fullmatch(remote):
        host, path = scp[1], scp[2]
    else:
        return ""
    path = path.strip("/").removesuffix(".git").strip("/")
    return f"{host}/{path}".casefold() if host and path else ""


def owner_and_name(remote: str) -> str:
    """The path of a remote's address, such as owner/name; empty where there is none."""
    _, _, path = address_of(remote).partition("/")
    return path if "/" in path else ""


def named(text: str, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that a text names; the one alone that it is addressed to (“web: …”), if there is one.

    Args:
        text: What a person wrote; untrusted, of any length.
        candidates: The channel's repositories.
    """
    text = text[:_LONGEST_READ]
    addressed = [one for one in candidates if any(_begins(name, text) for name in one.names)]
    if len(addressed) == 1:
        return tuple(addressed)
    addresses = [address_of(_bare(url)) for url in _URL.findall(text)]
    words = " ".join(_URL.sub(" ", text).split())
    return tuple(
        one
        for one in candidates
        if any(_stands(name, words) for name in one.names)
        or any(_is_within(address, one.address) for address in addresses)
    )


def foreign(text: str, candidates: Sequence[Candidate]) -> str:
    """What a text unmistakably names as a repository, though none of these is called so; else empty."""
    text = text[:_LONGEST_READ]
    hosts = {one.address.partition("/")[0] for one in candidates} | _FORGES
    for url in _URL.findall(text):
        host, *path = address_of(_bare(url)).split("/")
        if host in hosts and len(path) > 1 and not named(url, candidates):
            return "/".join(path[:2])[:_LONGEST_SHOWN]
    words = _URL.sub(" ", text)
    for called in (found[1].rstrip(".") for pattern in _CALLED for found in pattern.finditer(words)):
        if called and not named(called, candidates):
            return called[:_LONGEST_SHOWN]
    return ""


def question(candidates: Sequence[Candidate], because: str = "") -> Question:
    """Which repository it is; the options are the channel's.

    Args:
        candidates: At least one.
        because: A sentence that says why it is asked, or asked again.
    """
    options = tuple(Option(label=one.policy.repository, description=one.about) for one in candidates)
    return Question(
        header="Repository",
        text=f"{because} Which repository is this about?".strip(),
        multi=False,
        options=options[:MOST_TO_CHOOSE],
        recommended=0,
    )


def _begins(name: str, text: str) -> bool:
    return (
        re.match(rf"\s*(?:in\s+)?[\"'`“*]?{_pattern(name)}[\"'`”*]?\s?:(?!\S)", text, re.IGNORECASE)
        is not None
    )


def _stands(name: str, words: str) -> bool:
    """Whether a name stands in words as a whole: no part of a path, of a longer name, or of a channel's."""
    pattern = rf"(?<![\w/.@#~+-]){_pattern(name)}(?![\w/@~+-]|\.\w)"
    return re.search(pattern, words, re.IGNORECASE) is not None


def _pattern(name: str) -> str:
    return r"\s+".join(re.escape(part) for part in name.split())


def _bare(url: str) -> str:
    return url.rstrip(".,;:!?)]}”")


def _is_within(address: str, repository: str) -> bool:
    return bool(repository) and (address == repository or address.startswith(f"{repository}/"))
