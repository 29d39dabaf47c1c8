"""What is mutated, and which tests are to kill it."""

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_DECIDE = (
    "tests/engine/test_decide_examples.py", "tests/engine/test_decide_disputes.py",
    "tests/engine/test_decide_machine.py", "tests/engine/test_decide_total.py",
    "tests/engine/test_scoping.py", "tests/engine/test_pushing.py", "tests/engine/test_leaking.py",
    "tests/engine/test_following.py", "tests/engine/test_following_machine.py",
    "tests/engine/test_branching.py", "tests/engine/test_investigating.py", "tests/engine/test_locating.py",
    "tests/engine/test_answers.py", "tests/engine/test_attesting.py",
)  # fmt: skip
_GIT = (
    "tests/engine/adapters/test_git_hardening.py", "tests/conformance/test_workspace.py",
    "tests/conformance/test_workspace_branches.py", "tests/engine/adapters/test_git_over_http.py",
)  # fmt: skip
_SUITES: dict[str, tuple[str, ...]] = {
    "engine/gate.py": ("tests/engine/test_gate.py",),
    "engine/policy.py": ("tests/engine/test_policy.py",),
    "engine/scope.py": ("tests/engine/test_scope.py",),
    "engine/adapters/git.py": _GIT,
    "engine/adapters/git_remote.py": _GIT,
    "bot/decode.py": ("tests/bot/test_decode.py",),
}
TARGETS = (
    *_SUITES,
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "engine" / "decide").glob("*.py")),
)


def tests_of(modules: Sequence[str]) -> list[str]:
    """The test files for these modules."""
    files = (file for module in modules for file in _SUITES.get(module, _DECIDE))
    return [file for file in dict.fromkeys(files) if (ROOT / file).exists()]
