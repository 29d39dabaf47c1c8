"""Files of a checkout, opened beneath its root and nowhere else.

Whatever stands in a checkout (symbolic links, hard links, pipes, directories swapped meanwhile), no
call here reads or writes outside it, follows a link, or waits. Every refusal is `Rejected`, with a
sentence for the model. The calls are short and synchronous; walk big trees in a thread.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO

from engine.errors import DiskFull, Rejected, SandboxUnavailable
from engine.relative_paths import is_repository_name, relative_path

MAX_READ_BYTES = 4_000_000
MAX_WRITE_BYTES = 1_000_000
MAX_TREE_BYTES = 1_000_000_000
MAX_FILES = 100_000

_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
_RACES = 16  # openat2 answers EAGAIN while a directory on the way is being renamed


class Kind(StrEnum):
    """What stands at a path of a checkout."""

    FILE = "file"
    SYMLINK = "symbolic link"
    HARD_LINK = "hard link"
    SPECIAL = "special file"
    REPOSITORY = "nested repository"


@dataclass(frozen=True)
class Entry:
    """Something in a checkout that is not a plain directory.

    Attributes:
        path: Relative, with '/'. Bytes that are not UTF-8 appear as lone surrogates.
        size: Bytes; 0 unless `kind` is FILE or HARD_LINK.
    """

    path: str
    kind: Kind
    executable: bool
    size: int


class Checkout:
    """A directory whose files may be listed, read, written and deleted by relative paths.

    Args:
        root: The checkout's directory; trusted, its contents are not.
        prepared: Directories within it that commands see and that are no part of it: nothing is there.
    """

    def __init__(self, root: Path, prepared: Collection[str] = ()) -> None:
        self._root = root
        self._prepared = tuple(prepared)
        self._usage: tuple[int, int] | None = None

    def list(self, under: str = "") -> tuple[Entry, ...]:
        """Everything beneath a directory in path order; check `kind`, not all of it can be read.

        Args:
            under: A directory, or "" for the whole checkout. A path of a file yields that file.
        """
        prefix = relative_path(under) if under not in ("", ".", "./") else ""
        return tuple(
            entry
            for entry in self.walk()
            if not prefix or entry.path == prefix or entry.path.startswith(prefix + "/")
        )

    def read(self, path: str) -> bytes:
        """A file's bytes, at most MAX_READ_BYTES."""
        name = self._own(path)
        with self._root_descriptor() as root, _told(name):
            descriptor = _open_beneath(root, name, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                size = _require_plain(descriptor, name)
                if size > MAX_READ_BYTES:
                    raise Rejected(f"{name} has {size} bytes; at most {MAX_READ_BYTES} can be read.")
                return file.read(MAX_READ_BYTES)

    def open(self, entry: Entry) -> BinaryIO:
        """A regular file from `walk`, whatever its name and size, for reading.

        Raises:
            Rejected: it is not the plain file any more that the walk saw.
        """
        with self._root_descriptor() as root, _told(entry.path.encode("utf-8", "replace").decode()):
            descriptor = _open_beneath(root, entry.path, os.O_RDONLY | os.O_NONBLOCK)
            file = os.fdopen(descriptor, "rb")
            try:
                _require_plain(descriptor, entry.path)
            except Rejected:
                file.close()
                raise
            return file

    def write(self, path: str, data: bytes) -> None:
        """Replace or create a file, with its parent directories. A file's executable bit stays."""
        name = self._own(path)
        if len(data) > MAX_WRITE_BYTES:
            raise Rejected(f"A file may have at most {MAX_WRITE_BYTES} bytes; {name} would have {len(data)}.")
        with self._root_descriptor() as root, _told(name):
            _make_parents(root, name)
            before = self._reserve(root, name, len(data))
            flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK
            descriptor = _open_beneath(root, name, flags, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                _require_plain(descriptor, name)
                file.truncate(0)
                file.write(data)
            files, total = before
            self._usage = (files, total + len(data))

    def delete(self, path: str) -> None:
        """Remove a file, or a symbolic link itself."""
        name = self._own(path)
        parent, _, last = name.rpartition("/")
        with self._root_descriptor() as root, _told(name):
            directory = _open_beneath(root, parent or ".", os.O_PATH | os.O_DIRECTORY)
            try:
                os.unlink(last, dir_fd=directory)
            finally:
                os.close(directory)
        self._usage = None

    def walk(self) -> tuple[Entry, ...]:
        """Every entry in path order, without following links or entering nested repositories."""
        with self._root_descriptor() as root:
            return tuple(sorted(_walk(root), key=lambda entry: os.fsencode(entry.path)))

    def _own(self, path: str) -> str:
        name = relative_path(path)
        for output in self._prepared:
            if name == output or name.startswith(output + "/"):
                raise Rejected(
                    f"{output} holds dependencies that were made from the lock files: it is read-only and "
                    "part of no commit. Only commands see it."
                )
        return name

    def _reserve(self, root: int, name: str, size: int) -> tuple[int, int]:
        """Files and bytes of the checkout once `name` is there, without its new bytes."""
        if self._usage is None:
            entries = list(_walk(root))
            self._usage = (len(entries), sum(entry.size for entry in entries))
        files, total = self._usage
        try:
            total -= os.stat(name, dir_fd=root, follow_symlinks=False).st_size
        except FileNotFoundError:
            files += 1
        if files > MAX_FILES or total + size > MAX_TREE_BYTES:
            raise Rejected("The checkout is full: delete files that are not needed, or write less.")
        return files, total

    @contextmanager
    def _root_descriptor(self) -> Iterator[int]:
        try:
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            raise Rejected("The checkout is not there any more.") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _walk(root: int) -> Iterator[Entry]:
    pending = [""]
    while pending:
        directory = pending.pop()
        try:
            descriptor = _open_beneath(root, directory or ".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield Entry(directory, Kind.SPECIAL, executable=False, size=0)
            continue
        try:
            with os.scandir(descriptor) as found:
                for item in found:
                    path = f"{directory}/{item.name}" if directory else item.name
                    if is_repository_name(item.name):
                        yield Entry(path, Kind.REPOSITORY, executable=False, size=0)
                    elif item.is_dir(follow_symlinks=False):
                        pending.append(path)
                    else:
                        yield _entry(path, item.stat(follow_symlinks=False))
        finally:
            os.close(descriptor)


def _entry(path: str, status: os.stat_result) -> Entry:
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, Kind.SYMLINK, executable=False, size=0)
    if not stat.S_ISREG(status.st_mode):
        return Entry(path, Kind.SPECIAL, executable=False, size=0)
    kind = Kind.FILE if status.st_nlink == 1 else Kind.HARD_LINK
    return Entry(path, kind, executable=bool(status.st_mode & stat.S_IXUSR), size=status.st_size)


def _make_parents(root: int, name: str) -> None:
    parts = name.split("/")[:-1]
    directory = os.dup(root)
    try:
        for part in parts:
            try:
                child = _open_beneath(directory, part, os.O_PATH | os.O_DIRECTORY)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=directory)
                child = _open_beneath(directory, part, os.O_PATH | os.O_DIRECTORY)
            os.close(directory)
            directory = child
    finally:
        os.close(directory)


def _require_plain(descriptor: int, name: str) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Rejected(f"{name} is not a regular file.")
    if status.st_nlink != 1:
        raise Rejected(f"{name} is a hard link, which is not touched here.")
    return status.st_size


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _open_beneath(root: int, name: str, flags: int, mode: int = 0) -> int:
    """Open a path beneath a directory, by the kernel's own rules; no link of any kind on the way."""
    how = _OpenHow(
        flags | os.O_CLOEXEC | os.O_NOFOLLOW,
        mode,
        _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS,
    )
    code = errno.EAGAIN
    for _ in range(_RACES):
        descriptor = _libc().syscall(
            _SYS_OPENAT2, root, os.fsencode(name), ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
        )
        if descriptor >= 0:
            return int(descriptor)
        code = ctypes.get_errno()
        if code != errno.EAGAIN:
            break
    if code == errno.ENOSYS:
        raise SandboxUnavailable("Safe file access needs Linux 5.6 or newer: update the kernel.")
    raise OSError(code, os.strerror(code), name)


_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ELOOP: "a symbolic link stands in the way",
    errno.EXDEV: "it leads out of the repository",
    errno.ENOTDIR: "a file stands where a directory is needed",
    errno.EISDIR: "it is a directory",
    errno.ENAMETOOLONG: "the path is too long",
    errno.ENXIO: "it is not a regular file",
    errno.EAGAIN: "it is being changed at the moment",
}


@contextmanager
def _told(name: str) -> Iterator[None]:
    """The one mapper of the operating system's errors."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("No space is left where checkouts live: free some and try again.") from None
        reason = _REASONS.get(error.errno or 0, "it cannot be opened")
        raise Rejected(f"{name}: {reason}.") from None
