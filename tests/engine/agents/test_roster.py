from pathlib import Path

import pytest

from engine.agents.roster import WEB, Kind, ToolName, built_in, load_roster, read_agent
from engine.errors import ConfigurationInvalid
from engine.ports import Tier

GOOD = "---\nname: sql-helper\ndescription: Helps.\ntools: list, read, edit\nmodel: sonnet\n---\nYou help.\n"


def put(folder: Path, text: str, name: str = "sql-helper.md") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_built_in_agents_have_their_tools_and_tiers() -> None:
    searcher = built_in()["web-search-researcher"]
    assert set(searcher.tools) == WEB
    assert not searcher.writes
    analyzer, genius, reviewer = (
        built_in()[name] for name in ("codebase-analyzer", "databricks-genius", "production-code-reviewer")
    )
    assert (analyzer.tier, analyzer.writes, analyzer.reviews) == (Tier.HAIKU, False, False)
    assert set(genius.tools) == set(ToolName) - WEB
    assert (genius.tier, genius.writes, genius.reviews) == (Tier.SONNET, True, False)
    assert reviewer.reviews
    assert ToolName.HISTORY not in reviewer.tools


def test_an_agent_is_read_from_its_file(tmp_path: Path) -> None:
    agent = read_agent(put(tmp_path, GOOD))
    assert (agent.name, agent.prompt, agent.writes) == ("sql-helper", "You help.", True)
    assert load_roster(tmp_path) == {"sql-helper": agent}


def test_tools_may_be_a_yaml_list_and_a_reviewer_may_say_so(tmp_path: Path) -> None:
    text = GOOD.replace("list, read, edit", "[list, diff]").replace("---\nYou", "kind: reviewer\n---\nYou")
    agent = read_agent(put(tmp_path, text))
    assert (agent.kind, agent.reviews) == (Kind.REVIEWER, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("You help.", "front matter"),
        ("---\nname: [\n---\nx", "not YAML"),
        ("---\n- a\n---\nx", "keys and values"),
        (GOOD.replace("edit", "sudo"), "tools.2"),
        (GOOD.replace("edit", "read"), "twice"),
        (GOOD.replace("sonnet", "gpt"), "model"),
        (GOOD.replace("sql-helper", "other"), "the file is called"),
        (GOOD.replace("You help.\n", ""), "prompt"),
        (GOOD.replace("model:", "colour: red\nmodel:"), "colour"),
        (GOOD.replace("list, read, edit", "read, run"), "run needs a checkout"),
        (GOOD.replace("model: sonnet", "model: sonnet\nkind: reviewer"), "not edit"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        read_agent(put(tmp_path, text))
    assert "sql-helper.md" in caught.value.sentence
    assert says in caught.value.sentence


def test_a_folder_without_agents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="no agent"):
        load_roster(tmp_path)


def test_who_searches_the_web_has_no_other_tools(tmp_path: Path) -> None:
    text = GOOD.replace("tools: list, read, edit", "tools: web_search, read")
    with pytest.raises(ConfigurationInvalid, match="sees nothing else"):
        read_agent(put(tmp_path, text))
