"""What a repository's commands need from outside: made once of its lock files, kept, and shown read-only.

The commands that make it are the operator's. They have network and therefore see nothing but the lock files
of the base commit: no file that an agent wrote, no secret. Lock files that the work itself changes are never
installed: they would let an agent choose what is fetched and run. Checks of such a commit are not run, and
what they would have settled is not checked.
"""

import contextlib
import hashlib
import json
import math
import shutil
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from errno import EDQUOT, ENOSPC
from pathlib import Path

from engine.errors import DiskFull, Rejected, RepositoryUnusable
from engine.failed_checks import unprepared
from engine.ports import Command, Ended, Execution, Limits, Mount, Preparation, Sandbox, TreeEntry, Workspace
from engine.prepare_settings import PrepareSettings, below
from engine.prepared_store import PreparedStore

_FORM = 1  # raised when entries come to look different
_PROCESSES = 1024

Tell = Callable[[str], None]
Files = Mapping[str, TreeEntry]


def silent(_line: str) -> None:
    """Tell nobody."""


class Dependencies:
    """The dependencies of one repository.

    Args:
        name: The repository's.
        settings: How they are made; None: nothing is needed.
        workspace: The repository.
        sandbox: Where commands run.
        directory: Where they are kept, for all repositories.
    """

    def __init__(
        self,
        name: str,
        settings: PrepareSettings | None,
        workspace: Workspace,
        sandbox: Sandbox,
        directory: Path,
    ) -> None:
        self._name = name
        self._settings = settings
        self._workspace = workspace
        self._sandbox = sandbox
        self._store = PreparedStore(directory / name)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Directories within the tree that are shown read-only and are no part of any commit."""
        return self._settings.outputs if self._settings else ()

    @property
    def locks(self) -> tuple[str, ...]:
        """Files whose change makes a commit one that cannot be checked."""
        return self._settings.locks if self._settings else ()

    async def ready(self, base: str, tell: Tell = silent) -> None:
        """Make them for a base commit, unless they are kept. Repeatable; made once, whoever asks.

        Raises:
            RepositoryUnusable: they cannot be made; says why, and how to go on.
            DiskFull: no space is left for them.
        """
        async with self.mounted(base, tell):
            pass

    def sandbox(self, base: str) -> Sandbox:
        """Where commands run that see the dependencies of a base commit; `run` raises as `ready`."""
        return _Prepared(self, self._sandbox, base) if self._settings else self._sandbox

    async def misfit(self, base: str, commit: str) -> str:
        """Why the base's dependencies do not serve a commit, in a sentence; empty if they do."""
        if self._settings is None or base == commit:
            return ""
        before, after = await self._files(base), await self._files(commit)
        changed = [path for path in self._settings.locks if _blob(before, path) != _blob(after, path)]
        if changed:
            return (
                f"{', '.join(changed)} differs from the base, and dependencies are installed only as the "
                "base's lock files say"
            )
        path, output = _covered(self._settings, after)
        return f"{path} stands where {output} is prepared" if path else ""

    @contextlib.asynccontextmanager
    async def mounted(self, base: str, tell: Tell = silent) -> AsyncIterator[tuple[Mount, ...]]:
        """What commands over a tree of this base see besides, for as long as the block runs.

        Raises:
            RepositoryUnusable, DiskFull: as `ready`.
        """
        if self._settings is None:
            yield ()
            return
        key = await self.key(base)
        while True:
            with self._store.leased(key) as entry:
                if entry is not None:
                    yield tuple(Mount(source=entry / at, at=at) for at in self._settings.outputs)
                    return
            tell("Preparing dependencies…")
            with _told():
                async with self._store.making():
                    if not self._store.has(key):
                        await self._make(self._settings, base, key, tell)

    # ------------------------------------------------------------ what is asked for

    async def _files(self, commit: str) -> Files:
        return {entry.path: entry for entry in await self._workspace.files(commit)}

    async def key(self, base: str) -> str:
        """The same for the same commands, lock files and programs; empty: nothing is made.

        Raises:
            RepositoryUnusable: what is configured does not fit the repository.
        """
        if self._settings is None:
            return ""
        settings, files = self._settings, await self._files(base)
        missing = [path for path in settings.locks if not _regular(files, path)]
        if missing:
            raise RepositoryUnusable(
                f"The repository {self._name} has no file {', '.join(missing)} at its base, but its "
                "configuration prepares dependencies from it: correct `locks` there."
            )
        path, output = _covered(settings, files)
        if path:
            raise RepositoryUnusable(
                f"The repository {self._name} itself holds {path}, but its configuration prepares {output}: "
                f"take {output} out of the repository, or name another output."
            )
        known = {
            "form": _FORM,
            "commands": settings.commands,
            "outputs": settings.outputs,
            "env": settings.env,
            "locks": {path: _blob(files, path) for path in settings.locks},
            "programs": self._sandbox.programs(),
        }
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:40]

    # ------------------------------------------------------------ making it

    async def _make(self, settings: PrepareSettings, base: str, key: str, tell: Tell) -> None:
        async with self._store.room() as room:
            locks = {path: await self._lock(room, base, path) for path in settings.locks}
            await to_thread(_furnish, room, locks)
            for argv in settings.commands:
                tell(f"Preparing dependencies: {' '.join(argv)[:200]}")
                done = await self._sandbox.prepare(
                    Preparation(argv=argv, room=room, env=settings.env, limits=_limits(settings))
                )
                if done.ended is not Ended.EXIT or done.exit_code != 0:
                    raise RepositoryUnusable(unprepared(self._name, settings, done))
            await self._store.keep(await to_thread(self._taken, room, settings.outputs), key)

    async def _lock(self, room: Path, base: str, path: str) -> bytes:
        try:
            return await self._workspace.read(base, path) or b""
        except Rejected:
            # Larger than is read at once: the files are written beside what the commands see, and removed.
            whole = room / "whole"
            await self._workspace.checkout(base, whole)
            content = await to_thread((whole / path).read_bytes)
            await to_thread(shutil.rmtree, whole)
            return content

    def _taken(self, room: Path, outputs: Sequence[str]) -> Path:
        """What the commands made, apart from everything else they wrote."""
        kept = room / "kept"
        for output in outputs:
            # The commands are dead, but links that they left must not lead out of the room.
            steps = [room / "tree" / step for step in (Path(output), *Path(output).parents)]
            if not all(step.is_dir() and not step.is_symlink() for step in steps):
                raise RepositoryUnusable(
                    f"The commands that prepare {self._name} ended well but made no directory {output}: "
                    "correct `commands` or `outputs` in its configuration."
                )
            made = room / "tree" / output
            made.chmod(0o755)
            (kept / output).parent.mkdir(parents=True, exist_ok=True)
            made.rename(kept / output)
        return kept


class _Prepared:
    """Implements `engine.ports.Sandbox` by another one, whose commands see dependencies as well."""

    def __init__(self, dependencies: Dependencies, sandbox: Sandbox, base: str) -> None:
        self._dependencies = dependencies
        self._sandbox = sandbox
        self._base = base

    async def probe(self) -> str:
        return await self._sandbox.probe()

    async def run(self, command: Command) -> Execution:
        async with self._dependencies.mounted(self._base) as mounts:
            return await self._sandbox.run(command.model_copy(update={"mounts": mounts}))

    async def prepare(self, preparation: Preparation) -> Execution:
        return await self._sandbox.prepare(preparation)

    def programs(self) -> str:
        return self._sandbox.programs()


def _regular(files: Files, path: str) -> bool:
    return path in files and files[path].mode.startswith("100")


def _blob(files: Files, path: str) -> str:
    return files[path].blob if _regular(files, path) else ""


def _covered(settings: PrepareSettings, files: Files) -> tuple[str, str]:
    """A path of the repository that an output would hide, and the output; empty if there is none."""
    for output in settings.outputs:
        for path in files:
            if below(path, output) or below(output, path):
                return path, output
    return "", ""


def _furnish(room: Path, locks: Mapping[str, bytes]) -> None:
    for name in ("tree", "home", "tmp"):
        (room / name).mkdir()
        (room / name).chmod(0o777)  # the room's parent lets nobody else in
    for path, content in locks.items():
        (room / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (room / "tree" / path).write_bytes(content)


def _limits(settings: PrepareSettings) -> Limits:
    return Limits(
        wall_s=settings.timeout_s,
        cpu_s=math.ceil(4 * settings.timeout_s),
        memory_mb=settings.memory_mb,
        processes=_PROCESSES,
        tree_mb=settings.size_mb,
    )


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """The one mapper of what the file system says."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull("No space is left where dependencies are kept: free some and try again.") from None
        raise RepositoryUnusable("The prepared dependencies cannot be kept in the state directory.") from None
