"""What a repository's own agent files make of the roster.

The files are `.claude/agents/*.md` of the base commit, in the form Claude Code reads. A file may add an
agent, or narrow the tools of a built-in one of the same name; what it says then reaches that agent as the
project's words, beside ours. It never changes a reviewer, never gives a tool that the built-in lacks, and
never a tool that reaches the web. What cannot be used is left out with a sentence; nothing else fails.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.agents.agent_file import (
    LONGEST_FILE,
    AgentFile,
    AgentFileUnusable,
    Tools,
    read_agent_file,
    translated,
)
from engine.agents.roster import REVIEWING, WRITING, Agent, Kind, ToolName, built_in
from engine.events import Seat, Source
from engine.ports import Tier, TreeEntry, Workspace

FOLDER = ".claude/agents/"
MOST_FILES = 40
RESERVED = frozenset({"greenlight"})
"""The name under which the program itself does tasks."""

OFFERED = (
    ToolName.LIST,
    ToolName.READ,
    ToolName.SEARCH,
    ToolName.DIFF,
    ToolName.HISTORY,
    ToolName.EDIT,
    ToolName.WRITE,
    ToolName.RUN,
)
"""All that a repository's agents can have: nothing that leaves this machine."""

ADDED = (
    "You are a specialist that the repository itself describes. You do the one task you are given and "
    "report; what the project says about your role stands below."
)


@dataclass(frozen=True)
class Roster:
    """The agents of a request.

    Attributes:
        agents: By name.
        seats: The same, with where each comes from and what of its file does not hold.
        left_out: Files that do not count, and why, each in a sentence.
    """

    agents: Mapping[str, Agent]
    seats: tuple[Seat, ...]
    left_out: tuple[str, ...] = ()


async def roster_at(workspace: Workspace, commit: str) -> Roster:
    """The roster at a commit, from git objects: the built-in agents, and what its files make of them."""
    entries = [entry for entry in await workspace.files(commit) if _is_agent_file(entry.path)]
    files: list[AgentFile] = []
    left_out = [
        f"{entry.path} is left out: only {MOST_FILES} agent files are read." for entry in entries[MOST_FILES:]
    ]
    for entry in entries[:MOST_FILES]:
        try:
            files.append(await _read(workspace, commit, entry))
        except AgentFileUnusable as problem:
            left_out.append(f"{entry.path} is left out: {problem}.")
    return merged(built_in(), files, left_out)


def _is_agent_file(path: str) -> bool:
    name = path.removeprefix(FOLDER)
    return path.startswith(FOLDER) and name.endswith(".md") and "/" not in name


async def _read(workspace: Workspace, commit: str, entry: TreeEntry) -> AgentFile:
    if (entry.size or 0) > LONGEST_FILE:
        raise AgentFileUnusable(f"it has {entry.size:,} bytes; at most {LONGEST_FILE:,} are read")
    content = await workspace.read(commit, entry.path) if entry.mode.startswith("100") else None
    if content is None:
        raise AgentFileUnusable("it is not a regular file")
    return read_agent_file(entry.path, content)


# ---------------------------------------------------------------- merging


@dataclass
class _Merge:
    """A merge under way: agents and seats by name, and what was left out."""

    agents: dict[str, Agent]
    seats: dict[str, Seat]
    left_out: list[str] = field(default_factory=list)

    def take(self, agent: Agent, source: Source, path: str, notes: Sequence[str]) -> None:
        self.agents[agent.name] = agent
        self.seats[agent.name] = seat(agent, source, path, notes)

    def leave(self, file: AgentFile, why: str) -> None:
        self.left_out.append(f"{file.path} is left out: {why}.")


def merged(base: Mapping[str, Agent], files: Sequence[AgentFile], left_out: Iterable[str] = ()) -> Roster:
    """The built-in agents with the files' additions and restrictions. Pure.

    Args:
        base: The built-in agents.
        files: In the order of their paths; two of one name both do not count.
        left_out: What was left out before.
    """
    merge = _Merge(dict(base), {name: seat(agent) for name, agent in base.items()}, list(left_out))
    names = Counter(file.name.casefold() for file in files)
    for file in files:
        ours = base.get(file.name)
        if names[file.name.casefold()] > 1:
            merge.leave(file, f"several files describe an agent called {file.name}")
        elif file.name in RESERVED:
            merge.leave(file, f"the name {file.name} is taken")
        elif ours is None:
            _add(merge, file)
        else:
            _narrow(merge, file, ours)
    return Roster(
        agents=MappingProxyType(merge.agents),
        seats=tuple(merge.seats.values()),
        left_out=tuple(merge.left_out),
    )


def _add(merge: _Merge, file: AgentFile) -> None:
    reviews = file.name.endswith("-reviewer")
    asked = translated(file)
    allowed = [tool for tool in OFFERED if tool in REVIEWING or not reviews]
    tools, notes = _granted(asked, allowed)
    if not tools:
        merge.leave(file, "none of the tools it asks for can be given")
        return
    agent = Agent(
        name=file.name,
        description=file.description,
        tools=tools,
        tier=file.tier or Tier.SONNET,
        kind=Kind.REVIEWER if reviews else Kind.WORKER,
        prompt=ADDED,
        project=file.body,
    )
    merge.take(agent, Source.ADDED, file.path, (*notes, *file.notes))


def _narrow(merge: _Merge, file: AgentFile, ours: Agent) -> None:
    if ours.reviews:
        merge.leave(file, f"{ours.name} reviews, and a repository does not change who reviews it")
        return
    if set(ours.tools) - set(OFFERED):
        merge.leave(file, f"{ours.name} reaches the web and is told nothing of the repository")
        return
    tools, notes = _granted(translated(file), ours.tools)
    if not tools:
        merge.leave(file, f"none of the tools it asks for is one of {ours.name}'s")
        return
    agent = ours.model_copy(update={"tools": tools, "project": file.body})
    merge.take(agent, Source.NARROWED, file.path, (*notes, *file.notes))


def _granted(asked: Tools, allowed: Sequence[ToolName]) -> tuple[tuple[ToolName, ...], tuple[str, ...]]:
    """Of the tools asked for those that may be given, and a sentence on each of the rest."""
    wanted = set(allowed) if asked.names is None else set(asked.names)
    tools = tuple(tool for tool in allowed if tool in wanted - set(asked.denied))
    notes = list(asked.notes)
    refused = sorted(wanted - set(allowed))
    if refused:
        notes.append(f"It does not get {', '.join(refused)}.")
    if ToolName.RUN in tools and not WRITING & set(tools):
        tools = tuple(tool for tool in tools if tool is not ToolName.RUN)
        if asked.names is not None:
            notes.append("It does not get run: that needs a checkout, which only agents that write have.")
    return tools, tuple(notes)


def seat(agent: Agent, source: Source = Source.BUILT_IN, path: str = "", notes: Iterable[str] = ()) -> Seat:
    """What people and rules need to know of an agent."""
    return Seat(
        name=agent.name,
        source=source,
        tools=tuple(tool.value for tool in agent.tools),
        tier=agent.tier.value,
        writes=agent.writes,
        reviews=agent.reviews,
        path=path,
        notes=tuple(notes),
    )
