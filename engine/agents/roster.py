"""The roster: who can be given work. One markdown file an agent, the form of `.claude/agents`.

    ---
    name: codebase-analyzer            # letters, digits, dashes; the file's name
    description: One line.
    tools: list, read, search          # a comma list, or a YAML list
    model: haiku                       # the tier it works at unless a plan says otherwise
    kind: reviewer                     # only needed where the name does not end in -reviewer
    ---
    What the agent is told.

A reviewer judges a commit and never writes; its name ends in `-reviewer`, or it says so.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.errors import ConfigurationInvalid
from engine.ports import Tier

BUILT_IN = Path(__file__).parent / "roster"


class ToolName(StrEnum):
    """Everything an agent can be given."""

    LIST = "list"
    READ = "read"
    SEARCH = "search"
    DIFF = "diff"
    HISTORY = "history"
    EDIT = "edit"
    WRITE = "write"
    RUN = "run"
    WEB_SEARCH = "web_search"
    WEB_FETCH = "web_fetch"


WRITING = frozenset({ToolName.EDIT, ToolName.WRITE})
READING = frozenset({ToolName.LIST, ToolName.READ, ToolName.SEARCH, ToolName.DIFF, ToolName.HISTORY})
REVIEWING = frozenset({ToolName.LIST, ToolName.READ, ToolName.SEARCH, ToolName.DIFF})
NEEDED_TO_LOOK = frozenset({ToolName.READ, ToolName.SEARCH})
"""Without either of them nobody finds anything out about a repository."""

WEB = frozenset({ToolName.WEB_SEARCH, ToolName.WEB_FETCH})


class Kind(StrEnum):
    """What an agent is for."""

    WORKER = "worker"
    REVIEWER = "reviewer"


class Agent(BaseModel):
    """A specialist.

    Attributes:
        tier: What it works at unless a plan says otherwise.
        prompt: The file's body.
        project: What a repository says about this agent; untrusted, shown as the project's rules.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")
    description: Annotated[str, Field(min_length=1, max_length=300)]
    tools: tuple[ToolName, ...]
    tier: Tier = Field(alias="model")
    kind: Kind | None = None
    prompt: Annotated[str, Field(min_length=1)]
    project: str = ""

    @property
    def reviews(self) -> bool:
        """Whether it judges commits instead of taking tasks."""
        return self.kind is Kind.REVIEWER or (self.kind is None and self.name.endswith("-reviewer"))

    @property
    def writes(self) -> bool:
        """Whether it changes files."""
        return bool(WRITING & set(self.tools))

    @property
    def drafts(self) -> bool:
        """Whether it has no tools and only puts into words what was found: it is given no tasks."""
        return not self.tools

    @property
    def searches_web(self) -> bool:
        """Whether it reads the web, and then nothing else."""
        return bool(WEB & set(self.tools))

    @property
    def looks(self) -> bool:
        """Whether it can be sent to look before anything is approved; all it writes with is taken from it."""
        return not self.reviews and (self.searches_web or bool(NEEDED_TO_LOOK & set(self.tools)))

    @field_validator("tools", mode="before")
    @classmethod
    def _from_comma_list(cls, tools: object) -> object:
        if isinstance(tools, str):
            return [part.strip() for part in tools.split(",")]
        return tools

    @model_validator(mode="after")
    def _within_its_kind(self) -> Self:
        if len(set(self.tools)) != len(self.tools):
            raise ValueError("a tool stands twice")
        if self.reviews and not self.tools:
            raise ValueError("a reviewer needs tools to look at a commit with")
        if self.reviews and set(self.tools) - REVIEWING:
            more = ", ".join(sorted(set(self.tools) - REVIEWING))
            raise ValueError(f"a reviewer may list, read, search and diff only, not {more}")
        if self.searches_web and set(self.tools) - WEB:
            raise ValueError("an agent that searches the web sees nothing else, so it has no other tools")
        if ToolName.RUN in self.tools and not self.writes:
            raise ValueError("run needs a checkout, which only agents that edit or write have")
        return self


def load_roster(folder: Path = BUILT_IN) -> Mapping[str, Agent]:
    """Every agent of a folder, by name.

    Raises:
        ConfigurationInvalid: names the file and what is wrong in it.
    """
    agents = [read_agent(path) for path in sorted(folder.glob("*.md"))]
    if not agents:
        raise ConfigurationInvalid(f"There is no agent in {folder}.")
    return MappingProxyType({agent.name: agent for agent in agents})


@cache
def built_in() -> Mapping[str, Agent]:
    """The agents that come with the program."""
    return load_roster()


def read_agent(path: Path) -> Agent:
    """One agent from its file.

    Raises:
        ConfigurationInvalid: not UTF-8, no front matter, not YAML, unknown keys or tools, another name
            than the file's.
    """
    matter, body = _parts(path)
    try:
        agent = Agent.model_validate({**matter, "prompt": body})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise _unusable(path, f"{key}: {problem}" if key else problem) from None
    if agent.name != path.stem:
        raise _unusable(path, f"the name is {agent.name}, but the file is called {path.name}")
    return agent


def _parts(path: Path) -> tuple[dict[str, object], str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise _unusable(path, "it cannot be read as UTF-8 text") from None
    opening, _, rest = text.partition("---\n")
    front, closing, body = rest.partition("\n---\n")
    if opening.strip() or not closing:
        raise _unusable(path, "it does not begin with front matter between two lines of ---")
    try:
        matter = yaml.safe_load(front)
    except yaml.YAMLError:
        raise _unusable(path, "its front matter is not YAML") from None
    if not isinstance(matter, dict) or {"prompt", "project"} & matter.keys():
        raise _unusable(path, "its front matter is not a list of keys and values such as name: …")
    return {str(key): value for key, value in matter.items()}, body.strip()


def _unusable(path: Path, why: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"The agent file {path.name} cannot be used: {why}.")
