"""What was said in the local Slack survives its process, as it does in a real one."""

import json
from dataclasses import asdict
from pathlib import Path

from bot.playground.slack.state import Change, Changed, Message, Workspace
from engine.errors import ConfigurationInvalid


def keep(workspace: Workspace, path: Path) -> None:
    """Put back what stands in a file, and write every later change to its end.

    A line is a message as it was after a change, or {"deleted": ts}. A last line that was cut off by the
    end of the process is left out.

    Raises:
        ConfigurationInvalid: the file cannot be read, written or understood.
    """
    try:
        workspace.restore(_read(path))
        path.touch()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationInvalid(
            f"The messages kept in {path} cannot be gone on with. Remove the file to start without them."
        ) from error

    def write(change: Change) -> None:
        message = workspace.messages.get(change.key)
        if change.about is Changed.DELETED:
            line = {"deleted": change.key}
        elif change.about is Changed.MESSAGE and message is not None:
            line = asdict(message)
        else:
            return
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    workspace.observers.append(write)


def _read(path: Path) -> list[Message]:
    if not path.exists():
        return []
    found: dict[str, Message] = {}
    whole = path.read_text(encoding="utf-8")
    lines = whole.split("\n")
    if lines.pop():
        path.write_text(whole[: whole.rfind("\n") + 1], encoding="utf-8")
    for line in lines:
        entry = json.loads(line)
        if "deleted" in entry:
            found.pop(entry["deleted"], None)
        else:
            found[entry["ts"]] = Message(**entry)
    return list(found.values())
