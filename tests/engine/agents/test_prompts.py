import re

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts import FENCES, cut, defused, fenced, render

TAGS = st.sampled_from(
    ["<", "</", "< /", "<\n/", "request", "REQUEST", "thread", ">", " >", "x", "\n", "&lt;"]
)
HOSTILE = st.one_of(st.text(), st.lists(TAGS).map("".join))


@given(HOSTILE, st.sampled_from(FENCES))
def test_a_fence_cannot_be_closed_or_opened_from_within(text: str, tag: str) -> None:
    inside = fenced(text, tag).removeprefix(f"<{tag}>\n").removesuffix(f"\n</{tag}>")
    for name in FENCES:
        assert not re.search(rf"<\s*/?\s*{name}\b", inside, re.IGNORECASE)


@given(st.text(), st.integers(min_value=3, max_value=200))
def test_a_cut_text_keeps_both_ends_and_says_so(text: str, limit: int) -> None:
    short = cut(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert text.startswith(short.partition("\n[…")[0])
        assert "left out" in short
        assert len(short) <= limit + 60


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "SELECT a < b, c > d FROM t -- <b>requests</b> <requested>"
    assert defused(text) == text


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("assess.user")


def test_an_unknown_fence_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a fence"):
        fenced("x", "nonsense")
