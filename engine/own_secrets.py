"""The process's own secrets, value by value: they are found wherever secrets are looked for.

Some have a form that tells them; a webhook's secret has none. Values are learnt once, where the process is
put together, and never leave this module but to be looked for.
"""

import re
from collections.abc import Iterable, Mapping

OWN = "secret of Greenlight's own"
SHORTEST = 12

_NAME = re.compile(r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|KEY|DSN|PAT)_?\d{0,3}$")
_PLACE = re.compile(r"(?:_FILE|_PATH|_DIR|_ID|_URL|_NAME|_SOCK)$")

_learnt: dict[str, None] = {}
_known: list[tuple[str, ...]] = [()]


def learn(values: Iterable[str]) -> None:
    """Know these values from now on; short ones, which ordinary text may hold, are left out."""
    for value in values:
        if len(value.strip()) >= SHORTEST and "\n" not in value.strip():
            _learnt[value.strip()] = None
    _known[0] = tuple(sorted(_learnt, key=len, reverse=True))


def learn_from(environment: Mapping[str, str]) -> None:
    """Know the values of all variables that are named like secrets; not of those that say where one lies."""
    learn(value for name, value in environment.items() if is_name(name) and not value.startswith(("/", "./")))


def is_name(variable: str) -> bool:
    """Whether a variable is named like a secret."""
    return bool(_NAME.search(variable.upper())) and not _PLACE.search(variable.upper())


def known() -> tuple[str, ...]:
    """All of them, the longest first."""
    return _known[0]
