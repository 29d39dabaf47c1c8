"""Nothing that others wrote brings anything about in what leaves: descriptions, comments, titles, commits."""

import re
import textwrap
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import BaseMoved
from engine.ports import CheckState, OutsideCheck, Remark
from engine.recording import answer, comment
from engine.request import Feedback, ToldRemark
from engine.runs import form, pull_request
from engine.runs.base_moved import note
from engine.runs.commits import message_of
from engine.runs.inert import inert, one_line
from engine.story import Line, Story
from tests.engine.runs.effects import ATTACKS, of_markdown, of_plain, trailers
from tests.engine.runs.states import rich, version
from tests.fake_secrets import FAKES

NAMES = {"URITA": "Rita", "UDANA": "Dana"}
MARKUP = {"image", "link", "html", "heading", "fence", "code", "emphasis", "list", "quote", "rule", "table"}
EVERY = sorted({text for texts in ATTACKS.values() for text in texts})
PIECES = st.one_of(
    st.sampled_from(EVERY), st.sampled_from([" ", "\n", "\n\n", "word", "\\", "`", ": ", "(", "|"])
)
HOSTILE = st.one_of(st.lists(PIECES, min_size=1, max_size=7).map("".join), st.text(max_size=60))


def described(text: str) -> str:
    state = rich(lambda _where: text)
    assert state.round is not None
    return pull_request.body(state, state.round.settled, NAMES | {"UDANA": text or "Dana"})


def recorded(text: str) -> str:
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    line = Line(at=at, who=text, what=text, details=(text, text))
    return comment(Story(request="r", title=text, state="done", repository="x", lines=(line,), ended=text))


def filled(text: str) -> str:
    blank = form.read_form("## What\n\nsay it\n\n## Why\n\n- [ ] I tested it\n")
    return form.filled(blank, {"What": text, "Why": text}, {})


def answered(text: str) -> str:
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    remark = Remark(id="1", author=text, may_write=True, by_bot=False, text=text, at=at, path=text, line=3)
    check = OutsideCheck(id="1", name=text, commit="c" * 40, state=CheckState.FAILED, summary=text)
    feedback = Feedback(
        number=1,
        at=at,
        remarks=(ToldRemark(remark=remark),),
        checks=(check,),
        chosen=("1",),
        answered="d" * 40,
    )
    return answer(feedback)


def moved(text: str) -> str:
    return note(text, BaseMoved(head="b" * 40, also=(text, text)))


def subject(text: str) -> str:
    spec = version(lambda _where: text, "b" * 40)
    return message_of(spec, "fix2")


MARKDOWN = {
    "description": described,
    "record": recorded,
    "form": filled,
    "answer to remarks": answered,
    "note on the base": moved,
}
PLAIN = {
    "title": lambda text: pull_request.title(version(lambda _where: text, "b" * 40)),
    "ticket's title": lambda text: pull_request.titled("feat", "ABC-1", text),
    "commit": subject,
}


# ---------------------------------------------------------------- the attacks work


@pytest.mark.parametrize(("effect", "text"), [(e, text) for e, texts in ATTACKS.items() for text in texts])
def test_each_attack_works_as_it_is(effect: str, text: str) -> None:
    assert effect in of_markdown(text)
    if effect not in MARKUP and not re.search(r"[\\&*]", text):
        assert effect in of_plain(f"subject\n\n{text}" if effect == "trailer" else text)


# ---------------------------------------------------------------- and nowhere in what leaves


@pytest.mark.parametrize("where", MARKDOWN)
def test_no_attack_works_in_markdown(where: str) -> None:
    usual = of_markdown(MARKDOWN[where]("word"))
    for text in EVERY:
        for hostile in (text, f"word {text} word", f"word\n{text}\n\nword"):
            assert of_markdown(MARKDOWN[where](hostile)) <= usual, hostile


@pytest.mark.parametrize("where", PLAIN)
def test_no_attack_works_in_plain_text(where: str) -> None:
    assert of_plain(PLAIN[where]("word")) == set()
    for text in EVERY:
        for hostile in (text, f"word {text} word", f"word\n\n{text}\n"):
            assert of_plain(PLAIN[where](hostile)) == set(), hostile


@pytest.mark.parametrize("where", MARKDOWN)
def test_no_mixture_works_in_markdown(where: str) -> None:
    usual = of_markdown(MARKDOWN[where]("word"))

    @settings(max_examples=120, deadline=None)
    @given(HOSTILE)
    def holds(text: str) -> None:
        assert of_markdown(MARKDOWN[where](text)) <= usual

    holds()


@pytest.mark.parametrize("where", PLAIN)
def test_no_mixture_works_in_plain_text(where: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(HOSTILE)
    def holds(text: str) -> None:
        assert of_plain(PLAIN[where](text)) == set()

    holds()


@settings(max_examples=40, deadline=None)
@given(HOSTILE)
def test_a_squashed_pull_request_has_no_trailers(text: str) -> None:
    assert trailers(f"{PLAIN['title'](text)}\n\n{described(text)}") == ""


@settings(max_examples=40, deadline=None)
@given(HOSTILE)
def test_nor_if_its_lines_are_broken_anew(text: str) -> None:
    lines = described(f"{'word ' * 12}{text} {'word ' * 9}{text}").splitlines()
    wrapped = "\n".join(textwrap.fill(line, 72) for line in lines)
    assert trailers(f"{PLAIN['title'](text)}\n\n{wrapped}") == ""


@pytest.mark.parametrize("where", MARKDOWN)
def test_names_within_a_line_stay_as_they_are(where: str) -> None:
    assert "production-code-reviewer: fine" in MARKDOWN[where]("judged by production-code-reviewer: fine")


@pytest.mark.parametrize("where", [*MARKDOWN, *PLAIN])
def test_no_secret_leaves_in_words(where: str) -> None:
    make = (MARKDOWN | PLAIN)[where]
    for secret in FAKES.values():
        assert secret not in make(f"it is {secret}")


@given(HOSTILE)
def test_people_read_it_as_before(text: str) -> None:
    line = one_line(text)
    assert inert(line).replace("\u200b", "") == line
    assert "\n" not in line


# ---------------------------------------------------------------- the repository's own form


@pytest.mark.parametrize(
    "text",
    [
        "## What\n\n<!-- say it -->\n\n- [ ] I tested it\n",
        "## What\n\n<details><summary>How</summary>\n\nso\n\n</details>\n",
        "# Form\n\n```\nx\n```\n\n| a |\n|---|\n| b |\n",
        "Text<br>with a break\n\n- one\n  - two\n\n> quoted\n",
    ],
)
def test_a_usual_form_is_used(text: str) -> None:
    assert form.stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "## What\n\n<!-- never ended\n",
        "## What\n\n<!-- a --> <!-- b\n",
        "## What\n\n```\nnever ended\n",
        "## What\n\n~~~~\n```\n",
        "<details>\n\n## What\n",
        "<details>\n",
        "<div hidden>\n\n## What\n",
        "<script>\n",
        "<pre>\n## What\n",
        "<![CDATA[\n",
        "<?php\n",
    ],
)
def test_a_form_that_would_hide_what_follows_is_not(text: str) -> None:
    assert not form.stands_alone(text)


@settings(max_examples=80, deadline=None)
@given(HOSTILE)
def test_words_in_a_form_never_hide_what_follows(text: str) -> None:
    assert form.stands_alone(filled(text))
