"""What the runner is tried on: one function whose tests see everything, one whose tests see little."""

LIMIT = 3
OTHER_LIMIT = 3


def guarded(number: int, lenient: object = False) -> bool:
    """Whether a number is within the limit, or nobody minds."""
    return number <= LIMIT or bool(lenient)


def unguarded(number: int) -> bool:
    """As above, with a test that never comes near the limit."""
    return number <= OTHER_LIMIT


def untouched(number: int) -> int:
    """No test runs it."""
    return number + 1
