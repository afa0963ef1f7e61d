"""Restores groups: in parallel, in order, each file whole or not at all.

Threads restore in the order of the manifest; whoever needs a group at once helps with it. A file
is written beside the tree and renamed into it. What is there is noted in a journal, so that a
reset sandbox, or another process, goes on where this one stopped.
"""

from __future__ import annotations

import itertools
import os
import threading

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.packs import PacksFolder, raw_of, read_frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hotpack_runtime.manifest import Frame, Group, Manifest
    from hotpack_runtime.packs import Buffer
    from hotpack_runtime.s3 import Bucket
    from hotpack_runtime.s3 import Reader as S3Reader

    Taken = tuple[int, list[Frame]]
    """A group, and those of its frames that one thread has taken."""

SPAN_RAW_BYTES = 4 * 1024 * 1024
"""What one thread holds at a time: neighbouring frames are read at once, up to this size, since
each request to S3 takes 20 to 40 ms."""

REMOTE_THREADS = 8
"""One connection carries 50 to 90 MB/s (docs/lambda-facts: network), so one does not do."""

KEPT_BYTES = 8 * 1024 * 1024
"""glibc gives a block of this size back to the kernel when it is freed, and from then on keeps
smaller ones, up to twice as much (mallopt(3), M_MMAP_THRESHOLD). Without that the pages of each
frame's buffers are given back and faulted in again: spaCy has 115,000 page faults instead of
46,000, and uses 1.37 s of CPU time instead of 1.20."""

LEAST_PRIORITY = 19
"""For restoring cold files beside the handler; on Linux each thread has a priority of its own."""

COLD_IN_MEMORY = 4
"""Groups of cold bytecode that are kept, as what is imported next is often in the same one."""

MISSING, TAKEN, LOADED, THERE = range(4)
"""A group's state. LOADED is for bytecode alone: it is in memory and not in files."""


def free_bytes(folder: str) -> int:
    """Return how much can be written to a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class Restorer:
    """Restores the groups of a manifest to the folder `tree`.

    `bucket_for(manifest)` is only called where packs are remote. Methods raise RestoreError, in
    one line that names the pack; what failed is missing as before and may be tried again.
    """

    def __init__(
        self,
        manifest: Manifest,
        tree: str,
        packs_folder: str,
        bucket_for: Callable[[Manifest], Bucket],
        free_bytes: Callable[[str], int] = free_bytes,
    ) -> None:
        self.at_work = AtWork()
        self.groups: list[Group] = manifest.groups
        self._files_of = manifest.files_of
        self.state = bytearray(len(manifest.groups))
        self._tree = tree
        self._beside = os.path.join(os.path.dirname(tree), "partial")
        self._packs_folder = PacksFolder(packs_folder)
        self._cold_from: int = manifest.lukewarm
        self._is_remote = any(pack.key for pack in manifest.packs)
        self._bucket = bucket_for(manifest) if self._is_remote else None
        self._connections: list[S3Reader] = []
        self._raws: dict[int, Buffer] = {}
        self._unread: dict[int, int] = {}
        self._large: dict[int, _Large] = {}
        self._folders: set[str] = set()
        self._changed = threading.Condition()
        self._workers: list[threading.Thread] = []
        self._has_caught_up = False
        self._until = 0
        self._patient = False
        self._next = 0
        self._stopping = False
        self._failure: BaseException | None = None
        self.failed: BaseException | None = None
        """The first failure of all: somebody may have taken it for another error, and gone on."""

        self._numbers = itertools.count()
        self._open(manifest, free_bytes)

    # -- what a group's state is waited for ------------------------------------------------

    def ensure(self, index: int) -> None:
        """Return when the files of a group are there; restore them here if nobody else does."""
        while self.state[index] != THERE:
            with self._changed:
                taken = self._take(index, as_files=True)
                if not taken:
                    if self.state[index] != THERE:
                        self._changed.wait()
                    continue
            self._restore([taken], as_files=True)

    def bytecode(self, index: int, start: int, size: int) -> Buffer | None:
        """Return a run of the bytes of a group of bytecode; None where it is in a file by now."""
        while True:
            with self._changed:
                raw = self._raws.get(index)
                if raw is not None:
                    self._count_read(index, size)
                    return memoryview(raw)[start : start + size]
                if self.state[index] == THERE:
                    return None
                if self.state[index] == LOADED:  # all of it was imported once, and forgotten
                    break
                taken = self._take(index)
                if not taken:
                    self._changed.wait()
                    continue
            self._restore([taken])
        (frame,) = self.groups[index].frames
        (content,) = self._read([frame])
        return memoryview(_joined(frame, content))[start : start + size]

    def wait(self, count: int) -> None:
        """Return when the first `count` groups are restored; help with it."""
        while True:
            with self._changed:
                taken = self._take_next(count)
                if not taken:
                    if self._failure:
                        raise self._failure
                    if all(state >= LOADED for state in self.state[:count]):
                        return
                    self._changed.wait()
                    continue
            self._restore(taken)

    def catch_up(self) -> None:
        """Return when all that is not cold is there.

        Who imports something cold is on a way that nobody foresaw: what code in C may open there
        has to be there.
        """
        if not self._has_caught_up:
            self.wait(self._cold_from)
            self._has_caught_up = True

    def is_cold(self, index: int) -> bool:
        """Return whether a group is restored on touch only."""
        return index >= self._cold_from

    def everything(self) -> None:
        """Return when every file is there."""
        threads = REMOTE_THREADS if self._is_remote else os.cpu_count() or 1
        failures: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for index in range(first, len(self.groups), threads):
                    self.ensure(index)
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                failures.append(error)

        helpers = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(1, threads)]
        for helper in helpers:
            helper.start()
        work(0)
        for helper in helpers:
            helper.join()
        if failures:
            raise failures[0]

    @property
    def is_complete(self) -> bool:
        """Whether every file is there."""
        return self.state.count(THERE) == len(self.state)

    # -- the threads that restore in order --------------------------------------------------

    def start(self, until: int, *, patient: bool = False) -> None:
        """Restore the first `until` groups in other threads; a patient one lets others go first."""
        self._until = until
        self._patient = patient
        self._failure = None
        self._stopping = False
        bytes(KEPT_BYTES)  # freed at once
        missing = self.state[:until].count(MISSING)
        most = 1 if patient else REMOTE_THREADS if self._is_remote else os.cpu_count() or 1
        count = min(missing, most)
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Return when the other threads have stopped, each behind what it has begun."""
        self._stopping = True
        for worker in self._workers:
            worker.join()

    def go_on(self) -> None:
        """Start the other threads again, if there is something left for them."""
        if self._until:
            self.start(self._until, patient=self._patient)

    def forked(self) -> None:
        """In a child process: forget what threads of the parent were about to do."""
        self._changed = threading.Condition()
        self._workers = []
        self._large = {}
        self._connections = []
        self._until = self._next = 0
        for index, state in enumerate(self.state):
            if state == TAKEN:
                self.state[index] = MISSING

    def _work(self) -> None:
        try:
            if self._patient:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST_PRIORITY)
            while not self._stopping:
                with self._changed:
                    taken = self._take_next(self._until)
                if not taken:
                    return
                self._restore(taken, as_files=self.is_cold(taken[0][0]))
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            with self._changed:
                self._failure = self._failure or error
                self._changed.notify_all()

    # -- who does what ----------------------------------------------------------------------

    def _take_next(self, until: int) -> list[Taken]:
        """Take what comes next of the first `until` groups: one, or neighbours on S3."""
        if self._failure:
            return []
        while self._next < until and self.state[self._next] >= LOADED:
            self._next += 1
        for index in range(self._next, until):
            taken = self._take(index)
            if taken:
                return [taken, *self._take_neighbours(index, until)]
        return []

    def _take_neighbours(self, index: int, until: int) -> Iterable[Taken]:
        """Take what stands behind a group in its pack on S3, up to what is read at once."""
        group = self.groups[index]
        if len(group.frames) != 1 or not group.frames[0].pack.key:
            return
        last, room = group.frames[0], SPAN_RAW_BYTES - group.raw_size
        for other in range(index + 1, until):
            frames = self.groups[other].frames
            if (
                len(frames) == 1
                and frames[0].pack is last.pack
                and frames[0].offset == last.offset + last.size
            ):
                if self.state[other] != MISSING or frames[0].raw_size > room:
                    return
                self.state[other] = TAKEN
                last, room = frames[0], room - frames[0].raw_size
                yield other, frames

    def _take(self, index: int, *, as_files: bool = False) -> Taken | None:
        """Take a group, or the next frames of a large one; None where nothing is left to take."""
        group = self.groups[index]
        state = self.state[index]
        if state == MISSING:
            self.state[index] = TAKEN
            if len(group.frames) <= 1:
                return index, group.frames
            self._large[index] = self._begin(index)
        if state == LOADED and as_files:
            self.state[index] = TAKEN
            return index, group.frames
        large = self._large.get(index)
        return (index, large.todo.pop(0)) if large and large.todo else None

    def _restore(self, taken: list[Taken], *, as_files: bool = False) -> None:
        """Restore what was taken; on failure, give it back."""
        left = list(taken)
        try:
            with self.at_work:
                contents = iter(self._read([frame for _, frames in taken for frame in frames]))
                for index, frames in taken:
                    self._finish(index, frames, [next(contents) for _ in frames], as_files)
                    left.pop(0)
        except BaseException as error:
            with self._changed:
                for index, frames in left:
                    self._give_back(index, frames)
                self._changed.notify_all()
            if isinstance(error, OSError):
                error = self._cannot(error)
            self.failed = self.failed or error
            raise error from None

    def _cannot(self, error: OSError) -> RestoreError:
        return RestoreError(f"hotpack: cannot restore to {self._tree}: {error}")

    def _give_back(self, index: int, frames: list[Frame]) -> None:
        if index in self._large:
            self._large[index].todo.insert(0, frames)
        else:
            self.state[index] = LOADED if index in self._raws else MISSING

    def _read(self, frames: list[Frame]) -> list[memoryview]:
        if not frames:
            return []
        if self._bucket is None or not frames[0].pack.key:
            return read_frames(frames, self._packs_folder)
        try:
            connection = self._connections.pop()
        except IndexError:
            connection = self._bucket.connect()
        try:
            contents = read_frames(frames, connection)
        except BaseException:
            connection.close()
            raise
        self._connections.append(connection)
        return contents

    def _finish(
        self, index: int, frames: list[Frame], contents: list[memoryview], as_files: bool
    ) -> None:
        if index in self._large:
            self._finish_part(index, frames, contents)
            return
        raw = _joined(frames[0], contents[0]) if frames else b""
        if self.groups[index].is_bytecode and not as_files:
            self._keep(index, raw)
            return
        view = memoryview(raw)
        for path, start, size, executable in self._files_of(index):
            self._write(path, view[start : start + size], executable)
        self._there(index)

    def _keep(self, index: int, raw: Buffer) -> None:
        with self._changed:
            if index >= self._cold_from:
                cold = [other for other in self._raws if other >= self._cold_from]
                if len(cold) >= COLD_IN_MEMORY:
                    self._forget(cold[0])
            self._raws[index] = raw
            self._unread[index] = len(raw)
            self.state[index] = LOADED
            self._changed.notify_all()

    def _count_read(self, index: int, size: int) -> None:
        """Free a group of bytecode when all of it was imported."""
        self._unread[index] -= size
        if self._unread[index] <= 0:
            self._forget(index)

    def _forget(self, index: int) -> None:
        del self._raws[index]
        if self.state[index] == LOADED and index >= self._cold_from:
            self.state[index] = MISSING

    def _there(self, index: int) -> None:
        os.write(self._journal, index.to_bytes(4, "little"))
        with self._changed:
            self.state[index] = THERE
            self._changed.notify_all()

    # -- files ------------------------------------------------------------------------------

    def _begin(self, index: int) -> _Large:
        path = self._place_beside()
        try:
            executable = self._files_of(index)[0][3]
            return _Large(path, self._create(path, executable), self.groups[index].frames)
        except OSError as error:
            self.state[index] = MISSING
            raise self._cannot(error) from None

    def _finish_part(self, index: int, frames: list[Frame], contents: list[memoryview]) -> None:
        """Write frames of a large file; whoever writes the last ones moves it to its place."""
        large = self._large[index]
        for frame, content in zip(frames, contents, strict=True):
            place = frame.start
            for raw in raw_of(frame, content):
                _write_at(large.handle, memoryview(raw), place)
                place += len(raw)
        with self._changed:
            large.left -= len(frames)
            if large.left:
                return
            del self._large[index]
        os.close(large.handle)
        first, *others = self._files_of(index)
        for path, _start, _size, executable in others:
            self._copy(large.path, path, executable)
        self._move(large.path, first[0])
        self._there(index)

    def _write(self, path: str, content: memoryview, executable: bool) -> None:
        beside = self._place_beside()
        handle = self._create(beside, executable)
        try:
            _write_at(handle, content, 0)
        except OSError:
            _remove_file(beside)  # it takes space where there is none
            raise
        finally:
            os.close(handle)
        self._move(beside, path)

    def _copy(self, source: str, path: str, executable: bool) -> None:
        beside = self._place_beside()
        handle, from_ = self._create(beside, executable), os.open(source, os.O_RDONLY)
        try:
            while os.sendfile(handle, from_, None, SPAN_RAW_BYTES):
                pass
        except OSError:
            _remove_file(beside)
            raise
        finally:
            os.close(handle)
            os.close(from_)
        self._move(beside, path)

    def _place_beside(self) -> str:
        return f"{self._beside}/{os.getpid()}-{next(self._numbers)}"

    def _create(self, path: str, executable: bool) -> int:
        mode = 0o755 if executable else 0o644
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        if self._masked:
            os.fchmod(handle, mode)
        return handle

    def _move(self, beside: str, path: str) -> None:
        folder = path.rpartition("/")[0]
        self.make_folder(folder)
        os.rename(beside, f"{self._tree}/{path}")

    def make_folder(self, folder: str) -> None:
        """Make a folder of the tree, if it is not there."""
        if folder not in self._folders:
            with self.at_work:
                os.makedirs(f"{self._tree}/{folder}", 0o755, exist_ok=True)
            self._folders.add(folder)

    # -- what was there before ---------------------------------------------------------------

    def _open(self, manifest: Manifest, free_bytes: Callable[[str], int]) -> None:
        """Make the folders, read the journal, and see that there is space for the rest."""
        mask = os.umask(0o022)
        os.umask(mask)
        self._masked = bool(mask & 0o755)
        try:
            os.makedirs(self._beside, exist_ok=True)
            self._clear_partial()
            if not os.path.isdir(self._tree):
                _remove_file(f"{self._tree}.restored")  # of a tree that somebody removed
            os.makedirs(self._tree, exist_ok=True)
            self._journal = os.open(
                f"{self._tree}.restored", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
            done = os.pread(self._journal, 4 * len(self.groups) + 4, 0)
        except OSError as error:
            raise self._cannot(error) from None
        for place in range(0, len(done) - 3, 4):
            index = int.from_bytes(done[place : place + 4], "little")
            if index < len(self.groups):
                self.state[index] = THERE
        self._check_space(manifest, free_bytes(self._tree))

    def _clear_partial(self) -> None:
        """Remove what processes that are gone left half-written."""
        for name in os.listdir(self._beside):
            pid = name.partition("-")[0]
            if pid == str(os.getpid()) or not os.path.exists(f"/proc/{pid}"):
                _remove_file(f"{self._beside}/{name}")

    def _check_space(self, manifest: Manifest, free: int) -> None:
        raw = sum(group.raw_size for group in self.groups)
        there = sum(g.raw_size for i, g in enumerate(self.groups) if self.state[i] == THERE)
        needed = manifest.disk_bytes * (raw - there) // raw if raw else 0
        if needed > free:
            raise RestoreError(
                f"hotpack: the packs take {needed} bytes in {os.path.dirname(self._tree)} and "
                f"{free} are free: raise ephemeral_storage_mb by "
                f"{-(-(needed - free) // 2**20)} or more, or keep less in /tmp"
            )


class AtWork:
    """The threads that restore something just now: what they touch themselves is not watched."""

    def __init__(self) -> None:
        self._depth: dict[int, int] = {}

    def __enter__(self) -> None:
        thread = threading.get_ident()
        self._depth[thread] = self._depth.get(thread, 0) + 1

    def __exit__(self, *_: object) -> None:
        thread = threading.get_ident()
        self._depth[thread] -= 1
        if not self._depth[thread]:
            del self._depth[thread]

    def __bool__(self) -> bool:
        """Whether the calling thread is one of them."""
        return threading.get_ident() in self._depth


class _Large:
    """A file of several frames in the making."""

    def __init__(self, path: str, handle: int, frames: list[Frame]) -> None:
        self.path = path
        self.handle = handle
        self.left = len(frames)
        self.todo: list[list[Frame]] = []
        room = 0
        for frame in frames:
            if frame.raw_size > room:
                self.todo.append([])
                room = SPAN_RAW_BYTES
            self.todo[-1].append(frame)
            room -= frame.raw_size


def _joined(frame: Frame, content: memoryview) -> Buffer:
    raws = list(raw_of(frame, content))
    return raws[0] if len(raws) == 1 else b"".join(raws)


def _write_at(handle: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(handle, content, offset)
        content, offset = content[written:], offset + written


def _remove_file(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
