"""The tests of `control`; not found by themselves."""

from tests.mutation.control import guarded, unguarded


def test_guarded() -> None:
    assert [number for number in range(6) if guarded(number)] == [0, 1, 2, 3]
    assert guarded(9, lenient=True)


def test_unguarded() -> None:
    assert unguarded(0) is True
    assert unguarded(9) is False
