"""What is mutated, and which tests are to kill it."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_DECIDE = (
    "tests/engine/test_decisions.py",
    "tests/engine/test_decide_examples.py", "tests/engine/test_decide_disputes.py",
    "tests/engine/test_decide_machine.py", "tests/engine/test_decide_total.py",
    "tests/engine/test_scoping.py", "tests/engine/test_pushing.py", "tests/engine/test_leaking.py",
    "tests/engine/test_following.py", "tests/engine/test_following_machine.py",
    "tests/engine/test_branching.py", "tests/engine/test_investigating.py", "tests/engine/test_locating.py",
    "tests/engine/test_answers.py", "tests/engine/test_attesting.py", "tests/engine/test_standing.py",
    "tests/engine/test_delivering.py", "tests/engine/test_speccing.py",
    "tests/engine/test_reviewing.py", "tests/engine/test_pausing.py", "tests/engine/test_sharing.py",
    "tests/engine/test_sections.py", "tests/engine/test_minutes.py",
)  # fmt: skip
_GIT = (
    "tests/engine/adapters/test_git_hardening.py", "tests/engine/adapters/test_git_remote.py",
     "tests/conformance/test_workspace.py",
    "tests/conformance/test_workspace_branches.py", "tests/engine/adapters/test_git_over_http.py",
)  # fmt: skip
_DECODE = ("tests/bot/test_decode.py", "tests/bot/test_decode_whole.py")
_SUITES: dict[str, tuple[str, ...]] = {
    "engine/gate.py": ("tests/engine/test_gate.py",),
    "engine/policy.py": ("tests/engine/test_policy.py",),
    "engine/scope.py": ("tests/engine/test_scope.py",),
    "engine/adapters/git.py": _GIT,
    "engine/adapters/git_remote.py": _GIT,
    "engine/adapters/git_workspace.py": _GIT,
    **{f"bot/decode/{part}.py": _DECODE for part in ("channels", "clicks", "heard", "messages")},
}
_PARTS = {
    "engine/adapters/git.py": ("_SETTINGS", "_ID", "require_id", "Git._process", "_environment"),
    "engine/adapters/git_remote.py": (
        "_SSH", "_PASSED_ON", "Remote.fetch", "Remote.fetch_all", "Remote.push", "Remote._environment",
        "Remote._once", "Remote._trusted", "_signed", "_local_path", "_without_secrets", "_config_value",
    ),
    "engine/adapters/git_workspace.py": (
        "GitWorkspace.push", "GitWorkspace._require_unprotected", "GitWorkspace._push",
        "GitWorkspace._require_branch_name", "_pushed_ref", "_intended_ref",
    ),
}  # fmt: skip
"""Of files that do more: what hardens git, and what decides where a push goes."""

TARGETS = (
    *_SUITES,
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "engine" / "decide").glob("*.py")),
)


def in_target(module: str, tree: ast.Module, line: int) -> bool:
    """Whether a line of a module is of what is to be proved."""
    parts = _PARTS.get(module)
    if parts is None:
        return True
    return any(first <= line <= last for name, first, last in _named(tree.body) if name in parts)


def _named(body: Sequence[ast.stmt], within: str = "") -> Iterator[tuple[str, int, int]]:
    for one in body:
        name = getattr(one, "name", "")
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            name = one.targets[0].id
        yield within + name, one.lineno, one.end_lineno or one.lineno
        if isinstance(one, ast.ClassDef):
            yield from _named(one.body, f"{name}.")


def tests_of(modules: Sequence[str]) -> list[str]:
    """The test files for these modules."""
    files = (file for module in modules for file in _SUITES.get(module, _DECIDE))
    return [file for file in dict.fromkeys(files) if (ROOT / file).exists()]
