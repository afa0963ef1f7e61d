"""What a sandbox writes, as log events in order."""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

OnLog = Callable[[str], None]

_PIPE_BYTES: Final = 1024 * 1024
"""The most that a pipe holds (pipe(7), /proc/sys/fs/pipe-max-size): whoever reads so much has all
that was written before, and does not read for ever from a process that goes on writing."""

_EVENT_BYTES: Final = 1024 * 1024
"""CloudWatch Logs quotas: "Event size: 1 MB (maximum)"; a longer line is several events."""

_KEPT_BYTES: Final = 16 * 1024 * 1024
"""What is kept of an invocation's events, the latest; the listener is told all of them."""


class Output:
    """Collects the lines of a sandbox's processes and of the platform, in the order of writing.

    Processes write to a pipe. Whoever learns over another way that something has happened, such
    as an answer over HTTP, and then asks for the lines, gets all that was written before it: the
    pipe is emptied first, under the same lock.
    """

    def __init__(self, pipe: int, on_log: OnLog | None) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._on_log = on_log
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._kept_bytes = 0
        self._partial = b""
        self._closed = False

    def pump(self) -> bool:
        """Read what is there; return whether more can come."""
        with self._lock:
            return self._pump()

    def say(self, line: str) -> None:
        """Add a line of the platform's, after everything that processes wrote before."""
        with self._lock:
            self._pump()
            self._end_line()
            self._add(line)

    def close(self) -> None:
        """Read no more: the pipe's number may soon be another file's."""
        with self._lock:
            self._pump()
            self._closed = True

    def take(self) -> tuple[str, ...]:
        """Return the events since the last time; an unfinished line counts as finished."""
        with self._lock:
            self._pump()
            self._end_line()
            lines = tuple(self._lines)
            self._lines.clear()
            self._kept_bytes = 0
            return lines

    def _pump(self) -> bool:
        """Read what was written until now, however fast more is written meanwhile."""
        read = 0
        while not self._closed:
            if read >= _PIPE_BYTES:
                return True
            try:
                chunk = os.read(self._pipe, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            read += len(chunk)
            *whole, self._partial = (self._partial + chunk).split(b"\n")
            for line in whole:
                self._add(self._event(line))
            if len(self._partial) >= _EVENT_BYTES:
                self._end_line()
        return False

    def _end_line(self) -> None:
        if self._partial:
            line, self._partial = self._partial, b""
            self._add(self._event(line))

    @staticmethod
    def _event(line: bytes) -> str:
        """Return the text of an event.

        awslambdaric joins the lines of one record by carriage returns where it has no log socket;
        on Lambda it has one, and the record is one event of several lines.
        """
        return line.decode(errors="replace").rstrip("\r").replace("\r", "\n")

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._kept_bytes += len(line)
        while self._kept_bytes > _KEPT_BYTES and len(self._lines) > 1:
            self._kept_bytes -= len(self._lines.popleft())
        if self._on_log is not None:
            try:
                self._on_log(line)
            except Exception:  # noqa: BLE001
                # Its trouble is not the function's, which would hang with nobody to read from it.
                self._on_log = None
