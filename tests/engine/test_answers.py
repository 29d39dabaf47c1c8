import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answers import LONGEST_ANSWER, understand, words
from engine.people import Person
from engine.request import Given
from tests.engine.specs import question

QUESTIONS = (
    question("All conversations", "Specific types"),
    question("conversation_end", "conversation.closed event", header="Definition"),
    question("Per conversation", "By day", "Both", header="Granularity"),
    question("Billing dashboard", "CS reports", "None yet", multi=True, header="Consumers"),
    question(
        "No null times", "Day and tenant", "Week and tenant", multi=True, header="Quality", recommended=1
    ),
)


def test_a_list_of_every_form_fills_the_card() -> None:
    text = "<@U123> 1. All conversations\n2) event\n(3) both\n4- A, C\n5: you decide"
    assert understand(text, QUESTIONS) == {
        0: (("All conversations",), ""),
        1: (("conversation.closed event",), ""),
        2: (("Both",), ""),
        3: (("Billing dashboard", "None yet"), ""),
        4: ((), ""),
    }


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("1. ALL", {0: (("All conversations",), "")}),
        ("1. b", {0: (("Specific types",), "")}),
        ("1. option 2", {0: (("Specific types",), "")}),
        ("1. B) Specific types", {0: (("Specific types",), "")}),
        ("1. *Scope*: all", {0: (("All conversations",), "")}),
        ("*1.* _all_", {0: (("All conversations",), "")}),
        ("1. not all conversations", {0: ((), "not all conversations")}),
        ("1. conversation", {0: (("All conversations",), "")}),
        ("2. conversation", {1: ((), "conversation")}),
        (
            "1. All conversations except tests",
            {0: (("All conversations",), "All conversations except tests")},
        ),
        ("1. A, B", {0: ((), "A, B")}),
        (
            "1. the open ones\n   since May\n\n3. by day",
            {0: ((), "the open ones\nsince May"), 2: (("By day",), "")},
        ),
        ("2. mine\n   1. nested", {1: ((), "mine\n1. nested")}),
        ("4. 1 and 3", {3: (("Billing dashboard", "None yet"), "")}),
        ("4. all of them", {3: (("Billing dashboard", "CS reports", "None yet"), "")}),
        ("4. CS reports plus the mobile app", {3: (("CS reports",), "CS reports plus the mobile app")}),
        ("4.\n- A\n- b", {3: (("Billing dashboard", "CS reports"), "")}),
        ("5. day and tenant, week and tenant", {4: (("Day and tenant", "Week and tenant"), "")}),
        ("5. recommended", {4: (("Day and tenant",), "")}),
        ("5. Your call!", {4: ((), "")}),
        (
            "1. all 2. closed 3. both",
            {0: (("All conversations",), ""), 1: (("conversation.closed event",), ""), 2: (("Both",), "")},
        ),
        ("1 all 2 closed", {0: (("All conversations",), ""), 1: (("conversation.closed event",), "")}),
        ("1. all\n1. closed", {0: (("All conversations",), ""), 1: (("conversation.closed event",), "")}),
        ("Here you go:\n1. all", {0: (("All conversations",), "")}),
        ("1 hour 2 minutes", {}),
        ("1-2 weeks", {}),
        ("1.5 hours", {}),
        ("10:30 works", {}),
        ("7. everything", {}),
        ("0. everything", {}),
        ("1.\n2. ...", {}),
        ("just words", {}),
        ("", {}),
    ],
)
def test_what_is_understood(text: str, understood: dict[int, object]) -> None:
    assert understand(text, QUESTIONS) == understood


LISTS = st.lists(
    st.sampled_from([*"1239A,\n ", ". ", ") ", ": ", " - ", "and", "all", "both", "<@U1>", "   "])
    | st.text(max_size=5),
    max_size=40,
).map("".join)


@given(st.text() | LISTS, st.integers(0, 5))
def test_anything_typed_is_understood_or_left_alone(text: str, asked: int) -> None:
    questions = QUESTIONS[:asked]
    for index, (labels, own) in understand(text, questions).items():
        options = [option.label for option in questions[index].options]
        assert list(labels) == [label for label in options if label in labels]
        assert questions[index].multi or len(labels) <= 1
        assert len(own) <= LONGEST_ANSWER
        assert labels or own or "decide" in text.casefold() or "call" in text.casefold()


@given(st.data())
def test_letters_numbers_and_labels_mean_the_same(data: st.DataObject) -> None:
    form = data.draw(
        st.sampled_from(["{n}. {x}", "{n}) {x}", "{n}: {x}", "{n} - {x}", "{n}- {x}", "({n}) {x}"])
    )
    chosen = {i: data.draw(st.integers(0, len(q.options) - 1)) for i, q in enumerate(QUESTIONS)}
    asked = data.draw(st.lists(st.sampled_from(sorted(chosen)), min_size=1, unique=True))
    lines = []
    for index in asked:
        label = QUESTIONS[index].options[chosen[index]].label
        spelled = data.draw(
            st.sampled_from([label, label.upper(), "ABCD"[chosen[index]], str(chosen[index] + 1)])
        )
        lines.append(form.format(n=index + 1, x=spelled))
    assert understand("\n".join(lines), QUESTIONS) == {
        index: ((QUESTIONS[index].options[chosen[index]].label,), "") for index in asked
    }


@pytest.mark.parametrize(
    "text",
    [
        "1. " + "a. " * 20_000,
        "1. " + "_" * 39_000,
        "1 " * 20_000,
        "\n" * 40_000 + "1. x",
        "4. " + "a and " * 9_000,
    ],
)
@pytest.mark.timeout(5)
def test_long_messages_take_no_long_time(text: str) -> None:
    assert all(len(own) <= LONGEST_ANSWER for _, own in understand(text, QUESTIONS).values())


def test_what_was_understood_in_words() -> None:
    by = Person(team="T1", user="U1")
    asked = QUESTIONS[4]
    assert words(None, asked) == ""
    assert words(Given(by=by, you_decide=True), asked) == "You decide; I assume: Day and tenant"
    assert (
        words(Given(by=by, labels=("No null times", "Day and tenant")), asked)
        == "No null times, Day and tenant"
    )
    assert words(Given(by=by, text="only mine"), asked) == "only mine"
    assert (
        words(Given(by=by, labels=("No null times",), text="and more"), asked) == "No null times (“and more”)"
    )
