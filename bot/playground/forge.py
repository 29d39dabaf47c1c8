"""The local forge's pages: the list of pull requests, one page for each, and what people can do there.

Everything on them was written by models or people and is shown as text: escaped, with invisible
characters made visible, without scripts, images or anything loaded from elsewhere. What is posted has to
come from a page of this very address.
"""

import asyncio
import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

from bot.playground.forge_diff import read_change
from bot.playground.forge_people import LocalPeople
from engine.adapters.local_forge import Record, read_record, read_records
from engine.errors import GreenlightError, NeedsPerson
from engine.ports import CheckState, Fate

_TEMPLATES = Path(__file__).with_name("forge_pages")
_LINK = re.compile(r"(https?|mailto):", re.IGNORECASE)
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


def application(directory: Path, repository: Path) -> web.Application:
    """The pages as an application, to be run alone or mounted under a prefix; its links are relative.

    Args:
        directory: The local forge's records.
        repository: The bare repository they are about.
    """
    pages = _Pages(directory, repository)
    app = web.Application(middlewares=[pages.plainly])
    app.add_routes(
        [
            web.get("", _with_slash),
            web.get("/", pages.all),
            web.get(r"/pulls/{number:\d{1,9}}", pages.one),
            web.post(r"/pulls/{number:\d{1,9}}/{deed:[a-z]{1,20}}", pages.deed),
            web.get("/{rest:.*}", pages.nothing),
        ]
    )
    return app


def visible(text: str) -> str:
    """The text with every invisible or direction-changing character written as its number."""
    return "".join(
        f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in _HIDDEN and sign not in "\t\n" else sign
        for sign in text
    )


def markdown(source: str) -> Markup:
    """Markdown as HTML that is safe to show: no HTML of the author's, no images, web and mail links only."""
    return Markup(_parser().render(visible(source.replace("\r\n", "\n"))))  # noqa: S704 (the parser escapes)


def _standing(record: Record) -> str:
    if record.fate is not Fate.OPEN:
        return record.fate.value.capitalize()
    return "Draft" if record.draft else "Ready for review"


async def _with_slash(request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(request.path + "/")


class _Pages:
    def __init__(self, directory: Path, repository: Path) -> None:
        self._directory = directory
        self._repository = repository
        self._people = LocalPeople(directory, repository)
        self._style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["visible"] = visible
        self._templates.filters["standing"] = _standing

    @web.middleware
    async def plainly(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say what cannot be shown as a page."""
        try:
            return await handler(request)
        except GreenlightError as error:
            return self._message("This cannot be shown", error.sentence, "./", status=500)

    async def all(self, _: web.Request) -> web.Response:
        """The list, newest first."""
        records = await asyncio.to_thread(read_records, self._directory)
        return self._page("list.html", records=records[::-1])

    async def one(self, request: web.Request) -> web.Response:
        """One pull request."""
        number = int(request.match_info["number"])
        record = await asyncio.to_thread(read_record, self._directory, number)
        if record is None:
            return self._message("No such pull request", f"There is no pull request #{number} here.", "../")
        base = record.merged_into or record.content.base
        change = await read_change(self._repository, base, record.content.commit)
        body = markdown(record.content.body)
        comments = [markdown(comment.body) for comment in record.comments]
        return self._page("pull_request.html", record=record, body=body, comments=comments, change=change)

    async def deed(self, request: web.Request) -> web.Response:
        """Something that a person does with a pull request; then its page again."""
        if request.headers.get("Origin") != f"http://{request.host}":
            return self._message("Refused", "Only the pages of this address may post here.", "../", 403)
        number, deed = int(request.match_info["number"]), request.match_info["deed"]
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            done = await self._do(number, deed, form)
        except NeedsPerson as problem:
            return self._message("That did not work", problem.sentence, "../../", 409)
        if not done:
            return self._message("No such page", "The local forge has no page at this address.", "../../")
        raise web.HTTPSeeOther(f"../{number}")

    async def _do(self, number: int, deed: str, form: Mapping[str, str]) -> bool:
        who, text = form.get("login", ""), form.get("text", "")
        match deed:
            case "remark":
                line = form.get("line", "").strip()
                await self._people.remark(
                    number,
                    who,
                    text,
                    path=form.get("path", ""),
                    line=int(line) if line.isdecimal() and len(line) < 7 else None,
                    may_write="may_write" in form,
                )
            case "check":
                state = CheckState.FAILED if "failed" in form else CheckState.PASSED
                await self._people.report(number, form.get("name", ""), state, text)
            case "ready":
                await self._people.mark_ready(number)
            case "merge":
                await self._people.merge(number, who)
            case "close":
                await self._people.close(number, who, text)
            case "reopen":
                await self._people.reopen(number)
            case _:
                return False
        return True

    async def nothing(self, request: web.Request) -> web.Response:
        """Any other address."""
        home = "../" * request.match_info["rest"].count("/") or "./"
        return self._message("No such page", "The local forge has no page at this address.", home)

    def _message(self, heading: str, sentence: str, home: str, status: int = 404) -> web.Response:
        return self._page("message.html", status=status, heading=heading, sentence=sentence, home=home)

    def _page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        # The style is this package's own file, the only text that goes in unescaped.
        style = Markup(self._style)  # noqa: S704
        html = self._templates.get_template(template).render(style=style, **values)
        headers = {
            "Content-Security-Policy": self._policy,
            "X-Content-Type-Options": "nosniff",
            # With "no-referrer" a browser would not say where a form of ours was sent from.
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        return web.Response(
            text=html, content_type="text/html", charset="utf-8", status=status, headers=headers
        )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    parser.validateLink = lambda url: bool(_LINK.match(url.strip()))  # type: ignore[method-assign]
    parser.core.ruler.push("boxes", _boxes)
    return parser


def _boxes(state: StateCore) -> None:
    """Show the boxes of a task list."""
    for before, token in zip(state.tokens[1:], state.tokens[2:], strict=False):
        if token.type == "inline" and before.type == "paragraph_open" and before.level and token.children:
            first = token.children[0]
            box = _BOXES.get(first.content[:4])
            if box:
                first.content = box + first.content[4:]
