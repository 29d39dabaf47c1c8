"""What a text brings about where it is shown: an independent reading of it, as forges and their bots read.

`of_markdown` parses and looks at what is rendered and at the raw lines; `of_plain` looks at titles and commit
messages. Each attack of ATTACKS is shown to work by them in tests before it is shown not to.
"""

import re
import subprocess

from markdown_it import MarkdownIt
from markdown_it.token import Token

_RENDERED = {
    "mention": r"(?<![\w`])@[a-z\d][a-z\d-]*",
    "reference": r"(?<![\w&])(?:[\w.-]+/[\w.-]+)?#\d|\bgh-\d|(?<!\w)!\d",
    "address": r"https?://|\bwww\.[a-z]",
    "mail": r"[\w.+-]+@[\w-]+\.[a-z]{2}",
}
_CLOSES = (
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+"
    r"(?:(?:[\w.-]+/[\w.-]+)?#\d|gh-\d|https?://|[A-Z][A-Z\d]+-\d)"
)
_RAW = {
    "command": r"(?:^|[\s>*])/[a-z]+(?:\s|$)",
    "bot": r"@?\b(?:bors|homu|dependabot|mergify|jenkins|gemini)\b,?\s+\w+|\br[+=?](?:\w|\s|$)|\brecheck\b|"
    r"\bok to test\b|\b(?:re)?test this please\b",
    "trailer": r"^[\W\d]*[a-z]+(?:-[a-z]+)+\s?:\s|\bbreaking[ -]change:",
    "skips": r"\[(?:(?:skip|no)[ -](?:ci|actions)|(?:ci|actions)[ -]skip)\]|\*\*\*no_ci\*\*\*",
}
_HIDDEN = re.compile("[\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e01ef]")

ATTACKS = {
    "mention": ["@dana", "see @org/team", "(@dana)", "\\@dana", "&#64;dana", "**@dana**"],
    "reference": ["#1", "o/r#3", "GH-12", "gh-1", "!7", "(#12)", "\\#12"],
    "close": [
        "closes #1",
        "Fixes: GH-12",
        "resolves https://forge.example/o/r/issues/1",
        "fixed o/r#3",
        "Fixes ABC-12",
    ],
    "address": ["https://forge.example/x", "http://e.example", "www.e.example"],
    "mail": ["a@b.example"],
    "image": ["![x](http://e.example/i.png)", "![x][y]\n\n[y]: http://e.example/i.png"],
    "link": ["[x](http://e.example)", "<https://e.example>", "[x]\n\n[x]: http://e.example"],
    "html": ["<img src=x>", "<!-- hidden -->", "<details>", "a <b>c</b>", "<script>", "<!--"],
    "heading": ["\n\n# Approved\n\n", "\n\nApproved\n===\n"],
    "fence": ["\n\n```\nx\n```\n", "\n\n    x\n"],
    "code": ["`x`"],
    "emphasis": ["**x**", "__x__", "*x*", "~~x~~"],
    "list": ["\n\n- [x] done\n", "\n\n1. one\n"],
    "quote": ["\n\n> [!NOTE]\n> x\n"],
    "rule": ["\n\n---\n"],
    "table": ["\n\n| a |\n|---|\n| b |\n"],
    "command": ["/merge", "x\n/close", "please /approve now", "/gemini review"],
    "bot": [
        "bors r+",
        "@dependabot merge",
        "r=dana",
        "recheck",
        "ok to test",
        "retest this please",
        "jenkins, test it",
    ],
    "trailer": [
        "Co-authored-by: A <a@b.example>",
        "x\n\nSigned-off-by: A",
        "BREAKING CHANGE: x",
        "Change-Id: I1",
        "- Acked-by: A",
        "> Acked-by: A",
        "1. Acked-by: A",
        "BREAKING-CHANGE: x",
    ],
    "skips": ["[skip ci]", "[ci skip]", "***NO_CI***"],
    "hidden": ["a\u202eb", "a\U000e0041b", "a\u2060b"],
}
"""By what they bring about."""


def of_markdown(text: str) -> set[str]:
    """What a description or a comment brings about."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return _of_tokens(tokens) | _of_words(_shown(tokens), _RENDERED | {"close": _CLOSES}) | _raw(text)


def of_plain(text: str) -> set[str]:
    """What a title or a commit message brings about."""
    found = _of_words([text], _RENDERED | {"close": _CLOSES}) | _raw(text)
    return found | ({"trailer"} if trailers(text) else set())


def trailers(message: str) -> str:
    """The trailers that git itself finds in a message, a line each."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=message.encode("utf-8", "replace"),
        capture_output=True,
        check=True,
    )
    return "\n".join(re.findall(r"^[A-Za-z].*", done.stdout.decode(), re.MULTILINE))


def _of_tokens(tokens: list[Token]) -> set[str]:
    kinds = {
        "html_block": "html",
        "html_inline": "html",
        "image": "image",
        "link_open": "link",
        "heading_open": "heading",
        "fence": "fence",
        "code_block": "fence",
        "code_inline": "code",
        "em_open": "emphasis",
        "strong_open": "emphasis",
        "s_open": "emphasis",
        "bullet_list_open": "list",
        "ordered_list_open": "list",
        "blockquote_open": "quote",
        "hr": "rule",
        "table_open": "table",
    }
    every = [child for token in tokens for child in (token, *(token.children or ()))]
    return {kinds[token.type] for token in every if token.type in kinds}


def _shown(tokens: list[Token]) -> list[str]:
    """The words of each paragraph as they are shown, without code."""
    return [
        "".join(child.content if child.type != "code_inline" else " " for child in token.children or ())
        for token in tokens
        if token.type == "inline"
    ]


def _of_words(texts: list[str], patterns: dict[str, str]) -> set[str]:
    return {
        name
        for name, pattern in patterns.items()
        for text in texts
        if re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    }


def _raw(text: str) -> set[str]:
    hidden = {"hidden"} if _HIDDEN.search(text) else set()
    return _of_words([text], _RAW) | hidden
