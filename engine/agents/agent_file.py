"""One agent file as Claude Code reads it: front matter, then what the agent is told. Untrusted."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from engine.agents.roster import ToolName
from engine.ports import Tier

LONGEST_FILE = 64_000
LONGEST_BODY = 12_000
LONGEST_DESCRIPTION = 300
MOST_TOOLS = 60
MOST_FRONT_MATTER = 10_000

_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
_DESCRIPTION = re.compile(r"^(description:[ \t]*)(?![\"'|>])(\S.*)$", re.MULTILINE)
_PARTS = re.compile(r"\A\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n(.*))?\Z", re.DOTALL)
_OURS = {
    "ls": ToolName.LIST,
    "glob": ToolName.LIST,
    "grep": ToolName.SEARCH,
    "multiedit": ToolName.EDIT,
    "bash": ToolName.RUN,
} | {name.value: name for name in ToolName if not name.value.startswith("web")}
"""Claude Code's names of tools, and our own, in lower case."""


class AgentFileUnusable(Exception):
    """A file that does not count; the text is the end of the sentence that says why."""


@dataclass(frozen=True)
class AgentFile:
    """An agent file, as far as it was understood.

    Attributes:
        tools: Names as the file gives them; None if it names none, which means all there are.
        denied: Names of `disallowedTools`.
        tier: None if the file leaves the model open.
        notes: What of the front matter was not understood, each in a sentence.
    """

    path: str
    name: str
    description: str
    tools: tuple[str, ...] | None
    denied: tuple[str, ...]
    tier: Tier | None
    body: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tools:
    """A file's tools in our names; `names` is None if it names none."""

    names: tuple[ToolName, ...] | None
    denied: tuple[ToolName, ...]
    notes: tuple[str, ...]


def read_agent_file(path: str, content: bytes) -> AgentFile:
    """Read one file; keys that are not known do no harm.

    Raises:
        AgentFileUnusable: not text, no front matter, no YAML, no usable name or description, or too long.
    """
    matter, body = _parts(content)
    name, description = matter.get("name"), matter.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name.strip()):
        raise AgentFileUnusable("its name is not of small letters, digits and dashes, at most 48")
    if not isinstance(description, str) or not description.strip():
        raise AgentFileUnusable("it has no description")
    if not body:
        raise AgentFileUnusable("nothing stands below its front matter")
    if len(body) > LONGEST_BODY:
        raise AgentFileUnusable(f"it says {len(body):,} characters; at most {LONGEST_BODY:,} are taken")
    tier, notes = _tier(matter.get("model"))
    words = " ".join(description.split())
    return AgentFile(
        path=path,
        name=name.strip(),
        description=words if len(words) <= LONGEST_DESCRIPTION else f"{words[: LONGEST_DESCRIPTION - 1]}…",
        tools=_listed(matter.get("tools")) if matter.get("tools") is not None else None,
        denied=_listed(matter.get("disallowedTools")),
        tier=tier,
        body=body,
        notes=notes,
    )


def translated(file: AgentFile) -> Tools:
    """The file's tools in our names."""
    names, notes = _ours(file.tools or ())
    denied, _ = _ours([name.partition("(")[0] for name in file.denied])
    return Tools(names if file.tools is not None else None, denied, notes)


def _ours(given: Sequence[str]) -> tuple[tuple[ToolName, ...], tuple[str, ...]]:
    known = {name: _OURS.get(name.casefold()) for name in given}
    unknown = [name for name, tool in known.items() if tool is None]
    notes = (f"Not known here, so not given: {', '.join(name[:40] for name in unknown[:12])}.",)
    return tuple(dict.fromkeys(tool for tool in known.values() if tool)), notes if unknown else ()


def _parts(content: bytes) -> tuple[dict[str, object], str]:
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise AgentFileUnusable("it is not UTF-8 text") from None
    found = _PARTS.match(text)
    if found is None:
        raise AgentFileUnusable("it does not begin with front matter between two lines of ---")
    if len(found[1]) > MOST_FRONT_MATTER:
        raise AgentFileUnusable(f"its front matter is longer than {MOST_FRONT_MATTER:,} characters")
    matter = _yaml(found[1])
    if not isinstance(matter, dict):
        raise AgentFileUnusable("its front matter is not YAML with keys such as name: and description:")
    return {str(key): value for key, value in matter.items() if isinstance(key, str)}, (
        found[2] or ""
    ).strip()


def _yaml(text: str) -> object:
    """The front matter; a description with colons, as many have, is taken as the text it is."""
    quoted = _DESCRIPTION.sub(lambda found: found[1] + json.dumps(found[2]), text)
    for attempt in (text, quoted):
        try:
            return yaml.safe_load(attempt)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
    return None


def _listed(value: object) -> tuple[str, ...]:
    """A comma list or a YAML list; what is neither names nothing."""
    parts: list[object] = list(value) if isinstance(value, list) else []
    if isinstance(value, str):
        parts.extend(re.split(r",(?![^()]*\))", value))
    names = [part.strip() for part in parts[:MOST_TOOLS] if isinstance(part, str)]
    return tuple(dict.fromkeys(name for name in names if name))


def _tier(value: object) -> tuple[Tier | None, tuple[str, ...]]:
    if value is None or value == "inherit":
        return None, ()
    found = [tier for tier in Tier if isinstance(value, str) and tier.value in value.casefold()]
    if len(found) == 1:
        return found[0], ()
    return None, ("Its model is not known here: haiku, sonnet, opus or inherit.",)
