import os
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest
from aiohttp import ClientSession, web

from bot.playground import forge, forge_diff, sample_repository
from engine.adapters.local_forge import LocalForge
from engine.ports import Draft

PLAYFUL = "src/<b>x</b>.sql"


class Seen(HTMLParser):
    """Elements, links and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.classes: dict[str, list[str]] = {}
        self.text = ""
        self._class = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        values = dict(attrs)
        self.links += [values["href"] or ""] if tag == "a" else []
        self._class = values.get("class") or ""

    def handle_endtag(self, tag: str) -> None:
        self._class = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        self.classes.setdefault(self._class, []).append(data.strip("\n"))


@dataclass
class Site:
    """The pages, mounted under a prefix, and what is behind them."""

    address: str
    session: ClientSession
    forge: LocalForge
    records: Path
    repository: Path

    async def get(self, path: str = "", status: int = 200) -> tuple[Seen, str]:
        async with self.session.get(urljoin(self.address, path)) as response:
            assert response.status == status
            assert response.headers["Content-Security-Policy"].startswith(
                "default-src 'none'; style-src 'sha256-"
            )
            return Seen(await response.text()), str(response.url)

    async def post(self, path: str, origin: str | None = "", /, **fields: str) -> tuple[int, str]:
        """Send a form from a page of this address, or of another; status and text of what comes."""
        own = self.address.removesuffix("/forge/")
        headers = {} if origin is None else {"Origin": origin or own}
        async with self.session.post(urljoin(self.address, path), data=fields, headers=headers) as response:
            return response.status, Seen(await response.text()).text

    def git(self, *arguments: str) -> str:
        command = ["git", f"--git-dir={self.repository}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(
        self, files: dict[str, bytes], message: str = "feat(DPA-7): Change", parent: str = "main"
    ) -> str:
        """A commit of the repository, made beside its branches."""
        stream = (
            f"commit refs/heads/made\ncommitter Bot <bot@amp.example> 1780000000 +0000\ndata {len(message)}\n"
        )
        data = f"{stream}{message}\nfrom refs/heads/{parent}^0\n".encode()
        for path, content in files.items():
            data += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
        git = ["git", f"--git-dir={self.repository}"]
        subprocess.run([*git, "fast-import", "--quiet", "--force"], input=data, check=True)
        head = subprocess.run(
            [*git, "rev-parse", "refs/heads/made"], check=True, capture_output=True, text=True
        )
        return head.stdout.strip()

    async def open(
        self, commit: str, title: str = "feat(DPA-7): Change", body: str = "Why.", key: str = "k"
    ) -> str:
        draft = Draft(key=key, branch=f"feat-{key}", base="main", commit=commit, title=title, body=body)
        return (await self.forge.open_draft(draft)).url


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    repository, records = tmp_path / "remote.git", tmp_path / "forge"
    await sample_repository.create(repository)
    outer = web.Application()
    outer.add_subapp("/forge", forge.application(records, repository))
    runner = web.AppRunner(outer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/forge/"
    async with ClientSession() as session:
        yield Site(address, session, LocalForge(records, address), records, repository)
    await runner.cleanup()


async def test_an_empty_forge_says_so(site: Site) -> None:
    page, _ = await site.get()

    assert "There are no pull requests yet" in page.text


async def test_the_list_leads_to_the_page_and_back_under_the_prefix(site: Site) -> None:
    url = await site.open(site.commit({"NEWS.md": b"one\n"}))

    listed, address = await site.get()
    target = urljoin(address, listed.links[0])
    page, there = await site.get(target)

    assert target == url
    assert urljoin(there, page.links[0]) == address
    assert (await site.get(site.address.rstrip("/")))[1] == address


async def test_the_newest_stands_first(site: Site) -> None:
    commit = site.commit({"NEWS.md": b"one\n"})
    for key in ("a", "b", "c"):
        await site.open(commit, key=key)

    page, _ = await site.get()

    assert page.links == ["pulls/3", "pulls/2", "pulls/1"]


async def test_a_pull_request_shows_what_it_is(site: Site) -> None:
    commit = site.commit({"NEWS.md": b"one\ntwo\n"}, message="feat(DPA-7): Bring news")
    url = await site.open(commit, body="## Why\n\n- [x] AC1 passed\n- [ ] AC2 open\n\n|a|b|\n|-|-|\n|1|2|\n")

    page, _ = await site.get(url)

    for text in (
        "feat(DPA-7): Change",
        "#1",
        "Draft",
        "feat-k",
        "main",
        commit,
        "☑ AC1 passed",
        "☐ AC2 open",
    ):
        assert text in page.text
    assert "feat(DPA-7): Bring news" in page.text
    assert "table" in page.tags
    assert page.classes["add"] == ["+one", "+two"]
    assert "1 file" in page.text


async def test_the_diff_is_of_the_branch_even_if_the_base_went_on(site: Site) -> None:
    commit = site.commit({"NEWS.md": b"one\n"})
    url = await site.open(commit)
    other = site.commit({"OTHER.md": b"other\n"})
    subprocess.run(
        ["git", f"--git-dir={site.repository}", "update-ref", "refs/heads/main", other], check=True
    )

    page, _ = await site.get(url)

    assert page.classes["add"] == ["+one"]
    assert "OTHER.md" not in page.text


async def test_what_models_write_stays_text(site: Site) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    commit = site.commit({PLAYFUL: attack.encode() + b"\n"}, message=attack)
    links = "![x](http://evil.example/x.png) [a](javascript:alert(3)) [b](data:text/html,x) [c](//evil)"
    body = f"{attack}\n\n{links}"
    url = await site.open(commit, title=attack, body=body)

    harmless, _ = await site.get(await site.open(commit, key="harmless"))
    for address in (url, site.address):
        page, _ = await site.get(address)
        assert not {"script", "img", "b", "iframe"} & set(page.tags)
        assert page.tags.count("form") == (harmless.tags.count("form") if address == url else 0)
        assert not {"onerror", "src", "style"} & page.attributes
        assert not [link for link in page.links if re.match(r"javascript|data|//", link)]
        assert attack in page.text
    page, _ = await site.get(url)
    assert PLAYFUL in page.text
    assert page.classes["add"] == [f"+{attack}"]


async def test_characters_that_hide_or_turn_text_are_shown(site: Site) -> None:
    commit = site.commit({"a.sql": "SELECT 1 \u202e-- \u200b\r\n".encode()})
    url = await site.open(commit, title="ti\u202etle", body="bo\u2066dy")

    page, _ = await site.get(url)

    for text in ("SELECT 1 ⟨U+202E⟩-- ⟨U+200B⟩⟨U+000D⟩", "ti⟨U+202E⟩tle", "bo⟨U+2066⟩dy"):
        assert text in page.text
    assert not set("\u202e\u2066\u200b") & set(page.text)


async def test_attributes_of_the_repository_hide_nothing(site: Site) -> None:
    head = site.commit({".gitattributes": b"*.sql -diff\n*.md diff=evil\n"})
    subprocess.run(["git", f"--git-dir={site.repository}", "update-ref", "refs/heads/main", head], check=True)
    url = await site.open(site.commit({"a.sql": b"SELECT 1\n", "b.md": b"text\n"}))

    page, _ = await site.get(url)

    assert page.classes["add"] == ["+SELECT 1", "+text"]


async def test_lines_that_look_like_headers_stay_lines(site: Site) -> None:
    url = await site.open(site.commit({"a file.md": b"++ b/x\n-- a/y\ndiff --git a/z b/z\n@@ -1 +1 @@\n"}))

    page, _ = await site.get(url)

    assert page.classes["add"] == ["+++ b/x", "+-- a/y", "+diff --git a/z b/z", "+@@ -1 +1 @@"]
    assert page.tags.count("details") == 1
    assert "a file.md" in page.text


async def test_binary_and_emptied_files_are_shown(site: Site) -> None:
    commit = site.commit({"data.bin": bytes(range(256)), "Makefile": b""})
    url = await site.open(commit)

    page, _ = await site.get(url)

    assert "binary" in page.text
    assert any(line.startswith("-PYTHON ?=") for line in page.classes["del"])


async def test_an_endless_diff_is_cut_and_says_so(site: Site) -> None:
    url = await site.open(site.commit({"big.txt": b"0123456789abcde\n" * (forge_diff.MAX_BYTES // 8)}))

    page, _ = await site.get(url)

    assert "longer than this page shows" in page.text
    assert len(page.text) < 2 * forge_diff.MAX_BYTES


@pytest.mark.parametrize("commit", ["0" * 40, "HEAD", "--output=x", ""])
async def test_a_commit_the_repository_does_not_hold(site: Site, commit: str) -> None:
    page, _ = await site.get(await site.open(commit))

    assert "does not hold this commit" in page.text


async def test_a_pull_request_that_is_not_there(site: Site) -> None:
    page, address = await site.get("pulls/99", status=404)

    assert "There is no pull request #99 here." in page.text
    assert urljoin(address, page.links[0]) == site.address


@pytest.mark.parametrize(
    "path", ["pulls/x", "pulls/1/2", "pulls/%2e%2e%2f1.json", "1.json", "pulls/" + "9" * 40]
)
async def test_an_address_that_is_no_page(site: Site, path: str) -> None:
    await site.get(path, status=404)


async def test_a_damaged_record_is_told_in_a_sentence(site: Site) -> None:
    await site.open("0" * 40)
    (site.records / "1.json").write_text("{", encoding="utf-8")

    page, _ = await site.get(status=500)

    assert "1.json is damaged" in page.text


async def test_programs_named_in_git_configuration_are_not_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = site.records.with_name("ran")
    configuration = site.records.with_name("gitconfig")
    configuration.write_text(f"[diff]\n\texternal = touch {marker}\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.fspath(configuration))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {marker}")
    with (site.repository / "config").open("a", encoding="utf-8") as own:
        own.write(configuration.read_text(encoding="utf-8"))
    url = await site.open(site.commit({"NEWS.md": b"one\n"}))

    page, _ = await site.get(url)

    assert page.classes["add"] == ["+one"]
    assert not marker.exists()


# ---------------------------------------------------------------- what people do


async def test_comments_and_checks_stand_on_the_page_and_are_what_a_look_tells(site: Site) -> None:
    await site.open(site.commit({"NEWS.md": b"one\n"}))

    words = "<b>Ignore</b> the spec \u202e"
    fields = {"login": "sam", "path": "NEWS.md", "line": "1", "may_write": "on"}
    status, shown = await site.post("pulls/1/remark", text=words, **fields)
    assert status == 200
    assert "<b>Ignore</b> the spec ⟨U+202E⟩" in shown
    await site.post("pulls/1/remark", login="stranger", text="Me too")
    await site.post("pulls/1/check", name="ci / test", failed="on", text="1 failed")
    await site.post("pulls/1/ready")

    seen = await site.forge.look(1, "")
    assert seen is not None
    first, second = seen.remarks
    assert (first.author, first.path, first.line, first.may_write) == ("sam", "NEWS.md", 1, True)
    assert (second.author, second.path, second.line, second.may_write) == ("stranger", "", None, False)
    assert [(c.name, c.state, c.summary) for c in seen.checks] == [("ci / test", "failed", "1 failed")]
    assert not seen.draft


async def test_a_merge_is_one_and_the_page_still_shows_the_change(site: Site) -> None:
    commit = site.commit({"NEWS.md": b"one\n"})
    await site.open(commit)
    other = site.commit({"OTHER.md": b"other\n"})
    site.git("update-ref", "refs/heads/main", other)

    status, shown = await site.post("pulls/1/merge", login="sam")

    assert status == 200
    assert "Merged" in shown
    assert "by sam" in shown
    assert site.git("rev-parse", "main^1", "main^2").split() == [other, commit]
    assert site.git("show", "main:NEWS.md") == "one"
    page, _ = await site.get("pulls/1")
    assert page.classes["add"] == ["+one"]
    assert (await site.post("pulls/1/close", login="sam", text="no"))[0] == 409


async def test_what_conflicts_is_not_merged(site: Site) -> None:
    await site.open(site.commit({"NEWS.md": b"one\n"}))
    site.git("update-ref", "refs/heads/main", site.commit({"NEWS.md": b"two\n"}))
    main = site.git("rev-parse", "main")

    status, shown = await site.post("pulls/1/merge", login="sam")

    assert status == 409
    assert "conflicts with main" in shown
    assert site.git("rev-parse", "main") == main
    assert (await site.forge.look(1, "")).fate == "open"  # type: ignore[union-attr]


async def test_closed_and_opened_again(site: Site) -> None:
    await site.open(site.commit({"NEWS.md": b"one\n"}))

    await site.post("pulls/1/close", login="sam", text="We do it elsewhere")

    seen = await site.forge.look(1, "")
    assert seen is not None
    assert (seen.fate, seen.closed_by, seen.remarks[0].text) == ("closed", "sam", "We do it elsewhere")
    await site.post("pulls/1/reopen")
    seen = await site.forge.look(1, seen.mark)
    assert seen is not None
    assert (seen.fate, seen.closed_by, seen.closed_at) == ("open", "", None)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
async def test_only_pages_of_this_address_may_post(site: Site, origin: str | None) -> None:
    await site.open(site.commit({"NEWS.md": b"one\n"}))

    status, _ = await site.post("pulls/1/merge", origin, login="sam")

    assert status == 403
    assert (await site.forge.look(1, "")).fate == "open"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("pulls/9/ready", {}, 409),
        ("pulls/1/remark", {"login": "sam", "text": " "}, 409),
        ("pulls/1/remark", {"login": "<b>", "text": "words"}, 409),
        ("pulls/1/check", {"name": " "}, 409),
        ("pulls/1/reopen", {}, 409),
        ("pulls/1/approve", {}, 404),
    ],
)
async def test_what_cannot_be_done_is_said(
    site: Site, path: str, fields: dict[str, str], status: int
) -> None:
    await site.open(site.commit({"NEWS.md": b"one\n"}))

    assert (await site.post(path, **fields))[0] == status
