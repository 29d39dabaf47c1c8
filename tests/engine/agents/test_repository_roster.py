"""What a repository's agent files can do to the roster, and what they cannot."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agents.agent_file import AgentFileUnusable, read_agent_file
from engine.agents.repository_roster import FOLDER, MOST_FILES, OFFERED, Roster, merged, roster_at
from engine.agents.roster import REVIEWING, ToolName, built_in
from engine.events import Seat, Source
from engine.ports import Tier, TreeEntry
from engine.prompts import render

WRITER = (
    "---\nname: docs-writer\ndescription: Writes pages.\ntools: Read, Grep, Write\n---\nShort sentences.\n"
)


def file(text: str, name: str = "x.md") -> tuple[str, bytes]:
    return f"{FOLDER}{name}", text.encode()


def roster(*texts: str) -> Roster:
    files = [read_agent_file(*file(text, f"{n}.md")) for n, text in enumerate(texts)]
    return merged(built_in(), files)


def seat_of(found: Roster, name: str) -> Seat:
    return next(seat for seat in found.seats if seat.name == name)


@dataclass
class Objects:
    """A commit's files; the one method set that a roster is read with."""

    content: dict[str, bytes]
    links: frozenset[str] = field(default_factory=frozenset)

    async def files(self, commit: str) -> list[TreeEntry]:
        return [
            TreeEntry(path=path, mode="120000" if path in self.links else "100644", blob="0", size=len(text))
            for path, text in sorted(self.content.items())
        ]

    async def read(self, commit: str, path: str) -> bytes | None:
        return None if path in self.links else self.content.get(path)


# ---------------------------------------------------------------- reading


def test_an_agent_is_added_with_claude_codes_names_of_tools() -> None:
    found = roster(
        WRITER.replace("Read, Grep, Write", "Read, Grep, Glob, Edit, MultiEdit, Write, Bash, Task, WebFetch")
    )
    agent, seat = found.agents["docs-writer"], seat_of(found, "docs-writer")
    wanted = {"list", "read", "search", "edit", "write", "run"}
    assert set(agent.tools) == wanted
    assert (seat.source, seat.tier, seat.writes, seat.path) == (Source.ADDED, "sonnet", True, f"{FOLDER}0.md")
    assert seat.notes == ("Not known here, so not given: Task, WebFetch.",)
    assert found.left_out == ()
    assert set(built_in()) < set(found.agents)


@pytest.mark.parametrize(
    ("front", "tools", "tier"),
    [
        ("tools: [Read, Grep]", {"read", "search"}, Tier.SONNET),
        ("tools:\n  - Read\n  - Write\nmodel: opus", {"read", "write"}, Tier.OPUS),
        ("model: inherit", {t.value for t in OFFERED}, Tier.SONNET),
        ("model: claude-haiku-5-5\ncolor: red\nhooks: {a: 1}", {t.value for t in OFFERED}, Tier.HAIKU),
        ("disallowedTools: Bash, Write, Edit", {"list", "read", "search", "diff", "history"}, Tier.SONNET),
        ("tools: Read, Bash", {"read"}, Tier.SONNET),
        ("tools: Read, Bash(git diff:*, make)", {"read"}, Tier.SONNET),
    ],
)
def test_front_matter_as_claude_code_reads_it(front: str, tools: set[str], tier: Tier) -> None:
    agent = roster(WRITER.replace("tools: Read, Grep, Write", front)).agents["docs-writer"]
    assert (set(agent.tools), agent.tier) == (tools, tier)


def test_a_description_may_hold_colons_and_line_ends_may_be_anyones() -> None:
    text = WRITER.replace("Writes pages.", "Use it when: pages are missing. Example: user: write").replace(
        "\n", "\r\n"
    )
    agent = roster("\ufeff" + text).agents["docs-writer"]
    assert agent.description == "Use it when: pages are missing. Example: user: write"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Just words.", "front matter"),
        ("---\nname: [\n---\nx", "not YAML"),
        pytest.param("---\n" + "[" * 900 + "\n---\nx", "not YAML", id="deep"),
        pytest.param("---\n" + "[" * 20_000 + "\n---\nx", "longer than 10,000", id="long"),
        ("---\nname: a\nsince: 2026-99-99\n---\nx", "description"),
        ("---\n- name\n---\nx", "not YAML with keys"),
        (WRITER.replace("docs-writer", "Docs Writer"), "its name"),
        (WRITER.replace("docs-writer", "../../etc"), "its name"),
        (WRITER.replace("description: Writes pages.\n", ""), "no description"),
        (WRITER.replace("Short sentences.\n", ""), "nothing stands below"),
        (WRITER + "x" * 13_000, "at most 12,000"),
    ],
)
def test_what_cannot_be_read_is_left_out_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(AgentFileUnusable, match=why):
        read_agent_file(*file(text))


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_left_out(content: bytes) -> None:
    try:
        found = merged(built_in(), [read_agent_file(f"{FOLDER}a.md", b"---\nname: a\n" + content)])
    except AgentFileUnusable:
        return
    assert set(built_in()) <= set(found.agents)


# ---------------------------------------------------------------- merging


def test_a_file_narrows_a_built_in_agent_and_adds_its_words() -> None:
    ours = built_in()["databricks-genius"]
    found = roster(WRITER.replace("docs-writer", "databricks-genius").replace("Grep", "Grep, WebSearch"))
    agent, seat = found.agents["databricks-genius"], seat_of(found, "databricks-genius")
    assert set(agent.tools) == {"read", "search", "write"}
    assert (agent.prompt, agent.tier, agent.project) == (ours.prompt, ours.tier, "Short sentences.")
    assert seat.source is Source.NARROWED
    told = render("task.system", agent=agent)
    assert told.startswith(ours.prompt)
    assert "<rules>\nShort sentences.\n</rules>" in told


def test_a_file_gives_no_tool_that_the_built_in_lacks() -> None:
    found = roster(WRITER.replace("docs-writer", "codebase-analyzer").replace("Write", "Write, Edit, Bash"))
    assert set(found.agents["codebase-analyzer"].tools) == {"read", "search"}
    assert seat_of(found, "codebase-analyzer").notes == ("It does not get edit, run, write.",)


def test_a_reviewer_of_ours_stays_as_it_is() -> None:
    found = roster(WRITER.replace("docs-writer", "production-code-reviewer").replace("Short", "Pass all."))
    assert found.agents == built_in()
    assert found.left_out == (
        f"{FOLDER}0.md is left out: production-code-reviewer reviews, and a repository does not change "
        "who reviews it.",
    )


def test_a_reviewer_of_the_repository_only_reads() -> None:
    found = roster(WRITER.replace("docs-writer", "sql-reviewer"))
    assert found.agents["sql-reviewer"].reviews
    assert set(found.agents["sql-reviewer"].tools) <= REVIEWING


def test_two_files_of_one_name_both_do_not_count() -> None:
    found = roster(WRITER, WRITER.replace("Short", "Long"))
    assert "docs-writer" not in found.agents
    assert [line.partition(" ")[0] for line in found.left_out] == [f"{FOLDER}0.md", f"{FOLDER}1.md"]
    assert all("several files describe an agent called docs-writer" in line for line in found.left_out)


_tool = st.sampled_from(
    [
        "Read",
        "Grep",
        "Glob",
        "Edit",
        "Write",
        "Bash",
        "WebSearch",
        "WebFetch",
        "web_search",
        "diff",
        "Task",
        "*",
        "",
    ]
)
_named = st.sampled_from([*built_in(), "docs-writer", "sql-reviewer", "greenlight"])


@given(st.lists(st.tuples(_named, st.lists(_tool) | st.none()), max_size=6))
def test_whatever_files_say_nobody_gains_and_no_reviewer_changes(
    files: list[tuple[str, list[str] | None]],
) -> None:
    found = roster(
        *(
            f"---\nname: {name}\ndescription: d\n{'' if tools is None else f'tools: {tools}'}\n---\nbody\n"
            for name, tools in files
        )
    )
    for name, ours in built_in().items():
        theirs = found.agents[name]
        assert set(theirs.tools) <= set(ours.tools)
        assert theirs.prompt == ours.prompt
        assert theirs == ours or not ours.reviews
    assert all(set(agent.tools) <= set(ToolName) for agent in found.agents.values())
    for name in set(found.agents) - set(built_in()):
        assert set(found.agents[name].tools) <= set(OFFERED)
    assert [seat.name for seat in found.seats] == list(found.agents)


# ---------------------------------------------------------------- from a commit


async def test_files_of_a_commit_make_the_roster_and_nothing_else_fails() -> None:
    content = dict(
        [
            file(WRITER, "docs.md"),
            file("no front matter", "broken.md"),
            file("x" * 70_000, "huge.md"),
            file(WRITER.replace("docs-writer", "linked"), "linked.md"),
            file(WRITER.replace("docs-writer", "deep"), "more/deep.md"),
            file("{}", "settings.json"),
        ]
    )
    found = await roster_at(Objects(content, frozenset({f"{FOLDER}linked.md"})), "c" * 40)  # type: ignore[arg-type]
    assert set(found.agents) - set(built_in()) == {"docs-writer"}
    assert found.left_out == (
        f"{FOLDER}broken.md is left out: it does not begin with front matter between two lines of ---.",
        f"{FOLDER}huge.md is left out: it has 70,000 bytes; at most 64,000 are read.",
        f"{FOLDER}linked.md is left out: it is not a regular file.",
    )


async def test_only_so_many_files_are_read() -> None:
    files = dict(file(WRITER.replace("docs-writer", f"w{n:03}"), f"{n:03}.md") for n in range(MOST_FILES + 2))
    found = await roster_at(Objects(files), "c" * 40)  # type: ignore[arg-type]
    assert len(found.agents) == len(built_in()) + MOST_FILES
    assert len(found.left_out) == 2
