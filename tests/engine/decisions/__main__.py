"""Write anew what is decided in each situation; `git diff` then shows what changed, for people to read."""

from tests.engine.decisions.situations import write

write()
