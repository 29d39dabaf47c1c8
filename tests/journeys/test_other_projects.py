"""Projects that are not the sample: proposed by init, tried out by doctor, and from mention to draft."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.ports import Ended
from engine.request import Snapshot, State, Status
from engine.settings import Settings
from tests.journeys.bots import ended as greenlight
from tests.journeys.bots import environment
from tests.journeys.reading import git
from tests.projects import registries
from tests.projects.stage import CHANNEL, DANA, delivered, project, staged

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-fake-bot",
    "SLACK_APP_TOKEN": "xapp-fake-app",
    "ANTHROPIC_API_KEY": "sk-ant-fake-rehearsal",
}
NODE = shutil.which("node") and shutil.which("npm")
needs_node = pytest.mark.skipif(
    not NODE and not os.environ.get("GREENLIGHT_REQUIRE_ALL"),
    reason="neither node nor npm is installed (Debian: apt-get install nodejs npm)",
)


async def init(remote: Path, config: Path) -> str:
    """`greenlight init --yes`, as an operator's script would, to a file that is there; what it said."""
    config.write_text(f'state_dir = "{config.parent}/state"  # ours\n')
    done = await greenlight(
        "init", str(remote), "--yes", "--config", str(config), "--channel", CHANNEL, "--approver", DANA,
        env=environment(),
    )  # fmt: skip
    assert done.code == 0, done.err
    assert config.read_text().startswith(f'state_dir = "{config.parent}/state"  # ours\n\n[[repositories]]\n')
    return done.out + done.err


def from_registry(config: Path, **env: str) -> None:
    """The operator's edit: where packages come from here."""
    pairs = ", ".join(f'{name} = "{value}"' for name, value in env.items())
    lines = config.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("outputs = "))
    config.write_text("\n".join([*lines[: at + 1], f"env = {{ {pairs} }}", *lines[at + 1 :]]) + "\n")


def without_prepare(config: Path) -> Path:
    """The same configuration, had the operator said no to `prepare`."""
    other = config.with_name("without.toml")
    text = config.read_text()
    other.write_text(text[: text.index("[repositories.prepare]")])
    return other


async def doctor(config: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """`greenlight doctor --json`: the exit code, and the diagnoses by what they are about."""
    done = await greenlight("doctor", "--json", "--config", str(config), env=environment() | SECRETS)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert found, done.err
    return done.code, {one["about"]: one for one in found}


def statuses(snapshot: Snapshot) -> dict[str, Status]:
    assert snapshot.round is not None
    return {settled.id: settled.status for settled in snapshot.round.settled}


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.xdist_group("journey python project")
async def test_a_python_package_from_init_to_the_draft(tmp_path: Path) -> None:
    remote, config = await project(tmp_path, "python"), tmp_path / "greenlight.toml"

    said = await init(remote, config)

    assert "ci.yml, which runs “pytest”" in said
    repository = Settings.load(config).repositories[0]
    assert {name: check.argv for name, check in repository.checks.items()} == {
        "tests": ("python", "-m", "pytest", "-o", "pythonpath=src"),
        "lint": ("ruff", "check", "."),
    }
    assert repository.prepare is not None
    assert repository.prepare.locks == ("requirements-dev.txt", "requirements.txt")

    code, found = await doctor(without_prepare(config))
    assert (code, found["check tests"]["level"], found["check lint"]["level"]) == (1, "fail", "ok")
    assert "needs a package that is not installed" in found["check tests"]["text"]
    assert "halfup" in found["check tests"]["text"]
    assert "greenlight init" in found["check tests"]["next"]

    async with registries.serving(registries.index()) as registry:
        from_registry(config, PIP_INDEX_URL=f"{registry.url}/simple/")
        code, found = await doctor(config)
        assert [one for one in found.values() if one["level"] != "ok"] == []
        assert (code, ".venv" in found["prepare"]["text"]) == (0, True)
        fetched = list(registry.asked)
        assert any("halfup-1.0" in path for path in fetched)

        async with staged(config, "python") as stage:
            _, snapshot = await delivered(stage, "Add a function that shows a price as text")
        assert registry.asked == fetched  # what doctor had prepared is used

    assert snapshot.state is State.DELIVERED
    assert statuses(snapshot) == {
        "AC1": Status.PASSED,
        "AC2": Status.PASSED,
        "AC3": Status.REGRESSION_ONLY,
        "AC4": Status.REGRESSION_ONLY,
    }
    await _only_its_files_left(remote, snapshot, {"src/prices/shown.py", "tests/test_shown.py"})


@needs_node
@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.xdist_group("journey javascript project")
async def test_a_javascript_package_from_init_to_the_draft(tmp_path: Path) -> None:
    lock = registries.package_lock(registries.package())
    remote, config = await project(tmp_path, "javascript", **{"package-lock.json": lock}), tmp_path / "g.toml"

    said = await init(remote, config)

    assert "other scripts that I did not take for checks: start" in said
    repository = Settings.load(config).repositories[0]
    assert {name: check.argv for name, check in repository.checks.items()} == {
        "tests": ("npm", "run", "test")
    }
    assert repository.checks["tests"].memory_mb == 16384
    assert repository.prepare is not None
    assert repository.prepare.locks == ("package.json", "package-lock.json")

    code, found = await doctor(without_prepare(config))
    assert (code, found["check tests"]["level"]) == (1, "fail")
    assert "needs a package that is not installed" in found["check tests"]["text"]
    assert "split-words" in found["check tests"]["text"]

    async with registries.serving(registries.npm()) as registry:
        from_registry(config, npm_config_registry=f"{registry.url}/")
        code, found = await doctor(config)
        assert [one for one in found.values() if one["level"] != "ok"] == []
        assert code == 0
        fetched = list(registry.asked)
        assert any(path.endswith("split-words-1.0.0.tgz") for path in fetched)

        async with staged(config, "javascript") as stage:
            _, snapshot = await delivered(stage, "Add a function that makes an address of a title")
        assert registry.asked == fetched

    assert snapshot.state is State.DELIVERED
    assert statuses(snapshot) == {
        "AC1": Status.PASSED,
        "AC2": Status.PASSED,
        "AC3": Status.REGRESSION_ONLY,
    }
    await _only_its_files_left(remote, snapshot, {"src/address.js", "test/address.test.js"})


async def _only_its_files_left(remote: Path, snapshot: Snapshot, expected: set[str]) -> None:
    """The pushed commit holds the work, and nothing of what was prepared."""
    assert snapshot.delivery is not None
    changed = await git(remote, "diff", "--name-only", "main", snapshot.delivery.branch)
    assert set(changed.split()) == expected
    results = snapshot.round.results if snapshot.round else ()
    assert {result.ended for result in results or ()} == {Ended.EXIT.value}
    assert all(result.prepared for result in results or ())
    assert len({result.prepared for result in results or ()}) == 1
