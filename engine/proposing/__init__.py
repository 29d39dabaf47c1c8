"""Which checks and which preparation a repository seems to have, from its files alone. Pure.

Everything that is read is untrusted: it is bounded, it is never run, and a command is a list of words, never
a line for a shell. What is proposed counts once an operator has confirmed it.
"""

from engine.proposing.ci import ci, is_ci
from engine.proposing.found import Files, Proposal, ProposedCheck, ProposedPrepare
from engine.proposing.javascript import package_json
from engine.proposing.make import NAMES as MAKEFILES
from engine.proposing.make import makefile
from engine.proposing.python import python

__all__ = ["Files", "Proposal", "ProposedCheck", "ProposedPrepare", "propose", "wanted"]

MOST_CHECKS = 12
_UNKNOWN = {
    "go.mod": "Go",
    "Cargo.toml": "Rust",
    "pom.xml": "Maven",
    "build.gradle": "Gradle",
    "build.gradle.kts": "Gradle",
    "Gemfile": "Ruby",
    "composer.json": "PHP",
    "mix.exs": "Elixir",
}
_READ = frozenset(
    {
        *MAKEFILES,
        *("package.json", "pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini"),
    }
)


def wanted(path: str) -> bool:
    """Whether `propose` looks into this file."""
    requirements = "/" not in path and path.endswith((".txt", ".lock")) and "requirements" in path
    return path in _READ or is_ci(path) or requirements


def propose(files: Files) -> Proposal:
    """What to confirm, from a repository's files.

    A Makefile comes first, then scripts of package.json, then tools' own configuration, then what continuous
    integration runs. The first check of a name is proposed, later ones are told of.
    """
    looks = (makefile(files), package_json(files), python(files), ci(files))
    checks: dict[str, ProposedCheck] = {}
    notes = [note for look in looks for note in look.notes]
    for check in (check for look in looks for check in look.checks):
        first = checks.setdefault(check.name, check)
        if first.argv != check.argv:
            notes.append(
                f"{check.where}: “{' '.join(check.argv)}” would be {check.name} too; I took {first.where}."
            )
    preparations = [look.prepare for look in looks if look.prepare is not None]
    notes += [
        f"{name}: I know no checks and no preparation for {what}; write them by hand."
        for name, what in _UNKNOWN.items()
        if files.has(name)
    ]
    notes += _elsewhere(files)
    if not checks:
        notes.append("I found no checks: name in `checks` at least one command that tells good from bad.")
    return Proposal(
        checks=tuple(checks.values())[:MOST_CHECKS],
        prepare=_both(preparations),
        notes=tuple(dict.fromkeys(notes)),
    )


def _elsewhere(files: Files) -> list[str]:
    """Projects in folders, which nothing here looks into."""
    projects = {"package.json", "pyproject.toml", "setup.py", *_UNKNOWN}
    split = (path.rpartition("/") for path in files.paths)
    folders = sorted({folder for folder, _, name in split if folder and name in projects})
    if not folders:
        return []
    more = f" and {len(folders) - 6} more" if len(folders) > 6 else ""
    return [
        f"There are projects in folders, where I did not look: {', '.join(folders[:6])}{more}. Write checks "
        'for them by hand, such as ["make", "-C", "FOLDER", "test"].'
    ]


def _both(preparations: list[ProposedPrepare]) -> ProposedPrepare | None:
    """One preparation, of a repository that has Python and JavaScript too."""
    if not preparations:
        return None
    return ProposedPrepare(
        commands=tuple(argv for one in preparations for argv in one.commands),
        locks=tuple(dict.fromkeys(path for one in preparations for path in one.locks)),
        outputs=tuple(dict.fromkeys(path for one in preparations for path in one.outputs)),
        env={name: value for one in preparations for name, value in one.env.items()},
        where=" and ".join(one.where for one in preparations),
    )
