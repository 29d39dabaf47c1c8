"""Untrusted text is shown as it is, and is nothing but text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.text import (
    bold,
    code,
    fenced,
    fit,
    line,
    link,
    mention,
    mentions,
    mrkdwn,
    plain,
    size,
    struck,
    visible,
    web_address,
)
from engine.people import Person

FORMATS = re.compile(
    r"(?<![^\W_])([*~])(?=\S)[^\n]*?(?<=\S)\1(?![^\W_])|(?<!\w)_(?=\S)[^\n]*?(?<=\S)_(?!\w)|`|^>", re.M
)
marks = st.text(alphabet="*_~`> ab<&\n\u202e\u200b", max_size=40)


@given(st.one_of(marks, st.text()))
def test_nothing_forms_markup(text: str) -> None:
    for shown in (mrkdwn(text), line(text)):
        assert not FORMATS.search(shown), shown
        assert "<" not in shown
        assert not shown.lstrip().startswith(("&gt;", ">"))


@pytest.mark.parametrize(
    "text",
    [
        "snake_case and __init__py",
        "2 * 3 * 4",
        "a_b_c",
        "path/to_my/file_name.sql",
        "x ~ y ~ z",
        "naïve 数据 😀",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert mrkdwn(text) == text or "_" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> <@U1> <http://x|y>", "&lt;!channel&gt; &lt;@U1&gt; &lt;http://x|y&gt;"),
        ("a\u202eb\u200bc\x00", "a⟨U+202E⟩b⟨U+200B⟩c⟨U+0000⟩"),
        ("a\u3164b\ufe0ec\U000e0041", "a⟨U+3164⟩b⟨U+FE0E⟩c⟨U+E0041⟩"),
        ("a\u00a0b\tc\r\nd", "a b c\nd"),
        ("*bold* and `code`", "\u2217bold\u2217 and \u02cbcode\u02cb"),
        ("> quoted", "\u203a quoted"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert mrkdwn(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (":white_check_mark: AC1", "\u2236white_check_mark: AC1"),
        ("done :+1::skin-tone-2:", "done \u2236+1:\u2236skin-tone-2:"),
        (":100: of 100", "\u2236100: of 100"),
        ("at 10:30:45, a.sql:12: x, http://a:80/", "at 10:30:45, a.sql:12: x, http://a:80/"),
        ("✅ AC1 passed", "“✅” AC1 passed"),
        ("  - 👁️ ✔ judged\n❌ no", "  - “👁️ ✔” judged\n“❌” no"),
        ("It prints ✅ at the end", "It prints ✅ at the end"),
    ],
)
def test_others_words_give_none_of_the_cards_marks(text: str, shown: str) -> None:
    assert mrkdwn(text) == shown
    assert bold("✅ yes") == "*“✅” yes*"


@given(st.text(), st.integers(min_value=2, max_value=60), st.sampled_from([mrkdwn, line, plain]))
def test_cutting_keeps_the_limit_and_never_splits_an_entity(text: str, limit: int, render: object) -> None:
    fitted = fit(text, max(limit, 8), render)  # type: ignore[arg-type]
    assert size(fitted.text) <= max(limit, 8)
    assert fitted.text.strip()
    assert not re.search(r"&(?!amp;|lt;|gt;)", fitted.text) or render is plain
    assert fitted.cut or "…" not in fitted.text or "…" in visible(text)


@given(st.text(), st.sampled_from([bold, struck, code]))
def test_marked_text_has_its_marks_at_the_ends_alone(text: str, render: object) -> None:
    shown = render(text)  # type: ignore[operator]
    assert shown[0] == shown[-1]
    assert shown[0] not in shown[1:-1]
    assert "\n" not in shown
    assert len(shown) > 2


@given(st.text())
def test_a_code_block_ends_where_it_should(text: str) -> None:
    assert fenced(text).count("`") == 6


def test_people_are_mentioned_by_id_alone() -> None:
    good = Person(team="T1", user="U012ABC")
    assert mention(good) == "<@U012ABC>"
    assert mention(Person(team="T1", user="U1> <!channel")) == "`U1&gt; &lt;!channel`"
    assert mentions([good, good, good]) == "<@U012ABC>, <@U012ABC> and <@U012ABC>"
    assert mentions([]) == ""


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http://user:pass@host/",
        "http://a|b",
        "http://a>b",
        "https://a b",
        "https://a/\u202e",
        "http://[::1",
        "https://a/" + "x" * 3000,
        "",
    ],
)
def test_only_plain_web_addresses_become_links(url: str) -> None:
    assert web_address(url) is None
    assert "<" not in link(url, "label")


def test_a_link_is_what_code_says_and_its_label_cannot_end_it() -> None:
    shown = link("https://forge.example/a?b=1&c=|>", "x|y> <!here>")
    assert shown == "<https://forge.example/a?b=1&amp;c=%7C%3E|x¦y&gt; &lt;!here&gt;>"
