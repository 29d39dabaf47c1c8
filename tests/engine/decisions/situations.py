"""All situations by name, and what stands written of each."""

from pathlib import Path

from tests.engine.decisions import (
    asking,
    delivering,
    following,
    hearing,
    looking,
    pausing,
    reviewing,
    waiting,
    wishing,
    working,
)

_PARTS = (asking, looking, waiting, pausing, working, reviewing, hearing, wishing, delivering, following)
SITUATIONS = {one.__name__: one for part in _PARTS for one in part.SITUATIONS}
_HERE = Path(__file__).parent


def recorded(name: str) -> str:
    """What is decided in a situation now."""
    title = f"# {name.replace('_', ' ').capitalize()}"
    return "\n".join([title, *SITUATIONS[name]().lines, ""])


def written(name: str) -> str:
    """What was decided in it when somebody last read it."""
    return (_HERE / f"{name}.md").read_text("utf-8")


def write() -> None:
    """Write all of it anew."""
    for old in _HERE.glob("*.md"):
        old.unlink()
    for name in SITUATIONS:
        (_HERE / f"{name}.md").write_text(recorded(name), "utf-8")
