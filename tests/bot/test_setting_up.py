"""`greenlight init` and `greenlight doctor`, as they are called."""

import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.settings import CheckSettings, Settings
from tests.journeys.bots import Ended, ended, environment

# On the worker that has already imported what takes seconds.
pytestmark = pytest.mark.xdist_group("bad-input-state")

MAKEFILE = "test:\n\t@echo fine\nlint:\n\t@echo bad >&2; exit 3\nbuild:\n\ttouch built\n"
COMMAND = (sys.executable, "-m", "bot.cli")


async def greenlight(*arguments: str, **env: str) -> Ended:
    return await ended(*arguments, env={**environment(), **env})


def answered(answers: str, *arguments: str, code: int = 0) -> str:
    """Run it at a terminal, where these answers are typed; what it says."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        done = subprocess.run(
            [*COMMAND, *arguments], stdin=theirs, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return repository(tmp_path / "Shop Front", Makefile=MAKEFILE)


def repository(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    for command in (
        ["init", "-qb", "trunk"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


# ---------------------------------------------------------------- init


async def test_init_adds_a_repository_and_leaves_the_rest_as_it_is(tmp_path: Path, clone: Path) -> None:
    config = tmp_path / "greenlight.toml"
    config.write_text('# ours\nstate_dir = "/srv/state"   # here\n\n[caps]\nusd_per_request = 1.0\n')
    config.chmod(0o640)
    before = config.read_text()

    done = await greenlight("init", str(clone), "--yes", "--config", str(config), "--approver", "U0DANA")

    assert done.code == 0, done.err
    assert "branch trunk" in done.err
    assert "build" in done.err
    assert config.read_text().startswith(before)
    assert config.stat().st_mode & 0o777 == 0o640
    (found,) = Settings.load(config).repositories
    assert (found.name, found.remote, found.base) == ("shop-front", str(clone), "trunk")
    assert found.approvers == ("U0DANA",)
    assert {name: check.argv for name, check in found.checks.items()} == {
        "tests": ("make", "test"),
        "lint": ("make", "lint"),
    }
    assert not (clone / "built").exists()

    again = await greenlight("init", str(clone), "--yes", "--config", str(config))
    assert again.code == 2
    assert "shop-front stands twice" in again.err
    assert config.read_text().startswith(before)
    assert config.read_text().count("[[repositories]]") == 1
    other = await greenlight("init", str(clone), "--yes", "--config", str(config), "--name", "other")
    assert other.code == 0
    assert [one.name for one in Settings.load(config).repositories] == ["shop-front", "other"]


async def test_init_print_writes_nothing(tmp_path: Path, clone: Path) -> None:
    config = tmp_path / "greenlight.toml"
    done = await greenlight("init", str(clone), "--print", "--config", str(config))
    assert tomllib.loads(done.out)["repositories"][0]["checks"]["tests"]["argv"] == ["make", "test"]
    assert not config.exists()


async def test_init_asks_check_by_check(tmp_path: Path, clone: Path) -> None:
    config = tmp_path / "greenlight.toml"
    said = answered(
        "make test 'two words'\nn\nC0ONE, C0TWO\nU0DANA\n", "init", str(clone), "--config", str(config)
    )
    assert "Check tests: make test" in said
    assert "from Makefile, target lint" in said
    (found,) = Settings.load(config).repositories
    assert found.checks == {
        "tests": CheckSettings(argv=("make", "test", "two words"), about="unit tests", timeout_s=600)
    }
    assert (found.channels, found.approvers) == (("C0ONE", "C0TWO"), ("U0DANA",))


async def test_init_asks_for_each_command_that_gets_the_network(tmp_path: Path) -> None:
    clone = repository(tmp_path / "py", requirements__txt="idna==3.10\n")
    config = tmp_path / "greenlight.toml"
    said = answered("y\npip install 'a quote\nuv pip sync\n\n\n", "init", str(clone), "--config", str(config))
    assert "Prepare, with network: python -m venv .venv" in said
    assert "cannot be split into words" in said
    prepare = Settings.load(config).repositories[0].prepare
    assert prepare is not None
    assert prepare.commands == (("python", "-m", "venv", ".venv"), ("uv", "pip", "sync"))
    config.unlink()
    answered("n\nn\n\n\n", "init", str(clone), "--config", str(config))
    assert Settings.load(config).repositories[0].prepare is None


async def test_init_without_a_terminal_says_how(clone: Path) -> None:
    done = await greenlight("init", str(clone))
    assert (done.code, "--yes" in done.err) == (2, True)


async def test_the_origin_of_a_clone_is_where_branches_go_without_its_password(
    tmp_path: Path, clone: Path
) -> None:
    (clone / "Makefile").write_text(MAKEFILE + "check-more:\n\ttrue\n")  # not committed
    for address, expected in (
        ("https://me:fake-token@git.example.com/shop/front.git", "https://git.example.com/shop/front.git"),
        ("git@git.example.com:shop/front.git", "git@git.example.com:shop/front.git"),
    ):
        subprocess.run(["git", "config", "remote.origin.url", address], cwd=clone, check=True)
        done = await greenlight("init", str(clone), "--print")
        (found,) = tomllib.loads(done.out)["repositories"]
        assert (found["name"], found["remote"]) == ("front", expected)
        assert f"Looked at {clone}, branch trunk" in done.err
        assert "check-more" not in done.out
        assert "fake-token" not in done.out + done.err


async def test_a_configuration_behind_a_link_is_written_where_it_is(tmp_path: Path, clone: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "greenlight.toml").symlink_to(kept / "greenlight.toml")
    done = await greenlight("init", str(clone), "--yes", "--config", str(tmp_path / "greenlight.toml"))
    assert done.code == 0, done.err
    assert (tmp_path / "greenlight.toml").is_symlink()
    assert 'name = "shop-front"' in (kept / "greenlight.toml").read_text()


async def test_a_file_that_is_too_large_to_be_looked_into_is_told(tmp_path: Path) -> None:
    clone = repository(tmp_path / "large", Makefile=MAKEFILE + "#" * 500_000)
    done = await greenlight("init", str(clone), "--print")
    assert "Makefile is too large, so nothing was proposed from it." in done.err


def test_a_command_that_would_show_a_secret_is_told_and_not_taken(tmp_path: Path) -> None:
    package = json.dumps({"scripts": {}, "dependencies": {"a": "1"}})
    clone = repository(tmp_path / "js", package__json=package, **{"package-lock__json": "{}"})
    config = tmp_path / "greenlight.toml"
    command = "npm ci --registry https://me:fake@npm.example.com/\n\n\n"
    said = answered(command, "init", str(clone), "--config", str(config), code=2)
    assert "an address with a name or password" in said
    assert "fake" not in said
    assert not config.exists()


@pytest.mark.parametrize(
    ("existing", "told"),
    [("repositories = []\n", "--print"), ("[caps\n", "Correct it"), ('colour = "red"\n', "colour")],
)
async def test_a_file_that_would_not_be_valid_is_left_alone(
    tmp_path: Path, clone: Path, existing: str, told: str
) -> None:
    config = tmp_path / "greenlight.toml"
    config.write_text(existing)
    done = await greenlight("init", str(clone), "--yes", "--config", str(config))
    assert done.code == 2
    assert told in done.err
    assert config.read_text() == existing
    assert [path.name for path in tmp_path.iterdir() if "greenlight" in path.name] == ["greenlight.toml"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("/nonexistent/repository",), "There is no repository"),
        (("https://me:fake@git.example.com/x.git",), "No name or token belongs"),
        ((".", "--base", "no-such-branch"), "no branch no-such-branch"),
        ((".", "--name", "Shop Front"), "cannot be called 'Shop Front'"),
    ],
)
async def test_what_init_cannot_look_at_is_told(clone: Path, arguments: tuple[str, ...], told: str) -> None:
    where = [str(clone) if word == "." else word for word in arguments]
    done = await greenlight("init", *where, "--print")
    assert (done.code, done.out) == (2, "")
    assert told in done.err


async def test_what_a_repository_says_cannot_leave_its_string(tmp_path: Path) -> None:
    hostile = {"test": "x", 'a"]\n[[repositories]]\nname = "evil': "x", "lint\u202e": "y"}
    package = json.dumps({"scripts": hostile, "dependencies": {"a": "1"}})
    clone = repository(tmp_path / "js", package__json=package, **{"package-lock__json": "{}"})
    done = await greenlight("init", str(clone), "--print")
    read = tomllib.loads(done.out)
    assert [one["name"] for one in read["repositories"]] == ["js"]
    assert list(read["repositories"][0]["checks"]) == ["tests"]
    assert "\u202e" not in done.out + done.err


# ---------------------------------------------------------------- doctor


def configured(tmp_path: Path, remote: Path, more: str = "") -> Path:
    config = tmp_path / "greenlight.toml"
    config.write_text(
        f'state_dir = "{tmp_path}/state"\n[[repositories]]\nname = "shop"\nremote = "{remote}"\n'
        f'base = "trunk"\nchannels = ["C0ONE"]\napprovers = ["U0DANA"]\n{more}'
    )
    return config


async def diagnoses(config: Path, *arguments: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = await greenlight("doctor", "--json", "--config", str(config), *arguments, **env)
    found = [json.loads(line) for line in done.out.splitlines()]
    return done.code, {one["about"]: one for one in found}


CHECKS = """
[repositories.checks.tests]
argv = ["make", "test"]
[repositories.checks.lint]
argv = ["make", "lint"]
[repositories.checks.gone]
argv = ["no-such-linter", "."]
"""


SECRETS = {"SLACK_BOT_TOKEN": "xoxb-fake", "ANTHROPIC_API_KEY": "fake"}


async def test_doctor_tells_what_is_well_and_what_fails(tmp_path: Path, clone: Path) -> None:
    config = configured(tmp_path, clone, CHECKS)

    done = await greenlight("doctor", "--config", str(config), **SECRETS)

    assert done.code == 1, done.err
    said = done.out
    assert "ok    configuration: " in said
    assert "ok    SLACK_BOT_TOKEN: is set" in said
    assert "warn  SLACK_APP_TOKEN: " in said
    assert "ok    sandbox: bubblewrap" in said
    assert f"ok    shop, remote: {clone}, trunk is at " in said
    assert "ok    shop, check tests: “make test” is green at the base" in said
    assert "fail  shop, check lint: “make lint” ended with exit code 2" in said
    assert "      | bad\n" in said
    assert "fail  shop, check gone: “no-such-linter .” needs a program that is not in the sandbox" in said
    assert re.search(r"\n2 of \d+ failed\.\n$", said)
    assert "fake" not in said.replace("xoxb-", "")


async def test_doctor_is_well_when_all_is(tmp_path: Path, clone: Path) -> None:
    config = configured(tmp_path, clone, CHECKS.split("[repositories.checks.lint]")[0])
    env = {**SECRETS, "SLACK_APP_TOKEN": "xapp-fake"}
    code, found = await diagnoses(config, "--repository", "shop", **env)
    assert (code, {one["level"] for one in found.values()}) == (0, {"ok"})
    assert {*env, "state_dir", "sandbox", "remote", "check tests"} <= set(found)
    assert "as far as files and settings tell" in found["workflow"]["text"]
    config.write_text(config.read_text().replace('["U0DANA"]', '["U0DANA", "@dana", "dana"]'))
    code, found = await diagnoses(config, "--repository", "shop", **env)
    assert (code, found["approvers"]["level"]) == (0, "warn")
    assert found["approvers"]["text"].startswith("@dana, dana: that is no Slack user id")
    over_http = {**SECRETS, "SLACK_SIGNING_SECRET": "visibly-fake-signing"}
    code, found = await diagnoses(config, "--repository", "shop", **over_http)
    assert (code, found["SLACK_SIGNING_SECRET"]["level"]) == (0, "ok")
    assert "SLACK_APP_TOKEN" not in found


async def test_doctor_tells_why_nothing_can_be_prepared_and_what_was_not_run(
    tmp_path: Path, clone: Path
) -> None:
    prepare = (
        '[repositories.prepare]\ncommands = [["sh", "-c", "echo no such package; exit 1"]]\n'
        'locks = ["Makefile"]\noutputs = ["deps"]\n'
    )
    code, found = await diagnoses(configured(tmp_path, clone, CHECKS + prepare))
    assert (code, found["prepare"]["level"]) == (1, "fail")
    assert "no such package" in found["prepare"]["next"]
    assert {found[f"check {name}"]["level"] for name in ("tests", "lint", "gone")} == {"warn"}


async def test_doctor_names_a_remote_that_cannot_be_fetched(tmp_path: Path) -> None:
    code, found = await diagnoses(
        configured(tmp_path, tmp_path / "nowhere.git"), **{**SECRETS, "SLACK_BOT_TOKEN": "wrong"}
    )
    assert (code, found["remote"]["level"], found["SLACK_BOT_TOKEN"]["level"]) == (1, "fail", "fail")
    assert "There is no repository" in found["remote"]["next"]
    unknown = await greenlight(
        "doctor", "--config", str(tmp_path / "greenlight.toml"), "--repository", "other"
    )
    assert unknown.code == 2
    assert "configured: shop" in unknown.err


async def test_doctor_says_where_to_begin(tmp_path: Path) -> None:
    config = tmp_path / "greenlight.toml"
    config.write_text(f'state_dir = "{tmp_path}/state"\n')
    code, found = await diagnoses(config)
    assert (code, found["repositories"]["level"]) == (1, "fail")
    assert "greenlight init" in found["repositories"]["next"]
    nothing = await greenlight("doctor", "--config", str(tmp_path / "none.toml"))
    assert (nothing.code, "There is no configuration file" in nothing.err) == (2, True)
