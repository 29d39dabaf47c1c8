"""Tracebacks for the log without the errors' own words, which may hold what people or models wrote."""

import traceback


def trace(error: BaseException) -> str:
    """Where an error and its causes were raised, innermost last, each with its type alone."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    chain = f"{trace(before)}\nwhich led to\n" if before is not None else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{chain}{frames}{type(error).__module__}.{type(error).__qualname__}"
