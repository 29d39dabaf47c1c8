"""Properties are bounded by their number of examples, not by the clock of a busy machine."""

from hypothesis import settings

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
