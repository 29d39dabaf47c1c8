"""Which repositories are at GitHub, and what the environment has to hold for them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.github_forge import GitHubForge
from engine.adapters.github_place import Place, place_of
from engine.adapters.github_secrets import AppKey, secrets_from
from engine.adapters.local_forge import LocalForge
from engine.errors import ConfigurationInvalid
from engine.repositories import Repositories
from engine.settings import GITHUB_API, GitHubSettings, RepositorySettings, Settings
from tests.github.keys import pair

TOKEN = "github_pat_fake_0000000000"  # noqa: S105 (visibly fake)
ENTERPRISE = "https://ghe.example.com/api/v3"


def repository(
    remote: str, github: Mapping[str, Any] | None = None, name: str = "data"
) -> RepositorySettings:
    section = GitHubSettings(**github) if github is not None else None
    return RepositorySettings(name=name, remote=remote, github=section)


@pytest.mark.parametrize(
    ("remote", "github", "place"),
    [
        ("https://github.com/acme/data", None, ("acme", "data", GITHUB_API)),
        ("https://github.com/acme/data.git", None, ("acme", "data", GITHUB_API)),
        ("https://GitHub.com/Acme/da.ta.git/", None, ("Acme", "da.ta", GITHUB_API)),
        ("git@github.com:acme/data.git", {}, ("acme", "data", GITHUB_API)),
        ("ssh://git@github.com/acme/data.git", {}, ("acme", "data", GITHUB_API)),
        ("ssh://git@ssh.github.com:443/acme/data.git", {}, ("acme", "data", GITHUB_API)),
        ("https://ghe.example.com/acme/data.git", {"api": ENTERPRISE}, ("acme", "data", ENTERPRISE)),
        (
            "https://x.ghe.com/acme/data",
            {"api": "https://api.x.ghe.com/"},
            ("acme", "data", "https://api.x.ghe.com"),
        ),
        ("/srv/git/data.git", {"repository": "acme/data"}, ("acme", "data", GITHUB_API)),
        (
            "http://127.0.0.1:1/a/b.git",
            {"api": "http://127.0.0.1:2/", "repository": "acme/data"},
            ("acme", "data", "http://127.0.0.1:2"),
        ),
    ],
)
def test_the_place_is_told_by_the_remote_or_by_the_section(
    remote: str, github: Mapping[str, Any] | None, place: tuple[str, str, str]
) -> None:
    assert place_of(repository(remote, github)) == Place(*place)


@pytest.mark.parametrize(
    "remote",
    [
        "/srv/git/data.git",
        "git@github.com:acme/data.git",
        "https://gitlab.com/acme/data.git",
        "file:///github.com",
    ],
)
def test_other_remotes_are_not_at_github_by_themselves(remote: str) -> None:
    assert place_of(repository(remote)) is None


@pytest.mark.parametrize(
    ("remote", "github", "told"),
    [
        ("https://github.com/acme", None, "github.repository"),
        ("https://github.com/acme/data/tree/main", None, "github.repository"),
        ("/srv/git/data.git", {}, "github.repository"),
        ("git@gitlab.com:acme/data.git", {}, "github.repository"),
        ("https://ghe.example.com/acme/data.git", {}, "https://ghe.example.com/api/v3"),
        ("https://github.com/acme/data.git", {"api": ENTERPRISE}, "one host"),
        ("https://evilgithub.com/acme/data.git", {"repository": "acme/data"}, "one host"),
    ],
)
def test_what_does_not_fit_together_is_told_with_the_fix(
    remote: str, github: Mapping[str, Any] | None, told: str
) -> None:
    with pytest.raises(ConfigurationInvalid) as invalid:
        place_of(repository(remote, github))
    assert told in invalid.value.sentence
    assert "data" in invalid.value.sentence


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('remote = "https://github_pat_fake_0@github.com/acme/data"', "environment"),
        ('remote = "https://me:github_pat_fake_0@github.com/acme/data"', "environment"),
        ('remote = "r"\ngithub = {api = "http://api.github.com"}', "an address like"),
        ('remote = "r"\ngithub = {api = "https://me@api.github.com"}', "an address like"),
        ('remote = "r"\ngithub = {repository = "data"}', "pattern"),
        ('remote = "r"\ngithub = {repository = "acme/../x"}', "pattern"),
        ('remote = "r"\ngithub = {labels = [""]}', "a label has"),
        ('remote = "r"\ngithub = {token = "x"}', "Extra inputs"),
    ],
)
def test_a_section_that_cannot_be_used_is_told_by_name_and_without_its_secret(
    tmp_path: Path, lines: str, told: str
) -> None:
    file = tmp_path / "greenlight.toml"
    file.write_text(f'[[repositories]]\nname = "data"\n{lines}\n')
    with pytest.raises(ConfigurationInvalid) as invalid:
        Settings.load(file)
    assert told in invalid.value.sentence
    assert "pat_fake" not in invalid.value.sentence


def test_a_token_or_an_apps_key_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pair().private)
    token = secrets_from({"GITHUB_TOKEN": f" {TOKEN}\n"})
    assert not isinstance(token, AppKey)
    assert token.get_secret_value() == TOKEN
    for given in (pair().private, pair().private.replace("\n", "\\n"), str(file)):
        key = secrets_from({"GITHUB_APP_ID": "12345", "GITHUB_APP_PRIVATE_KEY": given})
        assert isinstance(key, AppKey)
        assert (key.app, key.key.get_secret_value().strip()) == ("12345", pair().private.strip())
        assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_TOKEN": "  "}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_TOKEN": "two words"}, "GITHUB_TOKEN does not look like"),
        ({"GITHUB_TOKEN": "'ghp_fake_000000'"}, "GITHUB_TOKEN does not look like"),
        ({"GITHUB_TOKEN": "tökentökentöken"}, "GITHUB_TOKEN does not look like"),
        ({"GITHUB_TOKEN": TOKEN, "GITHUB_APP_ID": "1"}, "keep one"),
        ({"GITHUB_APP_ID": "1"}, "GITHUB_APP_PRIVATE_KEY is not"),
        ({"GITHUB_APP_PRIVATE_KEY": "/nowhere"}, "GITHUB_APP_ID is not"),
        ({"GITHUB_APP_ID": "my app", "GITHUB_APP_PRIVATE_KEY": "x"}, "GITHUB_APP_ID should be"),
        ({"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "/nowhere"}, "neither a private key"),
        ({"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "MIIEpAIBAAKCAQEA\0"}, "neither a private key"),
        (
            {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----"},
            "no RSA private key",
        ),
        ({"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": pair().public}, "no RSA private key"),
    ],
)
def test_credentials_that_cannot_be_used_are_told_by_variable_and_without_their_value(
    environment: Mapping[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationInvalid) as invalid:
        secrets_from(environment)
    assert told in invalid.value.sentence
    for value in environment.values():
        assert len(value) < 5 or value.strip("- ") not in invalid.value.sentence or not value.strip()


def test_each_repository_gets_its_forge(tmp_path: Path) -> None:
    there, here = repository("https://github.com/acme/data"), repository("/srv/git/more.git", name="more")
    repositories = Repositories((there, here), tmp_path, {"GITHUB_TOKEN": TOKEN})
    assert isinstance(repositories.forge(there), GitHubForge)
    assert isinstance(repositories.forge(here), LocalForge)
    assert repositories.forge(there) is repositories.forge(there)
    assert repositories.workspace(there) is repositories.workspace(there)


def test_credentials_are_asked_for_at_start_and_only_where_they_are_needed(tmp_path: Path) -> None:
    Repositories((repository("/srv/git/data.git"),), tmp_path, {})
    with pytest.raises(ConfigurationInvalid, match="GITHUB_TOKEN is not set"):
        Repositories((repository("https://github.com/acme/data"),), tmp_path, {})


async def test_a_remote_at_github_whose_pull_requests_stay_here_is_told(tmp_path: Path) -> None:
    there, here = repository("git@github.com:acme/data.git"), repository("/srv/git/more.git", name="more")
    repositories = Repositories((there, here), tmp_path, {})
    (trial,) = await repositories.tried(there, "1" * 40)
    assert "[repositories.github]" in trial.next
    assert await repositories.tried(here, "1" * 40) == ()


def test_one_set_of_credentials_goes_to_one_host(tmp_path: Path) -> None:
    both = (
        repository("https://github.com/acme/data"),
        repository("https://ghe.example.com/a/b", {"api": ENTERPRISE}, name="more"),
    )
    with pytest.raises(ConfigurationInvalid, match="one set"):
        Repositories(both, tmp_path, {"GITHUB_TOKEN": TOKEN})


def test_what_speaks_to_github_is_loaded_only_where_a_repository_is_there() -> None:
    program = (
        "import sys, bot.cli, engine.bootstrap; from pathlib import Path; "
        "from engine.repositories import Repositories; from engine.settings import RepositorySettings; "
        "r = RepositorySettings(name='a', remote='/x'); Repositories((r,), Path('.'), {}).workspace(r); "
        "sys.exit(any(name in sys.modules for name in ('githubkit', 'httpx', 'cryptography', 'jwt')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
