import re

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engine.events import Guarded, Held, Leak, Workflow
from engine.request import Approval, LetThrough, Push
from engine.runs import pull_request
from tests.engine.runs.states import rich

NAMES = {"URITA": "Rita", "UDANA": "Dana"}
PIECES = st.sampled_from(
    [
        "@dana",
        "@org/team",
        "closes #1",
        "Fixes: GH-12",
        "resolves https://github.com/o/r/issues/1",
        "o/r#3",
        "![x](http://e.vil/i.png)",
        "[x](javascript:1)",
        "<img src=x>",
        "<!-- ",
        "<https://e.vil>",
        "www.e.vil",
        "a@b.example",
        "```\n",
        "`",
        "``` ",
        "\n\n# Heading\n\n",
        "\n| a | b |\n|---|---|\n",
        "|",
        "---\n",
        "- [ ] task",
        "1. one",
        "> quote",
        "**",
        "__",
        "~~",
        "$x$",
        "\\",
        "&#64;dana",
        "&lt;",
        "\u202e",
        "\x00",
        "\n[x]: http://e.vil\n",
        "[x]",
        "snake_case_name",
        " ",
        "word",
    ]
)
HOSTILE = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=60))
FORBIDDEN = re.compile(r"@\w|#\d|\bgh-\d|://|\bwww\.", re.IGNORECASE)


def parsed(body: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)


def shape(tokens: list[Token]) -> list[tuple[str, str]]:
    return [(token.type, token.tag) for token in tokens]


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def body_with(text: str) -> str:
    state = rich(lambda _where: text)
    assert state.round is not None
    return pull_request.body(state, state.round.settled, NAMES)


PLAIN = parsed(body_with("word"))


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_nothing_that_people_or_models_wrote_is_markup(text: str) -> None:
    tokens = parsed(body_with(f"w{text}w"))
    assert shape(tokens) == shape(PLAIN)
    kinds = {token.type for token in inline(tokens)}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "text_special", "softbreak"}
    for token in tokens:
        prose = "".join(child.content for child in token.children or () if child.type != "code_inline")
        assert not FORBIDDEN.search(prose), prose


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_text_at_the_beginning_of_a_line_opens_nothing(text: str) -> None:
    tokens = parsed(f"- {pull_request.escaped(text) or 'empty'}\n")
    assert shape(tokens) == shape(parsed("- word\n"))


@given(HOSTILE)
def test_a_title_is_one_line_that_mentions_nobody(text: str) -> None:
    state = rich(lambda _where: text)
    assert state.spec is not None
    title = pull_request.title(state.spec)
    assert len(title) <= pull_request.LONGEST_TITLE
    assert "\n" not in title
    assert not FORBIDDEN.search(title)


def test_the_body_says_what_counts() -> None:
    state = rich(lambda where: where)
    assert state.round is not None
    body = pull_request.body(state, state.round.settled, NAMES)
    assert "was approved by:\n\n- Dana, 2026-11-24 09:00 UTC" in body
    assert "| AC4 | criterion | **not checked** | evidence |" in body
    assert "(AC4): Dana decided so." in body
    assert "**unverified**: claim (why)" in body
    assert "`make test`, ended by timeout" in body
    assert "- Minor: minor finding" in body
    assert "wish title" in body


def test_a_body_that_is_too_long_is_cut_at_a_line() -> None:
    body = body_with("long " * 2_000)
    assert len(body) < pull_request.LONGEST_BODY + 100
    assert body.endswith("too long for a description.)\n")


def test_the_body_says_who_let_it_leave() -> None:
    state = rich(lambda where: where)
    assert state.round is not None
    by, at = state.specs[-1].approvals[0].by, state.specs[-1].approvals[0].at
    leak = Leak(path="src/a.py", line=3, kind="npm token")
    held = Held(
        commit=state.round.commit,
        branch="b",
        guarded=(Guarded(path="sub/CLAUDE.md", what="what agents are told"),),
        workflows=(Workflow(path="Jenkinsfile", why=("it may be run",)),),
        diff="",
    )
    push = Push(number=1, held=held, approvals=(Approval(by=by, at=at),))
    words = LetThrough(commit=state.round.commit, leak=leak, by=by, at=at)
    state = state.model_copy(update={"pushes": (push,), "let_through": (words,)})
    body = pull_request.body(state, state.round.settled, NAMES) if state.round else ""
    assert "approved by itself, by:\n\n- Dana, 2026-11-24 09:00 UTC" in body
    assert "- It changes `sub/CLAUDE.md`: what agents are told\n" in body
    assert "- It may run `Jenkinsfile`: it may be run\n" in body
    assert "(npm token) at `src/a.py:3`: Dana said that it is none." in body
    elsewhere = push.model_copy(update={"held": held.model_copy(update={"commit": "d" * 40})})
    other = state.model_copy(update={"pushes": (elsewhere,), "let_through": ()})
    assert "approved by itself" not in pull_request.body(
        other, other.round.settled if other.round else (), NAMES
    )
