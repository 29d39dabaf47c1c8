"""requirements.lock holds the whole tree with hashes, and agrees with pyproject.toml's exact pins."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^\s;\\]+)")


def _pins(lines: list[str]) -> dict[str, str]:
    found = [_PIN.match(line) for line in lines]
    return {m["name"].lower().replace("_", "-"): m["version"] for m in found if m}


def _direct() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]


def _lock() -> list[str]:
    return (ROOT / "requirements.lock").read_text("utf-8").splitlines()


def test_every_direct_dependency_is_pinned_exactly() -> None:
    assert len(_pins(_direct())) == len(_direct())


def test_the_lock_agrees_with_the_pins() -> None:
    locked = _pins(_lock())
    assert {name: locked.get(name) for name in _pins(_direct())} == _pins(_direct())


def test_the_lock_has_hashes_and_names_no_index() -> None:
    text = "\n".join(_lock())
    assert text.count("--hash=sha256:") >= len(_pins(_lock()))
    assert "://" not in text
    assert "index-url" not in text
