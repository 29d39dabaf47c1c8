"""Which tools an agent gets, and over what: git objects to read, a checkout to write."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.agents.reading import ObjectTree, diff_tool, history_tool, list_tool, read_tool, search_tool
from engine.agents.roster import ToolName
from engine.agents.tools import Tool, Toolbox
from engine.agents.writing import CheckoutTree, edit_tool, run_tool, work_diff_tool, write_tool
from engine.dependencies import Dependencies
from engine.files import Checkout
from engine.ports import Limits, Workspace

LOOKING = (ToolName.LIST, ToolName.READ, ToolName.SEARCH)


def reader(names: Collection[ToolName], workspace: Workspace, base: str, commit: str) -> Toolbox:
    """Those tools over git objects at a commit; what would write is left out.

    Args:
        names: The tools that are wanted.
        workspace: The repository.
        base: Where the work began; history is told only of it.
        commit: What is read.
    """
    tree = ObjectTree(workspace, commit)
    tools: tuple[Tool[Any], ...] = (
        list_tool(tree),
        read_tool(tree),
        search_tool(tree),
        diff_tool(workspace, base, commit),
        history_tool(workspace, base),
    )
    return _only(names, tools)


def writer(
    names: Collection[ToolName],
    workspace: Workspace,
    base: str,
    root: Path,
    dependencies: Dependencies,
    memory_mb: int = Limits().memory_mb,
) -> Toolbox:
    """Those tools over a checkout; commands run over copies of it.

    Args:
        names: The tools that are wanted.
        workspace: The repository.
        base: Where the work began.
        root: The checkout. What edits have made of files is remembered beside it.
        dependencies: What commands need, and where they run; it can be neither read nor written as files.
        memory_mb: Address space of each process that commands start.
    """
    checkout = Checkout(root, dependencies.outputs)
    tree = CheckoutTree(checkout)
    tools: tuple[Tool[Any], ...] = (
        list_tool(tree),
        read_tool(tree),
        search_tool(tree),
        work_diff_tool(workspace, base, checkout),
        history_tool(workspace, base),
        edit_tool(checkout, edits_of(root), dependencies.locks),
        write_tool(checkout, dependencies.locks),
        run_tool(dependencies.sandbox(base), root, dependencies.outputs, memory_mb),
    )
    return _only(names, tools)


def edits_of(root: Path) -> Path:
    """Where it is remembered what edits have made of a checkout's files."""
    return root.with_name(f"{root.name}.edits")


def _only(names: Collection[ToolName], tools: tuple[Tool[Any], ...]) -> Toolbox:
    return Toolbox([tool for tool in tools if tool.name in names])
