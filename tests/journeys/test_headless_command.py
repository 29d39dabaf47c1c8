"""`greenlight demo --headless` as a command: what it prints, keeps and exits with."""

import json
from pathlib import Path

import pytest

from engine.adapters.local_forge import read_records
from tests.journeys.bots import ended, environment, executed
from tests.journeys.reading import SITUATION, git
from tests.quick import quick_repository


@pytest.mark.long
async def test_one_line_of_json_and_a_directory_to_go_on_with(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    await quick_repository(keep / "remote" / "data-platform.git")
    arguments = ("demo", "--headless", SITUATION, "--json", "--variant", "added-at-once", "--keep", str(keep))
    outcomes = []
    for run in (executed, ended):
        play = await run(*arguments, env=environment())
        assert play.code == 0, play.err
        assert play.out.count("\n") == 1
        assert play.out.endswith("}\n")
        outcomes.append(json.loads(play.out))
    first, second = outcomes
    assert first["ok"] is second["ok"] is True
    assert first["remote"] == second["remote"] == str(keep / "remote" / "data-platform.git")
    assert (first["pull_request"]["number"], second["pull_request"]["number"]) == (1, 2)
    assert first["branch"] != second["branch"]
    listed = ("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/greenlight")
    heads = await git(Path(first["remote"]), *listed)
    held = dict(line.split() for line in heads.splitlines())
    assert {held[outcome["branch"]] for outcome in outcomes} == {o["commit"] for o in outcomes}
    assert len(held) == 2
    assert [record.number for record in read_records(keep / "forge")] == [1, 2]
    assert (keep / "state").is_dir()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-situation",), SITUATION),  # the names there are
        (("../scenarios",), "no such situation"),
        ((SITUATION, "--variant", "no-such-variant"), "there is no variant no-such-variant"),
    ],
)
async def test_unknown_names_are_told_at_once(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    play = await ended(
        "demo", "--keep", str(tmp_path / "keep"), "--json", "--headless", *arguments, env=environment()
    )
    assert (play.code, play.out) == (2, "")
    assert said in " ".join(play.err.split())
    assert "Traceback" not in play.err
    assert not (tmp_path / "keep").exists()
