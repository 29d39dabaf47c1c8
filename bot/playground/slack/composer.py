"""What Slack's message box makes of typed text. Pure."""

import re
from collections.abc import Mapping

_ADDRESS = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?)\]}'\"]")


def typed(text: str, people: Mapping[str, str]) -> str:
    """The text as events carry it: escaped, addresses in angle brackets, "@Name" as a mention.

    `people` holds user ids by name.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    linked = _ADDRESS.sub(lambda found: f"<{found.group()}>", escaped)
    for name, user in sorted(people.items(), key=lambda item: -len(item[0])):
        linked = re.sub(rf"@{re.escape(name)}(?!\w)", f"<@{user}>", linked)
    return linked
