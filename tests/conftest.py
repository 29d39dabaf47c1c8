"""Properties: the same examples every time; `--hypothesis-profile=explore` looks for new ones.

They are bounded by their number, not by the clock of a busy machine.
"""

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile("repeatable")
