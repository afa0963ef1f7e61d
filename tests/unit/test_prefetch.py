"""Prefetching: what was planned comes in order and in few requests, and who asks is never stuck."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Frame, Pack
from hotpack_runtime.prefetch import HELD_BYTES, SPAN_BYTES, Prefetcher, spans
from hotpack_runtime.waiting import Signal

MIB = 1024 * 1024
PACK = Pack("a" * 64, 100 * MIB, "key", ["numpy"])
LOCAL = Pack("b" * 64, 100 * MIB, None, ["numpy"])


def frames_of(*sizes: int, pack: Pack = PACK, offset: int = 0) -> list[Frame]:
    frames = []
    for size in sizes:
        frames.append(Frame(pack, offset, size, size, "", 0))
        offset += size
    return frames


class Bucket:
    """Gives the place of each run instead of its bytes; a run may have to wait, or fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.gates: dict[int, threading.Event] = {}
        self.fails_at: set[int] = set()
        self.broken_off = 0

    def connect(self) -> "Bucket":
        return self

    def forked(self) -> None: ...

    def read(self, pack: Pack, offset: int, sizes: list[int]) -> Generator[bytes]:
        self.asked.append((offset, sum(sizes)))
        try:
            for size in sizes:
                gate = self.gates.get(offset)
                assert gate is None or gate.wait(10)
                if offset in self.fails_at:
                    raise RestoreError("hotpack: no such key")
                yield str(offset).encode()
                offset += size
        except GeneratorExit:
            self.broken_off += 1
            raise


class Threads:
    """Starts threads, which can be waited for."""

    def __init__(self) -> None:
        self.started: list[threading.Thread] = []

    def start(self, work: Callable[[], None]) -> bool:
        def run() -> None:
            with contextlib.suppress(RestoreError):
                work()

        self.started.append(threading.Thread(target=run, daemon=True))
        self.started[-1].start()
        return True

    def join(self) -> None:
        for thread in self.started:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads()
    yield threads
    threads.join()


def prefetcher(bucket: Any, threads: Threads) -> Prefetcher:
    return Prefetcher(bucket, Signal(), threads.start)


def test_runs_are_of_one_pack_without_gaps() -> None:
    """Frames between those of another pack follow each other all the same."""
    first, second = frames_of(10, 20)
    other = frames_of(5, pack=LOCAL)
    behind_a_gap = frames_of(7, offset=40)
    assert spans([first, *other, second, *behind_a_gap]) == [[first, second], other, behind_a_gap]
    large = frames_of(3 * MIB, 3 * MIB, 9 * MIB)
    assert spans(large, 6 * MIB) == [large[:2], large[2:]]


def test_what_was_planned_is_asked_for_once(bucket: Bucket, threads: Threads) -> None:
    """One request brings all frames of a run; none is for what is not on S3."""
    frames = frames_of(10, 20, 30)
    ahead = prefetcher(bucket, threads)
    ahead.plan([*frames, *frames_of(5, pack=LOCAL)])
    ahead.plan(frames)
    assert [ahead.read(frame) for frame in frames] == [b"0", b"10", b"30"]
    assert bucket.asked == [(0, 60)]


def test_a_frame_is_there_before_the_next_one(bucket: Bucket, threads: Threads) -> None:
    """Who asks for the first frame of an answer does not wait for the rest of it."""
    first, second = frames_of(10, 20)
    bucket.gates[10] = threading.Event()
    ahead = prefetcher(bucket, threads)
    ahead.plan([first, second])
    assert ahead.read(first) == b"0"
    bucket.gates[10].set()
    assert ahead.read(second) == b"10"


def test_what_was_not_planned_is_read_at_once(bucket: Bucket, threads: Threads) -> None:
    """So is what is asked for a second time, as it came damaged."""
    first, second = frames_of(10, 20)
    ahead = prefetcher(bucket, threads)
    ahead.plan([first])
    assert [ahead.read(first), ahead.read(first), ahead.read(second)] == [b"0", b"0", b"10"]
    assert bucket.asked == [(0, 10), (0, 10), (10, 20)]


def test_no_more_is_asked_for_than_may_be_held(bucket: Bucket, threads: Threads) -> None:
    """A request waits until something of what came was taken."""
    frames = frames_of(*[HELD_BYTES // 2, SPAN_BYTES] * 3)
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames, patient=True)
    for place in range(2):
        with ahead._changed.lock:
            while frames[place] not in ahead._came:
                assert ahead._changed.wait(10)
    assert len(bucket.asked) == 2
    assert [ahead.read(frame) for frame in frames] == [
        str(frame.offset).encode() for frame in frames
    ]
    assert len(bucket.asked) == 6


def test_what_is_not_asked_for_any_more_takes_no_room(bucket: Bucket, threads: Threads) -> None:
    """Dropped frames let others come."""
    frames = frames_of(SPAN_BYTES, SPAN_BYTES, 10)
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames, patient=True)
    ahead.drop(frames[:2])
    assert ahead.read(frames[2]) == str(2 * SPAN_BYTES).encode()
    threads.join()
    assert (ahead._held, ahead._ahead, ahead._threads) == (0, set(), 0)


def test_an_answer_that_nobody_asks_for_is_broken_off(bucket: Bucket, threads: Threads) -> None:
    """Behind the frame that comes, once all the rest was dropped."""
    frames = frames_of(10, 20, 30)
    gate = bucket.gates[10] = threading.Event()
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames)
    assert ahead.read(frames[0]) == b"0"
    ahead.drop(frames[1:])
    gate.set()
    threads.join()
    assert (bucket.broken_off, ahead._held, ahead._ahead) == (1, 0, set())


def test_an_error_is_told_to_who_needs_the_frame(bucket: Bucket, threads: Threads) -> None:
    """Each frame that did not come has it once; then it is tried anew."""
    frames = frames_of(10, 20, 30)
    bucket.fails_at = {10}
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames)
    assert ahead.read(frames[0]) == b"0"
    for frame in frames[1:]:
        with pytest.raises(RestoreError, match="no such key"):
            ahead.read(frame)
    bucket.fails_at = set()
    assert [ahead.read(frame) for frame in frames[1:]] == [b"10", b"30"]


def test_stopping_leaves_nothing_on_its_way(bucket: Bucket, threads: Threads) -> None:
    """For a fork: the threads end behind the frame that comes, and the rest is read when needed."""
    frames = frames_of(10, 20, 30)
    bucket.gates[10] = threading.Event()
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames)
    with ahead._changed.lock:
        while ahead.came is None:
            assert ahead._changed.wait(10)
    ahead.stop()
    bucket.gates[10].set()
    threads.join()
    assert bucket.broken_off == 1
    assert [ahead.read(frame) for frame in frames] == [b"0", b"10", b"30"]
    assert bucket.asked == [(0, 60), (0, 10), (10, 20), (30, 30)]


def test_without_threads_all_is_read_when_needed(bucket: Bucket) -> None:
    """At the interpreter's end there are none."""
    ahead = Prefetcher(bucket, Signal(), lambda _: False)  # type: ignore[arg-type]
    frames = frames_of(10, 20)
    ahead.plan(frames)
    assert [ahead.read(frame) for frame in frames] == [b"0", b"10"]
    assert bucket.asked == [(0, 10), (10, 20)]


def test_a_forked_child_reads_for_itself(bucket: Bucket, threads: Threads) -> None:
    """What was on its way to the parent never comes to it."""
    (frame,) = frames_of(10)
    gate = bucket.gates[0] = threading.Event()
    ahead = prefetcher(bucket, threads)
    ahead.plan([frame])
    assert ahead.is_bringing([frame])
    ahead.forked(Signal())
    assert not ahead.is_bringing([frame])
    gate.set()
    assert ahead.read(frame) == b"0"


def test_what_is_asked_for_comes_before_what_is_patient(bucket: Bucket, threads: Threads) -> None:
    """It overtakes, over more connections; the rest goes on over one, and holds as little."""
    frames = frames_of(*[SPAN_BYTES] * 12)
    gates = {frame.offset: threading.Event() for frame in frames}
    bucket.gates.update(gates)
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames, patient=True)
    assert (ahead._threads, ahead._held) == (1, SPAN_BYTES)
    ahead.plan(frames[8:10])
    assert (ahead._threads, ahead._held) == (3, 3 * SPAN_BYTES)
    for gate in gates.values():
        gate.set()
    assert [ahead.read(frame) for frame in frames[8:10]] == [
        str(frame.offset).encode() for frame in frames[8:10]
    ]
    assert {offset for offset, _ in bucket.asked[:3]} == {0, *(f.offset for f in frames[8:10])}
    for frame in (*frames[:8], *frames[10:]):
        ahead.read(frame)
    threads.join()
    assert len(bucket.asked) == 12
    assert (ahead._threads, ahead._held) == (0, 0)


def test_a_connection_outlives_an_error(bucket: Bucket, threads: Threads) -> None:
    """One pack that is gone does not end what is fetched of others."""
    frames = frames_of(SPAN_BYTES, SPAN_BYTES, SPAN_BYTES)
    bucket.fails_at = {0}
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames, patient=True)
    with pytest.raises(RestoreError, match="no such key"):
        ahead.read(frames[0])
    for frame in frames[1:]:
        assert ahead.read(frame) == str(frame.offset).encode()
    assert bucket.asked == [(frame.offset, SPAN_BYTES) for frame in frames]
    assert len(threads.started) == 1


def test_nothing_is_held_once_stopped(bucket: Bucket, threads: Threads) -> None:
    """What came and is not taken is let go: after a failure nobody would take it."""
    frames = frames_of(*[SPAN_BYTES] * 20)
    ahead = prefetcher(bucket, threads)
    ahead.plan(frames)
    with ahead._changed.lock:
        while ahead._held < 8 * HELD_BYTES or ahead.is_bringing(frames):
            assert ahead._changed.wait(10)
    ahead.stop()
    threads.join()
    assert (ahead._threads, ahead._held, ahead._ahead, ahead._came) == (0, 0, set(), {})
