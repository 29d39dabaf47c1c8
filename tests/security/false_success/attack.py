"""What an attack is: a row of data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What is shown of the attacked check."""

    REFUSED_FILE = "refused file"
    REFUSED_SPEC = "refused in the spec"
    OUTSIDE = "not checked: outside artifacts"
    DOUBTED = "not checked: doubted"
    FAILED = "failed"
    PASSED = "passed"


class Naive(StrEnum):
    """How the naive runner gets its files and tells success."""

    CHECKOUT = "checkout, exit code"
    ARCHIVE = "git archive, exit code"
    LOG = "checkout, looks for FAILED in the log's last 2000 characters"
    OK = "checkout, looks for a last line OK"


@dataclass(frozen=True)
class Attack:
    """One way to make a check green without the work.

    Attributes:
        name: What it does, in a few words; the row's id.
        check: The attacked check, by name.
        writes: Files it writes, by path.
        deletes: Files it deletes.
        links: Symbolic links it makes: path and target.
        executable: Files whose executable bit it sets.
        unexecutable: Files whose executable bit it takes away.
        make: Whatever else it does to the checkout.
        artifacts: Which paths the approved spec holds.
        shown: What has to be shown.
        also: What has to be shown if the spec holds every file of the attack; None: it holds them anyway.
        after: A check that the same naive job runs before, in the same checkout and home.
        naive: What kind of runner it fools.
    """

    name: str
    check: str
    shown: Outcome
    also: Outcome | None = None
    writes: Mapping[str, str | bytes] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    executable: tuple[str, ...] = ()
    unexecutable: tuple[str, ...] = ()
    make: Callable[[Path], None] | None = None
    artifacts: tuple[str, ...] = ()
    after: str = ""
    naive: Naive = Naive.CHECKOUT

    def plant(self, tree: Path) -> None:
        """Do to a checkout what the attacker does; more than an agent's own tools allow."""
        for path in self.deletes:
            (tree / path).unlink()
        for path, content in self.writes.items():
            file = tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        for path, target in self.links.items():
            (tree / path).unlink(missing_ok=True)
            (tree / path).symlink_to(target)
        for path in self.executable:
            (tree / path).chmod(0o755)
        for path in self.unexecutable:
            (tree / path).chmod(0o644)
        if self.make is not None:
            self.make(tree)
