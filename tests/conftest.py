"""What holds for every test.

Properties see the same examples every time; `pytest --hypothesis-profile=explore` looks for
new ones. They are bounded by their number, not by the clock of a busy machine.
"""

import gc

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile("repeatable")

gc.disable()  # while everything is imported


def pytest_collection_finish() -> None:
    """What was imported stays: no collection of garbage has to look through it again."""
    gc.freeze()
    gc.enable()
