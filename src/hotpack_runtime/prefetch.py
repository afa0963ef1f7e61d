"""Prefetches from S3 what is restored next: over several connections, in the order of restoring.

So the network is not waited for by those who decompress, of which there are no more than cores; and
what waits in memory is compressed, and bounded.
"""

from __future__ import annotations

from functools import partial

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.waiting import FETCHING_PATIENCE_S, Signal, let_others_go_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hotpack_runtime.manifest import Frame
    from hotpack_runtime.packs import Buffer
    from hotpack_runtime.s3 import Bucket
    from hotpack_runtime.s3_reader import Reader

CONNECTIONS = 8
"""One carries 50 to 90 MB/s (docs/lambda-facts: network), so one does not do."""

SPAN_BYTES = 4 * 1024 * 1024
"""What one request is for at most: frames that follow each other in a pack. Each request takes
20 to 40 ms until its first byte."""

HELD_BYTES = 6 * 1024 * 1024
"""A connection asks for no more while more than this for each of them was asked for and is not
taken: it would only fill the memory."""


class Prefetcher:
    """Reads frames of a bucket, ahead of who asks for them where they were planned.

    `changed` is what all threads wait by; `start_thread` runs a function in another one and returns
    whether it could.
    """

    def __init__(
        self, bucket: Bucket, changed: Signal, start_thread: Callable[[Callable[[], None]], bool]
    ) -> None:
        self._bucket = bucket
        self._start_thread = start_thread
        self._forget(changed)

    def _forget(self, changed: Signal) -> None:
        self._changed = changed
        self._has_room = Signal(changed.lock)
        """Apart, as those who wait for room are many and need not know what comes."""

        self._connections: list[Reader] = []
        self._planned: list[list[Frame]] = []
        self._later: list[list[Frame]] = []
        """What is planned patiently: one thread at a time fetches of it."""

        self._ahead: set[Frame] = set()
        """What was planned and not taken."""

        self._asked: set[Frame] = set()
        """What of it was asked for."""

        self._came: dict[Frame, Buffer | RestoreError] = {}
        """What of that is there, in the order in which it came."""

        self._held = 0
        """Bytes of the frames that were asked for and not taken."""

        self._threads = 0

    def init_is_over(self) -> None:
        """From now on each read has time of its own."""
        self._bucket.init_is_over()

    def plan(self, frames: Iterable[Frame], *, patient: bool = False) -> None:
        """Have frames fetched in this order, behind what was planned before.

        What is planned patiently comes over one connection, and behind all that is not.
        """
        with self._changed.lock:
            later = {frame for span in self._later for frame in span}
            movable = set() if patient else later
            new = [f for f in frames if f.pack.key and (f not in self._ahead or f in movable)]
            self._ahead.update(new)
            if patient:
                self._later += spans(new)
            else:
                self._planned += spans(new)
                if not later.isdisjoint(new):
                    rest = later.difference(new)
                    self._later = spans(f for span in self._later for f in span if f in rest)
            firsts = []
            connections = 1 if patient else CONNECTIONS
            while self._threads < connections and (span := self._next(patient=patient)):
                firsts.append(span)
                self._threads += 1
        for span in firsts:
            if not self._start_thread(partial(self._work, span, patient=patient)):
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
            self._changed.notify_all()

    def stop(self) -> None:
        """Have the threads end soon, and forget what they fetched: it is read when it is needed."""
        with self._changed.lock:
            self._planned.clear()
            self._later.clear()
            self.drop(list(self._ahead))
            self._has_room.notify_all()

    def forked(self, changed: Signal) -> None:
        """In a child process: forget the parent's threads and connections."""
        self._bucket.forked()
        self._forget(changed)

    # -- who asks ---------------------------------------------------------------------------

    def _take(self, frame: Frame) -> Buffer | None:
        """Return what was fetched, once it has come; None where that is not on its way."""
        with self._changed.lock:
            while frame in self._asked and frame not in self._came:
                if not self._changed.wait(FETCHING_PATIENCE_S):
                    # Its thread is gone, as at the interpreter's end: so are the others.
                    self.drop([asked for asked in self._asked if asked not in self._came])
            content = self._came.get(frame)
            self._drop(frame)
        if isinstance(content, RestoreError):
            raise type(content)(*content.args)
        return content

    def _drop(self, frame: Frame) -> None:
        self._ahead.discard(frame)
        self._came.pop(frame, None)
        try:
            self._asked.remove(frame)
        except KeyError:  # not asked for, or a signal's handler was here in between
            return
        was_full = self._is_full
        self._held -= frame.size
        if was_full and not self._is_full:
            self._has_room.notify_all()

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

    def _work(self, span: list[Frame], *, patient: bool) -> None:
        try:
            if patient:
                let_others_go_first()
            connection = self._connection()
            while span:
                self._fetch(span, connection)
                span = self._await_next()
            self._connections.append(connection)
        except BaseException:
            self._end(span)
            raise

    @property
    def _is_full(self) -> bool:
        return self._held >= self._threads * HELD_BYTES

    def _await_next(self) -> list[Frame]:
        """Return what a thread fetches next, when there is room for it; none where it ends."""
        with self._changed.lock:
            while self._is_full and (self._planned or self._later):
                self._has_room.wait(FETCHING_PATIENCE_S)
            span = self._next(patient=self._threads == 1)
            if not span:
                self._threads -= 1
                self._has_room.notify_all()  # what is full has changed
            return span

    def _next(self, *, patient: bool) -> list[Frame]:
        """Return the next frames to fetch at once, which are asked for by that; else none."""
        while planned := self._planned or (self._later if patient else []):
            span = planned.pop(0)
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
        """Fetch frames in one answer, each handed on when it has come; or the error."""
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
        finally:
            contents.close()

    def _hand_on(self, frames: list[Frame], content: Buffer | RestoreError) -> None:
        with self._changed.lock:
            for frame in frames:
                if frame in self._asked:  # and has not come from another thread meanwhile
                    self._came.setdefault(frame, content)
            self._changed.notify_all()

    def _end(self, span: list[Frame]) -> None:
        """Know that a thread has failed; what it left is read by who needs it."""
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
