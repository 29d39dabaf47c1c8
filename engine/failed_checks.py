"""Why a check or a preparation fails where nothing was changed, and what to do about it. Pure."""

import re
from dataclasses import dataclass

from engine.ports import Ended, Execution
from engine.prepare_settings import PrepareSettings
from engine.settings import CheckSettings

_TAIL_LINES, _TAIL_CHARACTERS = 8, 800
_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Explained:
    """What happened and what to do, a sentence or two each; `line` is what told it, from the output."""

    what: str
    next: str
    line: str = ""


def _form(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.MULTILINE)


_NO_PROGRAM = (
    "needs a program that is not in the sandbox",
    "The sandbox sees /usr, the environment that runs Greenlight, and the programs that `prepare` makes "
    "(.venv/bin, node_modules/.bin): install it in one of them, or name its directory in `toolchain`.",
)
_MEMORY = ("ran out of memory", "Raise `memory_mb` of this check.")
_NOT_INSTALLED = "needs a package that is not installed in the sandbox"
_PREPARE = "No `prepare` is configured: `greenlight init REPOSITORY --print` proposes one."
_LEFT_OUT = "`prepare` did not install it: is it named in the lock files that `prepare` gets?"

# The first that stands in the output tells; the narrower forms come first.
_KINDS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        _form("docker daemon", r"docker\.sock", "testcontainers"),
        "wants to start containers, which the sandbox cannot",
        "Name a check that runs without them.",
    ),
    (
        _form(
            "temporary failure in name resolution", "could not resolve host", "name or service not known",
            r"\bENOTFOUND\b", r"\bEAI_AGAIN\b", r"\bENETUNREACH\b", r"\bECONNREFUSED\b", "is unreachable",
            "connection refused", "failed to establish a new connection", "getaddrinfo", "proxyerror",
        ),
        "wants a network, and no check has one",
        "Have `prepare` fetch what it needs, or leave out what talks to others.",
    ),
    (_form("no module named", "cannot find (module|package|type)"), _NOT_INSTALLED, ""),
    (
        _form("ModuleNotFoundError", "ImportError", r"\bERR_MODULE_NOT_FOUND\b", "unresolved import"),
        _NOT_INSTALLED,
        "",
    ),
    (_form("command not found", r": not found$"), *_NO_PROGRAM),
    (
        _form("read-only file system", r"\bEROFS\b"),
        "writes where nothing can be written",
        "What `prepare` made and the system are read-only: have it write to /tmp or beside the sources.",
    ),
    (
        _form(
            "cannot allocate memory", "MemoryError", "out of memory", r"\bENOMEM\b", r"WebAssembly\.Memory",
            "bad_alloc",
        ),
        *_MEMORY,
    ),
    (
        _form("no space left on device", r"\bENOSPC\b"),
        "writes more than the sandbox holds",
        "It holds 1 gigabyte with the sources, and 256 megabytes in /tmp: have it write less.",
    ),
    (
        _form("not a git repository", "setuptools_scm", "git describe"),
        "wants the repository's history, which the sandbox does not have",
        "Give it the version by other means, such as SETUPTOOLS_SCM_PRETEND_VERSION in a Makefile.",
    ),
)  # fmt: skip


def explained(check: CheckSettings, done: Execution, *, prepares: bool) -> Explained:
    """Why this execution at the base commit is not green.

    Args:
        check: The check.
        done: What it did.
        prepares: Whether the repository has `prepare`.
    """
    command = f"“{' '.join(done.argv)[:200]}”"
    match done.ended:
        case Ended.START:
            return _not_started(command, done)
        case Ended.TIMEOUT:
            return Explained(
                f"{command} did not end within {check.timeout_s:g} s",
                "Raise `timeout_s` if it takes that long; it may also wait for a network, which it has not.",
            )
        case Ended.OUTPUT | Ended.SIZE:
            return Explained(f"{command} printed too much and was ended", "Have it print less.")
        case Ended.EXIT:
            return _red(command, done, prepares)


def _not_started(command: str, done: Execution) -> Explained:
    line = tail(done.output, 1)
    if "no such program in the sandbox" in done.output:
        what, next_ = _NO_PROGRAM
        return Explained(f"{command} {what}", next_, line)
    if "No space left" in done.output:
        return Explained(
            f"{command} was not started: the repository does not fit into the sandbox (1 gigabyte)",
            "Take large files out of the repository; what is installed belongs into `prepare`.",
            line,
        )
    return Explained(f"{command} could not be started", "Look at what it printed.", line)


def _red(command: str, done: Execution, prepares: bool) -> Explained:
    said = done.output[-_LOOKED_AT:]
    for form, what, next_ in _KINDS:
        if found := form.search(said):
            remedy = next_ or (_LEFT_OUT if prepares else _PREPARE)
            return Explained(f"{command} {what}", remedy, _line(said, found.start()))
    if done.exit_code in (126, 127):
        return Explained(f"{command} {_NO_PROGRAM[0]}", _NO_PROGRAM[1], tail(said, 1))
    if done.exit_code == 137:
        return Explained(f"{command} {_MEMORY[0]}", _MEMORY[1])
    return Explained(
        f"{command} ended with exit code {done.exit_code} on the base branch as it is",
        "Mend it there. While it is red, it can tell only of work that makes it green.",
    )


def unprepared(name: str, settings: PrepareSettings, done: Execution) -> str:
    """Why dependencies could not be prepared, with the last lines of the command that failed."""
    how, next_ = {
        Ended.START: (
            "could not be started",
            "Install the program where the sandbox sees it (such as /usr/local/bin), or name its directory "
            "in the configuration's `toolchain`.",
        ),
        Ended.TIMEOUT: (
            f"did not end within {settings.timeout_s:g} s",
            "Look whether the network is there, or raise `timeout_s` in the configuration.",
        ),
        Ended.SIZE: (
            f"wrote more than {settings.size_mb} megabytes",
            "Raise `size_mb` in the configuration if that is what it takes.",
        ),
        Ended.OUTPUT: ("was ended because it printed too much", "Correct `commands` in the configuration."),
        Ended.EXIT: (
            f"ended with exit code {done.exit_code}",
            "Correct the lock files on the base branch or `prepare` in the configuration, and try again.",
        ),
    }[done.ended]
    last = tail(done.output)[-_TAIL_CHARACTERS:]
    said = f" Its last lines:\n{last}\n" if last else " "
    return f"Preparing the dependencies of {name} failed: “{' '.join(done.argv)[:200]}” {how}.{said}{next_}"


def tail(output: str, lines: int = _TAIL_LINES) -> str:
    """The last lines that hold something."""
    return "\n".join([line.rstrip()[:200] for line in output.splitlines() if line.strip()][-lines:])


def _line(text: str, at: int) -> str:
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    return text[start : end if end >= 0 else None].strip()[:200]
