"""Which repositories words name: exactly, never guessed, and nothing is known of other channels'."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import naming
from engine.naming import address_of, foreign, named, owner_and_name
from engine.policy import as_candidate
from engine.settings import RepositorySettings
from tests.engine.strategies import POLICY


def repository(name: str, remote: str, *aliases: str, about: str = "") -> RepositorySettings:
    return RepositorySettings(name=name, remote=remote, aliases=aliases, about=about)


CANDIDATES = tuple(
    as_candidate(one, POLICY.model_copy(update={"repository": one.name}))
    for one in (
        repository("data", "/srv/git/data-platform.git", "lakehouse"),
        repository("data-web", "https://github.com/Acme/web.git", "front end"),
        repository("billing", "git@git.acme.example:payments/billing.git", about="Invoices"),
    )
)


def names(text: str) -> list[str]:
    return [one.policy.repository for one in named(text, CANDIDATES)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Add a metric to data", ["data"]),
        ("Add a metric to DATA.", ["data"]),
        ("in `data-web`, fix the login", ["data-web"]),
        ("in Data-Web: fix the login", ["data-web"]),
        ("the lakehouse's metric", ["data"]),
        ("fix the front  end\nplease", ["data-web"]),
        ("in acme/web fix the login", ["data-web"]),
        ("see https://github.com/acme/web/issues/3", ["data-web"]),
        ("see (https://github.com/ACME/web.git).", ["data-web"]),
        ("clone git@git.acme.example:payments/billing.git first", ["billing"]),
        ("https://git.acme.example/payments/billing", ["billing"]),
        ("*billing* (not so urgent)", ["billing"]),
        ("data and billing", ["data", "billing"]),
        # Addressed to one, whatever else is named.
        ("billing: take over what data has", ["billing"]),
        ("in data: the same filter as billing", ["data"]),
        # Parts of other words, paths, branches, channels and people.
        ("Add a metric", []),
        ("database, metadata, data_web, data.sql, src/data/x.sql, data/x", []),
        ("feat/billing, billing-v2, #billing, @billing", []),
        ("web, data\u2013web", ["data"]),
        ("https://github.com/acme/web-app", []),
        ("https://github.com/acme", []),
        ("https://evil.example/github.com/acme/web", []),
        ("https://github.com.evil.example/acme/web", []),
        ("https://docs.example/data", []),
        ("d\u200bata, d\u0430ta", []),
        ("", []),
    ],
)
def test_what_words_name(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("fix https://github.com/acme/secret/pull/7", "acme/secret"),
        ("fix https://git.acme.example/payments/ledger", "payments/ledger"),
        ("in repo secret-plans fix the login", "secret-plans"),
        ('in the repository "secret"', "secret"),
        ("repo: secret", "secret"),
        ("in repo data-web fix the login", ""),
        ("https://github.com/acme/web", ""),
        # Words that only might be meant as a name say nothing.
        ("in secret fix the login", ""),
        ("the repository has a bug, the repo is slow. Repo!", ""),
        ("https://docs.databricks.com/en/index.html", ""),
    ],
)
def test_a_repository_that_is_none_of_these_is_told_by_the_words_alone(text: str, other: str) -> None:
    assert foreign(text, CANDIDATES) == other


@pytest.mark.parametrize(
    ("remote", "address", "path"),
    [
        ("https://github.com/Acme/Web.git", "github.com/acme/web", "acme/web"),
        ("https://github.com:443/acme/web/", "github.com/acme/web", "acme/web"),
        (
            "ssh://git@git.acme.example:2222/group/sub/web.git",
            "git.acme.example/group/sub/web",
            "group/sub/web",
        ),
        ("git@github.com:acme/web.git", "github.com/acme/web", "acme/web"),
        ("https://git.acme.example/web", "git.acme.example/web", ""),
        ("/srv/git/data-platform.git", "", ""),
        ("../data-platform", "", ""),
        ("file:///srv/git/data", "", ""),
        ("https://[", "", ""),
    ],
)
def test_addresses(remote: str, address: str, path: str) -> None:
    assert (address_of(remote), owner_and_name(remote)) == (address, path)


def test_options_tell_repositories_apart_without_local_paths() -> None:
    asked = naming.question(CANDIDATES, "“x” is none of this channel's repositories.")
    assert [(o.label, o.description) for o in asked.options] == [
        ("data", "base branch main"),
        ("data-web", "acme/web"),
        ("billing", "Invoices"),
    ]
    assert asked.text == "“x” is none of this channel's repositories. Which repository is this about?"


@given(st.text(alphabet="dat-web .:/@#`\n'", max_size=200))
def test_only_whole_names_are_found_in_any_words(text: str) -> None:
    found = names(text)
    words = re.split(r"[^\w/.@#~+-]+", text)
    assert ("data" in found) <= any(word.strip(".").casefold() == "data" for word in words)


@pytest.mark.parametrize("part", ["a.", "a@", "git@a:", "repo a/", "https://", "in ", "data-", "“"])
def test_long_words_take_no_time(part: str) -> None:
    started = time.monotonic()
    text = part * 10_000
    named(text, CANDIDATES)
    foreign(text, CANDIDATES)
    assert time.monotonic() - started < 1
