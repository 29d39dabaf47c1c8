from datetime import UTC, datetime

import pytest

from engine import existing
from engine.events import BranchLine
from engine.request import Given, Round
from tests.engine.strategies import ASKER

DPA = frozenset({"DPA"})


@pytest.mark.parametrize(
    ("words", "branch", "known", "key"),
    [
        ("Create PR for DPA-456", "churn", DPA, "DPA-456"),
        ("Create PR", "feat-DPA-456-churn-model", DPA, "DPA-456"),
        ("Create PR for DPA-456", "feat-DPA-456-churn", DPA, "DPA-456"),
        ("Create PR for feat-DPA-456-churn", "feat-DPA-456-churn", DPA, "DPA-456"),
        ("Create PR for DPA-456, done like DPA-100", "feat-DPA-456-churn", DPA, "DPA-456"),
        ("Create PR for DPA-456, not DPA-100", "churn", DPA, "DPA-456"),
        ("Create PR for DPA-2", "feat-DPA-1-DPA-2", DPA, "DPA-2"),
        ("Create PR", "feat-ABC-7-churn", frozenset(), "ABC-7"),
        ("Create PR", "feat/ABC-7", frozenset(), "ABC-7"),
        ("Create PR for ABC-7, SOC-2 compliant", "feat-ABC-7-churn", frozenset(), "ABC-7"),
        ("Create PR for ABC-7 in the region EU-1", "feat-ABC-7-churn", frozenset(), "ABC-7"),
        ("Create PR, done like XYZ-8", "feat-ABC-7-churn", frozenset(), "ABC-7"),
    ],
)
def test_a_ticket_is_what_people_and_the_branch_name_say(
    words: str, branch: str, known: frozenset[str], key: str
) -> None:
    assert existing.ticket(words, branch, known) == key


@pytest.mark.parametrize(
    ("words", "branch", "known"),
    [
        ("Create PR for DPA-1 and DPA-2", "churn", DPA),
        ("Create PR for DPA-1 and DPA-2", "feat-DPA-2-churn", DPA),
        ("Create PR for DPA-1", "feat-DPA-2-churn", DPA),
        ("Create PR for churn, done like DPA-100", "feat-DPA-456-churn", DPA),
        ("Create PR for feat-DPA-456-churn, like DPA-100", "feat-DPA-456-churn", DPA),
        ("This is not DPA-100", "churn", DPA),
        ("This isn't DPA-456", "feat-DPA-456-churn", DPA),
        ("Create PR", "feat-DPA-1-DPA-2", DPA),
        ("Create PR for ABC-8", "feat-ABC-7-churn", frozenset()),
        ("Create PR for XYZ-8", "feat-ABC-7-churn", frozenset()),
        ("Create PR, like ABC-8", "feat-ABC-7-churn", frozenset()),
        ("Write UTF-8, sum with SHA-256", "churn", frozenset()),
        ("It must be SOC-2 compliant", "feat-churn", frozenset()),
        ("It follows PEP-8", "feat-churn", frozenset()),
        ("Create PR for ABC-7", "churn", frozenset()),
        ("Create PR", "feat-churn-V2-1", frozenset()),
        ("Create PR", "release-V2-1", frozenset()),
        ("Create PR", "feat-UTF-8", frozenset()),
        ("Create PR", "feat-ABC-7x", frozenset()),
        ("Write OPS-3", "churn", DPA),
        ("Write OPS-3", "feat-OPS-3", DPA),
        ("feat-dpa-456", "feat-dpa-456", DPA),
        ("DPA-456x, XDPA-1, DPA-0", "churn", DPA),
    ],
)
def test_a_ticket_is_never_guessed(words: str, branch: str, known: frozenset[str]) -> None:
    assert existing.ticket(words, branch, known) == ""


@pytest.mark.parametrize(
    ("words", "branch", "known", "keys"),
    [
        ("Create PR for ABC-8", "feat-ABC-7-churn", frozenset(), ("ABC-8", "ABC-7")),
        ("Create PR for XYZ-8", "feat-ABC-7-churn", frozenset(), ("XYZ-8", "ABC-7")),
        ("Create PR for ABC-7", "churn", frozenset(), ("ABC-7",)),
        ("Create PR for DPA-1", "feat-DPA-2-churn", DPA, ("DPA-1", "DPA-2")),
        ("Create PR for DPA-1 and OPS-3, like DPA-100", "churn", DPA, ("DPA-1",)),
        ("Create PR", "feat-OPS-3", DPA, ("OPS-3",)),
        ("It must be SOC-2 compliant, unlike ABC-7", "release-V2-1", frozenset(), ()),
    ],
)
def test_keys_that_it_could_be_are_offered(
    words: str, branch: str, known: frozenset[str], keys: tuple[str, ...]
) -> None:
    assert existing.ticket_candidates(words, branch, known) == keys


@pytest.mark.parametrize(
    ("messages", "key"),
    [
        (("it is DPA-1", "good"), "DPA-1"),
        (("it is DPA-1", "sorry, DPA-2, not DPA-1"), "DPA-2"),
        (("it is DPA-1", "or DPA-2 or DPA-3"), None),
        (("no idea",), None),
        ((), None),
    ],
)
def test_the_newest_key_of_the_thread_counts(messages: tuple[str, ...], key: str | None) -> None:
    assert existing.ticket_written(messages) == key


def test_projects_are_known_from_a_history_that_mostly_names_tickets() -> None:
    assert existing.prefixes(["feat(DPA-1): a", "fix(OPS-2): b", "c"]) == {"DPA", "OPS"}
    assert existing.prefixes(["feat: a", "fix(OPS-2): b", "c"]) == frozenset()
    assert existing.prefixes([]) == frozenset()


@pytest.mark.parametrize(
    ("name", "words", "found"),
    [
        ("feat-a", "open a PR for feat-a, please", True),
        ("feat-a", "open a PR for feat-a.", True),
        ("feat-a", "open a PR for feat-ab", False),
        ("feat-a", "open a PR for my/feat-a", False),
        ("", "anything", False),
        ("invented", "open a PR", False),
    ],
)
def test_a_branch_counts_only_if_people_named_it(name: str, words: str, found: bool) -> None:
    assert existing.named(name, words) is found


def test_what_is_judged_has_no_branch_name() -> None:
    assert existing.without("feat-a", "PR for feat-a, not feat-ab") == "PR for (the branch), not feat-ab"
    assert existing.without("", "PR") == "PR"


def asked(about: str, given: Given | None) -> Round:
    ticket = existing.ticket_question((), "churn", ())
    question = ticket if about == existing.TICKET else existing.branch_question(())
    return Round(questions=(question,), given=(given,), about=about, submitted_by=ASKER if given else None)


def test_answers_about_the_branch_are_read_from_the_newest_round() -> None:
    first = asked(existing.BRANCH, Given(by=ASKER, labels=("feat-a",)))
    typed = asked(existing.BRANCH, Given(by=ASKER, text=" `feat-b` "))
    none = asked(existing.BRANCH, Given(by=ASKER, labels=(existing.NONE_OF_THEM,)))

    assert existing.chosen((first, typed)) == "feat-b"
    assert existing.chosen((first, asked(existing.BRANCH, None))) == "feat-a"
    assert existing.chosen((first, none)) == ""
    assert existing.declined((first, none))
    assert not existing.declined((none, first))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Given(by=ASKER, text="it is DPA-9"), "DPA-9"),
        (Given(by=ASKER, text="SOC-9"), "SOC-9"),
        (Given(by=ASKER, text="DPA-9 or DPA-10"), None),
        (Given(by=ASKER, text="DPA-9, not DPA-10"), "DPA-9"),
        (Given(by=ASKER, text="not DPA-9"), None),
        (Given(by=ASKER, labels=("DPA-9",)), "DPA-9"),
        (Given(by=ASKER, labels=("DPA-9",), text="DPA-9 or DPA-10"), None),
        (Given(by=ASKER, labels=(existing.IN_THE_THREAD,), text="In the thread: DPA-9"), "DPA-9"),
        (Given(by=ASKER, labels=(existing.NO_TICKET,)), ""),
        (Given(by=ASKER, text="None."), ""),
        (Given(by=ASKER, labels=(existing.IN_THE_THREAD,)), None),
    ],
)
def test_a_ticket_that_was_asked_for_is_what_was_typed(given: Given, told: str | None) -> None:
    assert existing.ticket_told((asked(existing.TICKET, given),)) == told


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "There is no ticket.",
        "there\u2019s no ticket for this",
        "No, there is none",
        "no ticket yet!",
        "We don't have one",
        "It doesn't have a Jira ticket",
        "there isn't any",
        "it goes without a key",
        "Nope, no ticket needed",
        "n/a",
    ],
)
def test_plain_words_say_that_there_is_no_ticket(text: str) -> None:
    assert existing.ticket_told((asked(existing.TICKET, Given(by=ASKER, text=text)),)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "there is a ticket",
        "no idea",
        "not sure",
        "there is no ticket but the one of Dana",
        "no, the other one",
        "we have one",
        "I don't have it at hand",
    ],
)
def test_other_words_without_a_key_do_not(text: str) -> None:
    assert existing.ticket_told((asked(existing.TICKET, Given(by=ASKER, text=text)),)) is None


def test_only_branches_of_the_remote_are_offered() -> None:
    at = datetime(2026, 8, 1, tzinfo=UTC)
    lines = [BranchLine(name=f"feat-{n}", ahead=n, subject="Do it", at=at) for n in range(1, 6)]

    offered = [option.label for option in existing.branch_question(lines).options]
    assert offered == ["feat-1", "feat-2", "feat-3", existing.NONE_OF_THEM]
    nothing = [option.label for option in existing.branch_question(()).options]
    assert nothing == [existing.LOOK_AGAIN, existing.NONE_OF_THEM]


def labels_of(keys: tuple[str, ...]) -> list[str]:
    return [option.label for option in existing.ticket_question(keys, "feat-DPA-2-churn", ()).options]


def test_the_keys_that_disagree_are_options_of_the_question() -> None:
    nothing, thread = existing.NO_TICKET, existing.IN_THE_THREAD
    assert labels_of(()) == [nothing, thread]
    assert labels_of(("DPA-1", "DPA-2")) == ["DPA-1", "DPA-2", nothing, thread]
    assert labels_of(("DPA-1", "DPA-2", "DPA-3", "DPA-4")) == ["DPA-1", "DPA-2", "DPA-3", nothing]
    said, called, *_ = existing.ticket_question(("DPA-1", "DPA-2"), "feat-DPA-2-churn", ()).options
    assert said.description == "It stands in what people wrote."
    assert called.description == "It stands in the branch's name."
