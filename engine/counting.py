"""A number and what it counts, as people read it. Pure."""


def count(number: int, one: str, many: str = "") -> str:
    """A number and its noun: 1 file, 2 files. `many` is what more than one are called, if not with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
