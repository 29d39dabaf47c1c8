"""CODEOWNERS, by the examples of GitHub's documentation and what its rules leave out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.github_owners import MOST, Reviewers, owners_of

DOCUMENTED = """
# This is a comment.
*       @global-owner1 @global-owner2

*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* @docs-owner
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""


def asked(text: str, *paths: str, organisation: str = "octo-org", author: str = "bot") -> Reviewers:
    return owners_of(text, paths, organisation=organisation, author=author)


@pytest.mark.parametrize(
    ("path", "people", "teams"),
    [
        ("README.md", ("global-owner1", "global-owner2"), ()),
        ("src/deep/x.js", ("js-owner",), ()),
        ("main.go", (), ()),
        ("notes/a.txt", (), ("octocats",)),
        ("build/logs/a.log", ("octocat",), ()),
        ("other/build/logs2/a", ("global-owner1", "global-owner2"), ()),
        ("docs/a.md", ("doctocat",), ()),
        ("more/docs/a.md", ("global-owner1", "global-owner2"), ()),
        ("x/apps/a", ("octocat",), ()),
        ("scripts/a/b", ("doctocat", "octocat"), ()),
        ("deep/er/logs/a", ("octocat",), ()),
        ("apps/github/a", (), ()),
        ("apps/other/a", ("octocat",), ()),
    ],
)
def test_the_last_line_that_matches_decides(
    path: str, people: tuple[str, ...], teams: tuple[str, ...]
) -> None:
    assert asked(DOCUMENTED, path) == Reviewers(people, teams)


def test_each_is_asked_once_and_never_the_author_or_others_teams() -> None:
    text = "* @Ann @BOT @octo-org/data @elsewhere/team ann@example.com\n*.md @Ann @ben\n"
    assert asked(text, "a", "b", "c.md") == Reviewers(("Ann", "ben"), ("data",))


@pytest.mark.parametrize(
    "line",
    ["!a @ann", "[ab] @ann", "\\#a @ann", "a[ @ann", "a\\ [b @ann", "# @ann", "a", "a # @ann", "a @", "@ann"],
)
def test_what_github_does_not_understand_asks_nobody(line: str) -> None:
    assert asked(f"{line}\n", "a", "b", "#a") == Reviewers()


def test_a_name_that_is_none_is_left_out() -> None:
    assert asked("* @ann;DROP @-x @ann/../b @a/b/c @ok\n", "a", organisation="ann") == Reviewers(("ok",))


def test_there_is_a_bound() -> None:
    text = "* " + " ".join(f"@p{n} @octo-org/t{n}" for n in range(40))
    found = asked(text, "a")
    assert len(found.people) + len(found.teams) == MOST


def test_stars_that_take_long_to_match_are_left_out_and_usual_ones_are_not() -> None:
    began = time.monotonic()
    assert asked("*a" * 30 + "b @ann\n" + "*" * 40 + "b @ann\n", "a" * 300) == Reviewers()
    assert asked("*a" * 40 + "b @ann\n", "a" * 39) == Reviewers()
    assert time.monotonic() - began < 5
    path = "services/payments/src/handlers/refund_test.go"
    assert asked("/services/**/src/**/*_test.* @ann", path) == Reviewers(("ann",))


@given(st.text(alphabet="ab/*?[]!\\# @\n\t-._", max_size=200), st.lists(st.text(max_size=30), max_size=4))
def test_any_file_gives_names_or_nobody(text: str, paths: list[str]) -> None:
    found = asked(text, *paths)
    assert all(name.isascii() and "@" not in name for name in (*found.people, *found.teams))
