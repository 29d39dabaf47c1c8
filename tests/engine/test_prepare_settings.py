"""What the configuration of `prepare` may say."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigurationInvalid
from engine.settings import Settings

REPOSITORY = '[[repositories]]\nname = "web"\nremote = "/srv/web.git"\n[repositories.prepare]\n'
USUAL = {
    "commands": '[["npm", "ci"]]',
    "locks": '["package.json", "package-lock.json"]',
    "outputs": '["node_modules"]',
}


def loaded(tmp_path: Path, **values: str) -> Settings:
    path = tmp_path / "greenlight.toml"
    lines = "\n".join(f"{name} = {value}" for name, value in (USUAL | values).items())
    path.write_text(REPOSITORY + lines + "\n")
    return Settings.load(path)


def test_commands_locks_and_outputs_are_enough(tmp_path: Path) -> None:
    prepare = loaded(tmp_path).repositories[0].prepare
    assert prepare is not None
    assert prepare.commands == (("npm", "ci"),)
    assert prepare.outputs == ("node_modules",)


def test_what_ssh_is_told_is_no_password(tmp_path: Path) -> None:
    words = '[["pip", "install", "git+ssh://git@git.example.com/a/b.git@v1"]]'
    assert loaded(tmp_path, commands=words).repositories[0].prepare is not None


def test_an_address_without_a_password_may_be_given(tmp_path: Path) -> None:
    prepare = (
        loaded(tmp_path, env='{ npm_config_registry = "https://npm.example.com/" }').repositories[0].prepare
    )
    assert prepare is not None
    assert prepare.env == {"npm_config_registry": "https://npm.example.com/"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"commands": "[]"}, "commands"),
        ({"commands": '["npm ci"]'}, "commands"),
        ({"commands": "[[]]"}, "commands"),
        ({"commands": '[["pip", "install", "-ihttps://me:fake@pypi.example.com/"]]'}, "a name or password"),
        (
            {"commands": '[["pip", "install", "--index-url=https://fake@pypi.example/"]]'},
            "name or password",
        ),
        ({"locks": "[]"}, "locks"),
        ({"locks": '["/etc/passwd"]'}, "no path within the repository"),
        ({"locks": '["../other/package.json"]'}, "no path within the repository"),
        ({"outputs": '["node_modules", "node_modules"]'}, "stands twice"),
        ({"outputs": '[".git/hooks"]'}, "git directories are off limits"),
        ({"outputs": '["."]'}, "no path within the repository"),
        ({"outputs": '["a", "a/b"]'}, "a/b lies within the output a"),
        ({"outputs": '["package.json"]'}, "both a lock file and an output"),
        ({"locks": '["vendor/lock"]', "outputs": '["vendor"]'}, "vendor/lock lies within the output vendor"),
        ({"env": '{ NPM_TOKEN = "x" }'}, "looks like a secret"),
        ({"env": '{ npm_config__auth = "x" }'}, "looks like a secret"),
        ({"env": '{ PIP_INDEX_URL = "https://me:fake@pypi.example.com/" }'}, "looks like a secret"),
        ({"env": '{ PIP_INDEX_URL = "https://fake-key@pypi.example.com/" }'}, "looks like a secret"),
        ({"env": '{ HOME = "/root" }'}, "HOME cannot be set"),
        ({"env": '{ PATH = "/opt" }'}, "PATH cannot be set"),
        ({"env": '{ "A B" = "x" }'}, "A B cannot be set"),
        ({"comands": "[]"}, "comands"),
    ],
)
def test_what_cannot_work_or_would_leak_is_refused(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        loaded(tmp_path, **wrong)
    assert told in refused.value.sentence
    assert "repositories.0.prepare" in refused.value.sentence
