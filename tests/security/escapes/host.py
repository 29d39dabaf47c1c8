"""What the host has that nobody inside may reach, and whether it was touched."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.security.escapes.escape import Escape, Off

CANARY = "canary-secret-5c1e"
_PLAIN = 65534
_ALONE = ("unshare", "--mount", "--uts", "--net", "--propagation", "private", "--")


@dataclass
class Host:
    """Files, servers and a process of the host that nobody inside may reach.

    Attributes:
        given: What programs are told, as JSON takes it.
        victim: A process that nobody inside may reach.
    """

    directory: Path
    given: dict[str, str | int]
    victim: "subprocess.Popen[bytes]"

    @property
    def argument(self) -> str:
        """What programs are told."""
        return json.dumps(self.given)

    def arrange(self) -> None:
        """Put everything as it was."""
        for name in _FOLDERS:
            (self.directory / name).mkdir(exist_ok=True)
            (self.directory / name).chmod(0o755)
            for path in (self.directory / name).iterdir():
                if str(path.relative_to(self.directory)) not in {*_FOLDERS, *_FILES, *_LINKS}:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name, text in _FILES.items():
            file = self.directory / name
            file.unlink(missing_ok=True)
            file.write_text(text)
            file.chmod(0o755)
            os.utime(file, (_THEN, _THEN))
        for name, target in _LINKS.items():
            (self.directory / name).unlink(missing_ok=True)
            (self.directory / name).symlink_to(self.directory / target)
        if os.geteuid() == 0:  # a plain user owns it all: nothing but the sandbox is in the way
            for name in (*_FOLDERS, *_FILES, *_LINKS):
                os.chown(self.directory / name, _PLAIN, _PLAIN, follow_symlinks=False)
        # Always another: a signal that the last one got may not have ended it yet.
        self.victim.kill()
        self.victim.wait()
        self.victim = subprocess.Popen(self.victim.args)
        self.given["pid"] = self.victim.pid
        for pid in self._daemons():
            os.kill(pid, signal.SIGKILL)

    def touched(self) -> str:
        """What is not as it was, in a word or two; empty if everything is."""
        for name, text in _FILES.items():
            file = self.directory / name
            if not file.is_file() or file.read_text() != text or file.stat().st_mode & 0o777 != 0o755:
                return f"{name} changed"
            if file.stat().st_mtime != _THEN:
                return f"the times of {name} changed"
        folders = [self.directory / name for name in _FOLDERS]
        if any(folder.stat().st_mode & 0o777 != 0o755 for folder in folders):
            return "a folder's mode changed"
        known = {*_FOLDERS, *_FILES, *_LINKS}
        for path in (path for folder in folders if folder.name != "work" for path in folder.iterdir()):
            if str(path.relative_to(self.directory)) not in known:
                return f"{path.name} appeared in {path.parent.name}"
        with suppress(subprocess.TimeoutExpired):  # a signal takes a moment on a busy machine
            self.victim.wait(timeout=0.02)
            return "the process ended"
        return "a daemon is left" if self._daemons() else ""

    def run(self, escape: Escape) -> tuple[bool, str]:
        """Whether the escape works with its guard off, and its output. Puts everything back."""
        self.arrange()
        alone = _ALONE if escape.shown is Off.ALONE else ()
        with tempfile.TemporaryFile() as output, (self.directory / "private/secret").open() as held:
            process = subprocess.Popen(
                [*alone, sys.executable, "-I", "-S", "-c", escape.program, self.argument],
                cwd=self.directory / "work", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SECRET": CANARY}, start_new_session=True,
                pass_fds=[held.fileno()],
            )  # fmt: skip
            try:
                process.wait(timeout=30)
            finally:
                process.kill()
                process.wait()
            output.seek(max(0, output.seek(0, os.SEEK_END) - 4_000))
            said = output.read().decode("utf-8", "replace")
        worked = "reached" in said.splitlines() or said.endswith("reached\n") or self.touched()
        self.arrange()
        return bool(worked), said

    def _daemons(self) -> list[int]:
        mark = f"sleep\0{self.given['daemon']}\0".encode()
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if (process / "cmdline").read_bytes() == mark:
                        found.append(int(process.name))
                except OSError:
                    continue
        return found


_THEN = 1_000_000_000
_FOLDERS = ("tree", "tools", "tools/bin", "lib", "private", "work")
_FILES = {
    "private/secret": CANARY,
    "private/victim": "untouched",
    "tree/file.txt": "of the checkout\n",
    "tools/bin/tool": "#!/bin/sh\necho tool\n",
    "lib/there.txt": "prepared\n",
}
_NAMED = {
    "secret": "private/secret",
    "victim": "private/victim",
    "tree": "tree",
    "tool": "tools/bin/tool",
    "lib": "lib",
}
_LINKS = {"tree/link": "private/secret", "tree/wlink": "private/victim"}


@contextmanager
def open_host() -> Iterator[Host]:
    """Everything arranged, in a fresh directory, until the block ends."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)
        unix, abstract = str(directory / "socket"), f"greenlight-{os.getpid()}"
        tcp, tcp6, all_, udp, at_path, named = (
            stack.enter_context(_server(*made))
            for made in (
                (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
                (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
                (socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0)),  # noqa: S104 - what is tried is to reach it
                (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
                (socket.AF_UNIX, socket.SOCK_STREAM, unix),
                (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            )
        )
        Path(unix).chmod(0o777)
        victim = subprocess.Popen(["sleep", f"{3_000 + os.getpid()}"])
        given: dict[str, str | int] = {
            **{name: str(directory / path) for name, path in _NAMED.items()},
            "canary": CANARY, "unix": unix, "abstract": abstract, "address": _address(),
            "tcp": _port(tcp), "tcp6": _port(tcp6), "tcp_all": _port(all_), "udp": _port(udp),
            "net": str(Path("/proc/self/ns/net").readlink()), "pid": victim.pid, "mark": "sleep",
            "daemon": str(90_000_000 + os.getpid()),
        }  # fmt: skip
        del at_path, named
        host = Host(directory, given, victim)
        host.arrange()
        try:
            yield host
        finally:
            host.arrange()
            host.victim.kill()
            host.victim.wait()


@contextmanager
def _server(family: int, kind: int, address: tuple[str, int] | str) -> Iterator[socket.socket]:
    """A server that greets whoever comes."""
    with socket.socket(family, kind) as listening:
        listening.bind(address)
        if kind == socket.SOCK_STREAM:
            listening.listen()
        threading.Thread(target=_serve, args=(listening, kind), daemon=True).start()
        yield listening


def _serve(listening: socket.socket, kind: int) -> None:
    while True:
        try:
            if kind == socket.SOCK_STREAM:
                talking, _ = listening.accept()
                with talking:
                    talking.sendall(b"reached")
            else:
                _, sender = listening.recvfrom(99)
                listening.sendto(b"reached", sender)
        except OSError:
            return


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def _address() -> str:
    """An address of this machine beside loopback's, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(asking.getsockname()[0])
