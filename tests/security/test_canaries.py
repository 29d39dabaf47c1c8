"""Credentials of every known form come in everywhere and go nowhere."""

import os
from pathlib import Path

import pytest

from engine.adapters.bubblewrap import BubblewrapSandbox
from engine.errors import SandboxUnavailable
from engine.leaks import kinds, redacted, redacted_words
from tests.security.canaries import play
from tests.security.canaries.forms import Canary, canaries, keyed, spoken, text
from tests.security.canaries.table import Counted, count, count_at_github

AROUND = ("{}", "x = '{}'", '{{"a": "{}"}}', "({})", "see {}, please", "12| {}")


@pytest.fixture
async def sandbox() -> None:
    try:
        await BubblewrapSandbox().probe()
    except SandboxUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no sandbox here: {reason.sentence}")


def held(found: Counted) -> None:
    assert {where: forms for where, forms in found.leaked.items() if forms} == {}
    assert found.own == []
    assert [place for place, times in found.came.items() if not times] == []
    assert found.seen == dict.fromkeys(found.seen, len(canaries("planted")))
    assert len(found.seen) == 9
    assert found.fine


@pytest.mark.usefixtures("sandbox")
async def test_what_comes_in_during_a_request_goes_nowhere(tmp_path: Path) -> None:
    found = await count(tmp_path, wrong=False)
    held(found)
    assert found.own_marks > 0


@pytest.mark.long
@pytest.mark.usefixtures("sandbox")
async def test_nor_does_what_errors_say(tmp_path: Path) -> None:
    held(await count(tmp_path / "first", wrong=True))
    held(await count_at_github(tmp_path / "second"))


@pytest.mark.parametrize("one", canaries("form"), ids=lambda one: one.form)
def test_each_form_goes_as_a_whole_whatever_stands_around_it(one: Canary) -> None:
    for around in AROUND:
        assert one.needle in around.format(one.text)
        assert one.needle not in redacted_words(around.format(one.text))
        assert f"({one.kind} withheld)" in redacted_words(around.format(one.text))


@pytest.mark.parametrize("one", keyed("form"), ids=lambda one: one.form)
def test_what_only_its_name_tells_stays_where_agents_work(one: Canary) -> None:
    """A mark in a file that is edited would end up in it; and the control: no form tells it."""
    assert redacted(one.text) == one.text or one.form in {"address"}


def test_no_two_places_hold_the_same_one_and_what_prints_them_holds_none() -> None:
    every = [one.needle for place in play.places() for one in canaries(place)]
    assert len(set(every)) == len(every)
    command = " ".join(spoken("tool output"))
    assert kinds(command) == ()
    assert [one.form for one in canaries("tool output") if one.needle in command] == []
    assert len(kinds(text("tool output"))) > 15
