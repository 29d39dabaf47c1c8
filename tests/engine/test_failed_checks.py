"""What doctor says of a check that fails where nothing was changed."""

import pytest

from engine.failed_checks import explained
from engine.ports import Ended, Execution
from engine.settings import CheckSettings

CHECK = CheckSettings(argv=("make", "test"), timeout_s=30)


def done(output: str = "", exit_code: int | None = 1, ended: Ended = Ended.EXIT) -> Execution:
    return Execution(
        argv=CHECK.argv, exit_code=exit_code, ended=ended, output=output, truncated=False, digest="",
        duration_s=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("output", "what", "next_"),
    [
        ("E   ModuleNotFoundError: No module named 'idna'\n", "a package that is not installed", "init"),
        ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'\n", "a package that is not", "init"),
        ("Could not resolve host: pypi.example.com\n", "wants a network", "prepare"),
        ("npm error code ENOTFOUND\n", "wants a network", "prepare"),
        ("connect ECONNREFUSED 127.0.0.1:5432\n", "wants a network", "prepare"),
        ("sh: 1: jest: not found\n", "a program that is not in the sandbox", "/usr"),
        ("bash: line 1: cargo: command not found\n", "a program that is not in the sandbox", "/usr"),
        (
            "OSError: [Errno 30] Read-only file system: 'node_modules/.cache'\n",
            "nothing can be written",
            "/tmp",
        ),
        ("RangeError: WebAssembly.Memory(): could not allocate\n", "ran out of memory", "memory_mb"),
        ("MemoryError\n", "ran out of memory", "memory_mb"),
        ("write: No space left on device\n", "more than the sandbox holds", "less"),
        ("fatal: not a git repository\n", "the repository's history", "version"),
        ("Cannot connect to the Docker daemon\n", "start containers", "without"),
        ("1 failed, 3 passed\n", "exit code 1 on the base branch", "Mend it there"),
    ],
)
def test_what_the_output_tells(output: str, what: str, next_: str) -> None:
    why = explained(CHECK, done(f"begun\n{output}end\n"), prepares=False)
    assert what in why.what
    assert "“make test”" in why.what
    assert next_ in why.next
    assert why.line in ("", output.strip())


def test_a_prepared_package_may_be_missing_from_the_lock() -> None:
    why = explained(CHECK, done("No module named 'idna'\n"), prepares=True)
    assert "lock files" in why.next


@pytest.mark.parametrize(
    ("execution", "what", "next_"),
    [
        (done(exit_code=None, ended=Ended.TIMEOUT), "within 30 s", "timeout_s"),
        (done(exit_code=None, ended=Ended.OUTPUT), "printed too much", "less"),
        (done("npm: no such program in the sandbox\n", None, Ended.START), "a program that is not", "/usr"),
        (done("cp: x: No space left on device\n", None, Ended.START), "does not fit", "large files"),
        (done("cp: cannot open\n", None, Ended.START), "could not be started", "printed"),
        (done(exit_code=127), "a program that is not in the sandbox", "/usr"),
        (done(exit_code=137), "ran out of memory", "memory_mb"),
    ],
)
def test_what_its_end_tells(execution: Execution, what: str, next_: str) -> None:
    why = explained(CHECK, execution, prepares=False)
    assert what in why.what
    assert next_ in why.next


def test_a_long_line_is_cut() -> None:
    assert len(explained(CHECK, done("No module named " + "x" * 5_000), prepares=False).line) <= 200
