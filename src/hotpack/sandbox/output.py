"""What a sandbox writes, as log events in order."""

import os
import threading
from collections.abc import Callable

OnLog = Callable[[str], None]


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
        self._lines: list[str] = []
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
            lines, self._lines = tuple(self._lines), []
            return lines

    def _pump(self) -> bool:
        while not self._closed:
            try:
                chunk = os.read(self._pipe, 65536)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            *whole, self._partial = (self._partial + chunk).split(b"\n")
            for line in whole:
                self._add(self._event(line))
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
        if self._on_log is not None:
            self._on_log(line)
