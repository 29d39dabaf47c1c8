"""The forge's page in a real browser, behind the local Slack's guard: a form of it arrives, nobody else's."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from bot.playground import forge, sample_repository
from bot.playground.slack import LocalSlack, SlackOptions
from engine.adapters.local_forge import LocalForge
from engine.ports import Draft
from tests.bot.playground.chromium import PROGRAM, Tab, chromium

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.xdist_group("browser"),
]


async def shows(tab: Tab, expression: str) -> None:
    """Wait until it is true in the page; one that is being left answers nothing."""
    async with asyncio.timeout(15):
        while True:
            with contextlib.suppress(KeyError):
                if await tab.js(f"(() => {{ try {{ return {expression} }} catch {{ return false }} }})()"):
                    return
            await asyncio.sleep(0.02)


async def test_a_person_comments_and_no_other_site_does_it_for_them(tmp_path: Path) -> None:
    remote, records = tmp_path / "remote.git", tmp_path / "forge"
    await sample_repository.create(remote)
    pages = LocalForge(records, "http://127.0.0.1/forge")
    await pages.open_draft(Draft(key="k", branch="b", base="main", commit="1" * 40, title="t", body=""))
    options = SlackOptions(paces={}, mounts={"/forge": forge.application(records, remote)})
    async with LocalSlack(options) as slack, chromium(tmp_path / "profile") as tab:
        await tab.go(slack.page_url)
        await shows(tab, "document.readyState === 'complete'")
        await tab.go(f"{slack.url}/forge/pulls/1")
        await shows(tab, "document.querySelector('form[action$=remark]')")
        await tab.js("document.querySelector('form[action$=remark] textarea').value = 'Round it'")
        await tab.js("document.querySelector('form[action$=remark] button').click()")
        await shows(tab, "document.querySelector('.said').textContent === 'Round it'")

        foreign = (
            f"<form method=post action={slack.url}/forge/pulls/1/merge><input name=login value=sam></form>"
        )
        page = tmp_path / "foreign.html"
        page.write_text(foreign)
        await tab.go(page.as_uri())
        await shows(tab, "document.querySelector('form')")
        await tab.js("document.querySelector('form').submit()")
        await shows(tab, "document.body.textContent.includes('refused')")
        assert not tab.errors or all("403" in error for error in tab.errors)
    seen = await pages.look(1, "")
    assert seen is not None
    assert [remark.text for remark in seen.remarks] == ["Round it"]
    assert seen.fate == "open"
