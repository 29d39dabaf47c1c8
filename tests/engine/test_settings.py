"""Channels, names and aliases of repositories in the configuration."""

from pathlib import Path

import pytest

from engine.errors import ConfigurationInvalid
from engine.settings import Settings


def loaded(tmp_path: Path, *repositories: str) -> Settings:
    path = tmp_path / "greenlight.toml"
    path.write_text("".join(f'[[repositories]]\nremote = "/srv/x.git"\n{one}\n' for one in repositories))
    return Settings.load(path)


def test_several_repositories_may_name_the_same_channel(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        'name = "data"\nchannels = ["C1", "C2"]',
        'name = "web"\nchannels = ["C1"]\naliases = ["front end"]\nabout = "Pages"',
        'name = "ops"\nchannels = ["*"]',
        'name = "docs"\nchannels = ["*", "C2"]',
        'name = "none"',
    )
    found = {c: [r.name for r in settings.repositories_of(c)] for c in ("C1", "C2", "C3", "D1")}
    assert found == {
        "C1": ["data", "web"],
        "C2": ["data", "docs"],
        "C3": ["ops", "docs"],
        "D1": ["ops", "docs"],
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('name = "web"', 'name = "web"'),
        ('name = "web"', 'name = "data"\naliases = ["Web"]'),
        ('name = "one"\naliases = ["the web"]', 'name = "two"\naliases = ["The Web"]'),
    ],
)
def test_no_name_means_two_repositories(tmp_path: Path, first: str, second: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="web stands twice"):
        loaded(tmp_path, first, second)


@pytest.mark.parametrize("alias", ["", "a", " web", "we\\nb", "<@U1>", "x" * 41])
def test_an_alias_is_a_few_plain_words(tmp_path: Path, alias: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="aliases"):
        loaded(tmp_path, f'name = "web"\naliases = ["{alias}"]')


def test_a_channel_has_no_more_than_a_menu_takes(tmp_path: Path) -> None:
    repositories = [f'name = "r{number}"\nchannels = ["C1"]' for number in range(101)]
    assert len(loaded(tmp_path, *repositories[:100]).repositories_of("C1")) == 100
    with pytest.raises(ConfigurationInvalid, match="channel C1 has 101 repositories"):
        loaded(tmp_path, *repositories)
