"""Git, run so that nothing in a repository, a tree or the operator's settings changes what it does."""

import asyncio
import contextlib
import errno
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path

from engine.errors import DiskFull, Rejected, RepositoryUnusable, Unreachable

LOCAL_TIMEOUT_S = 120.0
REMOTE_TIMEOUT_S = 300.0
_GRACE_S = 0.5
_SHORT = frozenset({"fast-import", "update-ref"})
_CHUNK = 1 << 16
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.askPass=",
    "credential.helper=",
    "submodule.recurse=false",
    "push.gpgSign=false",
    "commit.gpgSign=false",
    "log.showSignature=false",
    "log.mailmap=false",
    "http.followRedirects=false",
    "gc.auto=0",
    "maintenance.auto=false",
)


class GitFailed(Exception):
    """Git ended with an error. Never leaves the adapter.

    Args:
        said: Standard error, in the C locale; for matching, not for people.
        output: Standard output up to the failure.
    """

    def __init__(self, said: str, output: bytes = b"") -> None:
        super().__init__(said)
        self.said = said
        self.output = output


def require_id(commit: str) -> str:
    """A full object id, or Rejected: names and ranges would let text choose what is read."""
    if not _ID.fullmatch(commit):
        raise Rejected("A commit is named by its full id here.")
    return commit


def disk_error(error: OSError) -> DiskFull | RepositoryUnusable:
    """The mapper of what the file system says when something of a repository is written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("No space is left where repositories are kept: free some and try again.")
    return RepositoryUnusable("The repository's files cannot be written to the state directory.")


class Git:
    """Runs git on one bare store of ours.

    Args:
        store: The bare repository's directory.
    """

    def __init__(self, store: Path) -> None:
        self.store = store

    async def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        timeout_s: float = LOCAL_TIMEOUT_S,
    ) -> bytes:
        """Standard output of `git ARGUMENTS`.

        Args:
            arguments: The subcommand and its arguments.
            stdin: What it reads.
            extra: Environment beyond the fixed one.
            timeout_s: After this many seconds its process group is killed.

        Raises:
            GitFailed: it ended with an error.
            Unreachable: it took too long.
            DiskFull: it found no space.
        """
        async with contextlib.AsyncExitStack() as stack:
            process = await stack.enter_async_context(self._process(arguments, extra or {}))
            try:
                async with asyncio.timeout(timeout_s):
                    output, said = await process.communicate(stdin)
            except TimeoutError:
                raise Unreachable("Git took too long to answer.") from None
        if process.returncode != 0:
            text = said.decode("utf-8", "replace")
            if "No space left on device" in text or "Disk quota exceeded" in text:
                raise disk_error(OSError(errno.ENOSPC, "")) from None
            raise GitFailed(text, output)
        return output

    async def blobs(self, ids: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """The bytes of each blob in turn, one in memory at a time. Close it if you stop early."""
        if not ids:
            return
        async with self._process(("cat-file", "--batch", "--buffer"), {}) as process:
            assert process.stdout is not None  # noqa: S101 - PIPE was asked for
            feeding = asyncio.ensure_future(_feed(process, "".join(f"{name}\n" for name in ids)))
            try:
                for _ in ids:
                    header = (await process.stdout.readline()).split()
                    if len(header) != 3:
                        raise RepositoryUnusable("The store of the repository is damaged: delete it.")
                    data = await process.stdout.readexactly(int(header[2]) + 1)
                    yield data[:-1]
            except asyncio.IncompleteReadError:
                raise RepositoryUnusable("The store of the repository is damaged: delete it.") from None
            finally:
                feeding.cancel()
                await asyncio.wait([feeding])

    @contextlib.asynccontextmanager
    async def _process(self, arguments: Sequence[str], extra: Mapping[str, str]) -> AsyncIterator[Process]:
        """A git process that is dead, with all it started, when the block is left."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        # Shielded: a cancelled spawn would leave a process behind that nobody can name.
        spawning = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                "git",
                "--no-pager",
                f"--git-dir={self.store}",
                *settings,
                *arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd="/",
                env={**_environment(), **extra},
                start_new_session=True,
            )
        )
        try:
            yield await asyncio.shield(spawning)
        except FileNotFoundError:
            raise RepositoryUnusable("The program git is missing: install it and try again.") from None
        finally:
            await asyncio.wait([spawning])
            if spawning.exception() is None:
                # Signals come between a lock and what would remove it: what takes a moment ends by itself.
                if arguments[0] in _SHORT:
                    await _ended_by(spawning.result(), 0, _GRACE_S)
                await _end(spawning.result())


async def _feed(process: Process, text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
        process.stdin.close()


async def _end(process: Process) -> None:
    """First in the way in which git takes its lock files along."""
    if not (process.returncode is None and await _ended_by(process, signal.SIGTERM, _GRACE_S)):
        await _ended_by(process, signal.SIGKILL, None)


async def _ended_by(process: Process, number: int, within_s: float | None) -> bool:
    """Whether it is dead; 0 sends no signal."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    try:
        async with asyncio.timeout(within_s):
            await _dead(process)
    except TimeoutError:
        return False
    return True


async def _dead(process: Process) -> None:
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(_CHUNK):
            pass
    await process.wait()


def _environment() -> dict[str, str]:
    """All that git sees of this process's environment is where programs are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
    }
