"""Prefetches from S3 what is restored next: over several connections, in the order of restoring.

So the network is not waited for by those who decompress, of which there are no more than cores; and
what waits in memory is compressed, and bounded.
"""

from __future__ import annotations

from functools import partial

from hotpack_runtime.errors import RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hotpack_runtime.manifest import Frame
    from hotpack_runtime.packs import Buffer
    from hotpack_runtime.s3 import Bucket
    from hotpack_runtime.s3_reader import Reader
    from hotpack_runtime.waiting import Signal

CONNECTIONS = 8
"""One carries 50 to 90 MB/s (docs/lambda-facts: network), so one does not do."""

SPAN_BYTES = 4 * 1024 * 1024
"""What one request is for at most: frames that follow each other in a pack. Each request takes
20 to 40 ms until its first byte."""

HELD_BYTES = 4 * 1024 * 1024
"""No request begins while more than this for each connection was asked for and is not taken: it
would only fill the memory."""

PATIENCE_S = 10.0
"""How long to wait for a frame on its way, while nothing else comes either, before reading it
oneself: longer than a read is tried again. Threads are gone without a word at the interpreter's
end."""


class Prefetcher:
    """Reads frames of a bucket, ahead of who asks for them where they were planned.

    `changed` is what all threads wait by; `start_thread` runs a function in another one and returns
    whether it could.
    """

    def __init__(
        self, bucket: Bucket, changed: Signal, start_thread: Callable[[Callable[[], None]], bool]
    ) -> None:
        self._bucket = bucket
        self._changed = changed
        self._start_thread = start_thread
        self._connections: list[Reader] = []
        self._forget()

    def _forget(self) -> None:
        self._planned: list[list[Frame]] = []
        self._ahead: set[Frame] = set()
        """What was planned and not taken."""

        self._asked: set[Frame] = set()
        """What of it was asked for."""

        self._came: dict[Frame, Buffer | RestoreError] = {}
        """What of that is there, in the order in which it came."""

        self._held = 0
        """Bytes of the frames that were asked for and not taken."""

        self._most_held = 0
        self._threads = 0

    def init_is_over(self) -> None:
        """From now on each read has time of its own."""
        self._bucket.init_is_over()

    def plan(self, frames: Iterable[Frame], *, patient: bool = False) -> None:
        """Have frames fetched in this order, behind what was planned before.

        Over one connection, if that shall take little from what else the function does.
        """
        connections = 1 if patient else CONNECTIONS
        with self._changed.lock:
            self._most_held = connections * HELD_BYTES
            new = [frame for frame in frames if frame.pack.key and frame not in self._ahead]
            self._ahead.update(new)
            self._planned += spans(new)
            firsts = []
            while self._threads < connections and (span := self._next()):
                firsts.append(span)
                self._threads += 1
        for span in firsts:
            if not self._start_thread(partial(self._work, span)):
                self._end(span)

    def read(self, frame: Frame) -> Buffer:
        """Return a frame's bytes, not verified: what was fetched ahead, or read here and now."""
        content = self._take(frame)
        return self._read_now(frame) if content is None else content

    @property
    def came(self) -> Frame | None:
        """The frame that has come first of those that nobody has read."""
        return next(iter(self._came), None)

    def is_bringing(self, frames: Iterable[Frame]) -> bool:
        """Return whether one of these frames is on its way."""
        return any(frame in self._asked and frame not in self._came for frame in frames)

    def drop(self, frames: Sequence[Frame]) -> None:
        """Know that nobody will ask for these frames."""
        with self._changed.lock:
            for frame in frames:
                self._drop(frame)

    def stop(self) -> None:
        """Have the threads end soon; what is not there by now is not ahead any more."""
        with self._changed.lock:
            self._planned.clear()
            self.drop(list(self._ahead - self._came.keys()))
            self._changed.notify_all()

    def forked(self, changed: Signal) -> None:
        """In a child process: forget the parent's threads and connections."""
        self._changed = changed
        self._bucket.forked()
        self._connections = []
        self._forget()

    # -- who asks ---------------------------------------------------------------------------

    def _take(self, frame: Frame) -> Buffer | None:
        """Return what was fetched, once it has come; None where that is not on its way."""
        with self._changed.lock:
            while frame in self._asked:
                content = self._came.get(frame)
                if content is None and self._changed.wait(PATIENCE_S):
                    continue
                self._drop(frame)
                if isinstance(content, RestoreError):
                    raise type(content)(*content.args)
                return content
            self._drop(frame)
            return None

    def _drop(self, frame: Frame) -> None:
        self._ahead.discard(frame)
        self._came.pop(frame, None)
        if frame in self._asked:
            self._asked.remove(frame)
            self._held -= frame.size
            self._changed.notify_all()

    def _read_now(self, frame: Frame) -> Buffer:
        connection = self._connection()
        (content,) = connection.read(frame.pack, frame.offset, [frame.size])
        self._connections.append(connection)
        return content

    def _connection(self) -> Reader:
        try:
            return self._connections.pop()
        except IndexError:
            return self._bucket.connect()

    # -- the threads that fetch -------------------------------------------------------------

    def _work(self, span: list[Frame]) -> None:
        connection = self._connection()
        try:
            while span:
                self._fetch(span, connection)
                with self._changed.lock:
                    while self._planned and self._held >= self._most_held:
                        self._changed.wait(PATIENCE_S)
                    span = self._next()
            self._connections.append(connection)
        finally:
            self._end(span)

    def _next(self) -> list[Frame]:
        """Return the next frames to fetch at once, which are asked for by that; else none."""
        while self._planned:
            span = self._planned.pop(0)
            while span and span[-1] not in self._ahead:
                span.pop()
            while span and span[0] not in self._ahead:
                span.pop(0)
            if span:
                wanted = self._ahead.intersection(span)
                self._asked |= wanted
                self._held += sum(frame.size for frame in wanted)
                return span
        return []

    def _fetch(self, span: list[Frame], connection: Reader) -> None:
        """Fetch frames in one answer, each handed on when it has come."""
        first, left = span[0], list(span)
        contents = connection.read(first.pack, first.offset, [frame.size for frame in span])
        try:
            for content in contents:
                self._hand_on(left[:1], content)
                del left[0]
                if left and self._asked.isdisjoint(left):
                    break  # nobody asks for the rest any more
        except RestoreError as error:
            self._hand_on(left, error)
            raise
        finally:
            contents.close()

    def _hand_on(self, frames: list[Frame], content: Buffer | RestoreError) -> None:
        with self._changed.lock:
            self._came.update((frame, content) for frame in frames if frame in self._asked)
            self._changed.notify_all()

    def _end(self, span: list[Frame]) -> None:
        """Know that a thread is no more; what it left is read by who needs it."""
        with self._changed.lock:
            self._threads -= 1
            self.drop([frame for frame in span if frame not in self._came])


def spans(frames: Iterable[Frame], most: int = SPAN_BYTES) -> list[list[Frame]]:
    """Return frames in runs that one request is for, in the order of their first ones.

    A run is of one pack, without gaps, and of so many bytes at most, or one frame.
    """
    runs: list[list[Frame]] = []
    latest: dict[str, tuple[int, int, list[Frame]]] = {}
    for frame in frames:
        end, room, run = latest.get(frame.pack.name, (-1, 0, []))
        if frame.offset != end or frame.size > room:
            room, run = most, []
            runs.append(run)
        run.append(frame)
        latest[frame.pack.name] = (frame.offset + frame.size, room - frame.size, run)
    return runs
