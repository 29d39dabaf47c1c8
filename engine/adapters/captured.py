"""A command's output, kept in bounded memory."""

import hashlib

HEAD_SHARE = 0.2
CEILING_FACTOR = 256


class Captured:
    """Keeps the first 20 % and the last 80 % of `limit` bytes, and a digest of everything.

    Args:
        limit: Bytes kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head_limit = int(limit * HEAD_SHARE)
        self._head = bytearray()
        self._tail = bytearray()
        self._hash = hashlib.sha256()
        self.seen = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.seen += len(chunk)
        self._hash.update(chunk)
        room = max(0, self._head_limit - len(self._head))
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._limit:
            del self._tail[: -self._limit]

    @property
    def runaway(self) -> bool:
        """Whether so much came that the command is to be ended."""
        return self.seen > max(self._limit, 1) * CEILING_FACTOR

    @property
    def truncated(self) -> bool:
        """Whether `text` leaves something out."""
        return self.seen > self._limit

    @property
    def digest(self) -> str:
        """sha256 of everything seen."""
        return self._hash.hexdigest()

    def text(self) -> str:
        """Head and tail, decoded with replacement, a line between them saying what is left out."""
        tail_limit = self._limit - len(self._head)
        if not self.truncated:
            return (self._head + self._tail).decode("utf-8", "replace")
        tail = self._tail[-tail_limit:] if tail_limit else b""
        left_out = self.seen - len(self._head) - len(tail)
        between = f"\n[… {left_out} bytes of output left out …]\n"
        return self._head.decode("utf-8", "replace") + between + bytes(tail).decode("utf-8", "replace")


class Output:
    """Splits what the launcher says from what the command says.

    Args:
        token: A line that the launcher prints right before the command starts.
        limit: Bytes kept of the command's output.

    Attributes:
        captured: What the command said; before it started, what the launcher did.
        started: Whether the command was started.
    """

    def __init__(self, token: str, limit: int) -> None:
        self._mark = token.encode() + b"\n"
        self._before = b""
        self._limit = limit
        self.captured = Captured(limit)
        self.started = False

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self.started:
            self.captured.add(chunk)
            return
        self._before += chunk
        before, mark, after = self._before.partition(self._mark)
        if mark:
            self.started = True
            self.captured = Captured(self._limit)
            self.captured.add(after)
            self._before = b""
        else:
            self._before = before[-self._limit :]

    def close(self) -> None:
        """There are no more bytes."""
        if not self.started:
            self.captured.add(self._before)
