"""Restores groups, in parallel and in order: who does what, and who waits for whom.

Threads restore in the order of the manifest; whoever needs a group at once helps with it. Two may
restore the same one: who waits for another thread in vain, because it was killed, forked away or
interrupted, does it again alone.
"""

from __future__ import annotations

import os
from _thread import get_ident, start_new_thread
from functools import partial

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.folder import TreeFolder, free_bytes, write_at
from hotpack_runtime.packs import PacksFolder, raw_of, read_verified
from hotpack_runtime.units import LOADED, MISSING, TAKEN, THERE, Parts, Unit
from hotpack_runtime.waiting import FETCHING_PATIENCE_S, PATIENCE_S, Signal, let_others_go_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotpack_runtime.manifest import Frame, Manifest
    from hotpack_runtime.packs import Buffer
    from hotpack_runtime.s3 import Bucket

    Taken = tuple[Unit, Frame | None, Parts | None]
    """What one thread restores: a group, its only frame if it has one, or one of a large file."""

KEPT_BYTES = 8 * 1024 * 1024
"""glibc gives a block of this size back to the kernel when it is freed, and from then on keeps
smaller ones, up to twice as much (mallopt(3), M_MMAP_THRESHOLD). Without that the pages of each
frame's buffers are given back and faulted in again: spaCy has 115,000 page faults instead of
46,000, and uses 1.37 s of CPU time instead of 1.20."""

COLD_IN_MEMORY = 4
"""Groups of cold bytecode that are kept, as what is imported next is often in the same one."""


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
        self.units = [
            Unit(index, group, index >= manifest.lukewarm)
            for index, group in enumerate(manifest.groups)
        ]
        self._tells = False
        """Whether failures go to the log too: in an invocation nobody looks for them later."""

        self.when_complete: Callable[[], None] = lambda: None
        """Called when every file is there."""

        self._files_of = manifest.files_of
        self._folder = TreeFolder(tree)
        self._packs_folder = PacksFolder(packs_folder)
        self._cold_from = manifest.lukewarm
        self._failures: dict[int, RestoreError] = {}
        self._cold_in_memory: list[Unit] = []
        self._changed = Signal()
        self._prefetcher = None
        self._unit_of: dict[Frame | None, Unit] = {}
        if any(pack.key for pack in manifest.packs):
            from hotpack_runtime.prefetch import Prefetcher

            bucket = bucket_for(manifest)
            self._prefetcher = Prefetcher(bucket, self._changed, self._start_thread)
            self._unit_of = {frame: unit for unit in self.units for frame in unit.group.frames}
        self._workers = 0
        self._until = 0
        self._patient = self._stopping = self._has_caught_up = self._has_forked = False
        self._missing = set(range(len(self.units)))
        self._open(manifest, free_bytes)

    def init_is_over(self) -> None:
        """Know that what is restored from now on is for an invocation."""
        self._tells = True
        if self._prefetcher is not None:
            self._prefetcher.init_is_over()
        if self.is_complete:
            self._forget_all()

    # -- what a group's state is waited for ------------------------------------------------

    def ensure(self, index: int) -> None:
        """Return when the files of a group are there; restore them here if nobody else does."""
        self._bring(self.units[index], THERE)

    def wait(self, count: int) -> None:
        """Return when the first `count` groups are restored; help with it."""
        self._prefetch(self.units[:count], LOADED)
        try:
            self._go_through(count)
            for unit in self.units[:count]:  # what others have begun
                self._bring(unit, LOADED)
        except BaseException:
            self._stop_prefetching()
            raise

    def catch_up(self) -> None:
        """Return when all that is not cold is there.

        Who imports something cold is on a way that nobody foresaw: what code in C may open there
        has to be there.
        """
        if not self._has_caught_up:
            self.wait(self._cold_from)
            self._has_caught_up = True

    def bytecode(self, index: int, start: int, size: int) -> Buffer | None:
        """Return a run of the bytes of a group of bytecode; None where it is in a file by now."""
        unit = self.units[index]
        self._bring(unit, LOADED)
        raw = unit.raw
        if raw is None:
            if unit.state == THERE:
                return None
            raw = self._raw_at_once(unit)  # all of it was imported once, and forgotten
        else:
            with self._changed.lock:
                unit.unread -= size
                if unit.unread <= 0:
                    self._forget(unit)
        return memoryview(raw)[start : start + size]

    def everything(self) -> None:
        """Return when every file is there."""
        self._learn()
        self._prefetch(self.units, THERE)
        threads = os.cpu_count() or 1
        for number in range(1, threads):
            self._start_thread(partial(self._bring_every, number, threads))
        try:
            self._bring_every(0, threads)
            self._bring_every(0, 1)  # what another thread could not fails here, for all to see
        finally:
            self._stop_prefetching()

    def _bring_every(self, first: int, step: int) -> None:
        for unit in self.units[first::step]:
            self._bring(unit, THERE)

    @property
    def is_complete(self) -> bool:
        """Whether every file is there."""
        return not self._missing

    def is_there(self, index: int) -> bool:
        """Return whether the files of a group are there."""
        return self.units[index].state == THERE

    def make_folder(self, folder: str) -> None:
        """Make a folder of the tree, if it is not there."""
        try:
            self._folder.make(folder)
        except OSError as error:
            raise self._told(error) from None

    def _bring(self, unit: Unit, state: int) -> None:
        """Bring a group to a state at least: LOADED is not enough where files are wanted."""
        as_files = state == THERE
        if self._has_forked and unit.state < state:
            self._learn()  # the other process has gone on, and may have changed what it restored
        if unit.is_large and unit.state == MISSING:
            self._prefetch([unit], state)
        while unit.state < state and (as_files or unit.raw is None):
            with self._changed.lock:
                taken = self._take(unit, as_files)
                alone = False
                if taken is None and unit.state == TAKEN:
                    # Its owner is this thread: interrupted, or on its way to come back to it.
                    patience_s = FETCHING_PATIENCE_S if self._is_coming(unit) else PATIENCE_S
                    alone = unit.owner == get_ident() or not self._changed.wait(patience_s)
                    alone = alone and unit.state == TAKEN
            if alone:
                self._restore_alone(unit, as_files)
            elif taken is not None:
                self._restore(*taken, as_files)

    # -- the threads that restore in order --------------------------------------------------

    def start(self, until: int, *, patient: bool = False) -> None:
        """Restore the first `until` groups in other threads; a patient one lets others go first."""
        self._until = until
        self._patient = patient
        self._stopping = False
        bytes(KEPT_BYTES)  # freed at once
        wanted = THERE if patient else LOADED
        self._prefetch(self.units[:until], wanted, patient=patient)
        missing = sum(unit.state < wanted for unit in self.units[:until])
        others = 1 if patient else (os.cpu_count() or 1) - 1  # the calling thread takes part
        for _ in range(min(missing, others)):
            if not self._start_thread(self._work) and patient:
                self._stop_prefetching()

    def stop(self) -> None:
        """Return when the other threads have stopped, each behind what it has begun: for a fork."""
        self._stopping = self._has_forked = True
        self._stop_prefetching()
        with self._changed.lock:
            while self._workers and self._changed.wait(PATIENCE_S):
                pass

    def go_on(self) -> None:
        """Start the other threads again, if there is something left for them."""
        if self._until and self._missing:
            self.start(self._until, patient=self._patient)

    def forked(self) -> None:
        """In a child process: forget what threads of the parent were about to do."""
        self._changed = Signal()
        self._workers = self._until = 0
        if self._prefetcher is not None:
            self._prefetcher.forked(self._changed)
        for unit in self.units:
            if unit.state == TAKEN:
                parts = unit.parts
                if parts is not None and parts.handle >= 0:
                    os.close(parts.handle)  # the file is the parent's
                    parts.handle, parts.path, parts.failed = -1, "", True
                unit.state, unit.parts = MISSING if unit.raw is None else LOADED, None

    def _start_thread(self, work: Callable[[], None]) -> bool:
        """Run something in another thread; return whether there can be one more."""

        def run() -> None:
            try:
                work()
            except Exception:  # noqa: BLE001, S110 - who needs it fails again, and says so
                pass
            finally:
                with self._changed.lock:
                    self._workers -= 1
                    self._changed.notify_all()

        with self._changed.lock:
            self._workers += 1
        try:
            start_new_thread(run, ())
        except RuntimeError:  # at the interpreter's end, or too many
            with self._changed.lock:
                self._workers -= 1
            return False
        return True

    def _work(self) -> None:
        patient = self._patient
        if patient:
            let_others_go_first()
        try:
            self._go_through(self._until, patient=patient, stops=lambda: self._stopping)
        finally:
            if patient:
                self._stop_prefetching()  # nobody else would take it

    def _go_through(
        self, until: int, *, patient: bool = False, stops: Callable[[], bool] = lambda: False
    ) -> None:
        """Restore what nobody has begun of the first groups, in order.

        A patient thread makes files, and goes on where it fails: nobody has asked for them yet.
        """
        for unit in self.units[:until]:
            while not stops():
                with self._changed.lock:
                    taken = self._take_what_came(until, patient) or self._take(unit, patient)
                if taken is None:
                    break
                try:
                    self._restore(*taken, patient, tells=not patient)
                except Exception:
                    if not patient:
                        raise
                    if taken[0] is unit:
                        break

    # -- who does what ----------------------------------------------------------------------

    def _take(self, unit: Unit, as_files: bool, frame: Frame | None = None) -> Taken | None:
        """Take a group, or a frame of a large one, this one if it is left; else None."""
        if unit.state == MISSING or (unit.state == LOADED and as_files):
            if unit.is_large:
                unit.owner, unit.parts = 0, Parts(unit.group.frames)
            else:
                unit.owner, unit.parts = get_ident(), None
            unit.state = TAKEN
            if not unit.is_large:
                return unit, unit.frame, None
        parts = unit.parts
        if unit.state == TAKEN and parts is not None and parts.todo:
            parts.writing += 1
            place = parts.todo.index(frame) if frame in parts.todo else 0
            return unit, parts.todo.pop(place), parts
        return None

    def _take_what_came(self, until: int, as_files: bool) -> Taken | None:
        """Take what has come from S3 of the first groups: not all connections are as fast."""
        frame = self._prefetcher.came if self._prefetcher is not None else None
        unit = self._unit_of.get(frame)
        if unit is None or unit.index >= until:
            return None
        return self._take(unit, as_files, frame)

    def _restore(
        self,
        unit: Unit,
        frame: Frame | None,
        parts: Parts | None,
        as_files: bool,
        *,
        tells: bool = True,
    ) -> None:
        """Restore what was taken; on failure, give it back."""
        try:
            if parts is None:
                self._finish(unit, as_files)
            elif frame is not None:
                self._write_part(unit, frame, parts)
        except BaseException as error:  # noqa: BLE001 - raised again
            self._give_back(unit, parts)
            raise (self._told(error, unit) if tells else error) from None

    def _restore_alone(self, unit: Unit, as_files: bool) -> None:
        """Restore a group whatever another thread does with it: the same files come of it."""
        parts = Parts(unit.group.frames) if unit.is_large else None
        for frame in unit.group.frames if parts is not None else [unit.frame]:
            if parts is not None:
                parts.writing += 1
            self._restore(unit, frame, parts, as_files)

    def _give_back(self, unit: Unit, parts: Parts | None) -> None:
        with self._changed.lock:
            if unit.state == TAKEN and unit.parts is parts:
                unit.state = MISSING if unit.raw is None else LOADED
            if parts is not None:
                parts.failed = True
                self._leave(parts)
            self._changed.notify_all()
        self._drop(unit)

    def _told(self, error: BaseException, unit: Unit | None = None) -> BaseException:
        """Return an error as it is told: in one line, and remembered."""
        if isinstance(error, OSError):
            error = RestoreError(f"hotpack: cannot restore to {self._folder.path}: {error}")
        if isinstance(error, RestoreError):
            if self._tells and not self._failures:
                print(error, flush=True)  # noqa: T201 - who asked may take it for something else
            # Without its traceback, which holds all that was read.
            kept = type(error)(*error.args)
            if unit is not None:
                self._failures[unit.index] = kept
        return error

    @property
    def failed(self) -> RestoreError | None:
        """What could not be restored and is still missing."""
        return next(iter(self._failures.values()), None)

    def _prefetch(self, units: list[Unit], state: int, *, patient: bool = False) -> None:
        """Have what these groups lack for a state fetched from S3."""
        if self._prefetcher is None:
            return
        with self._changed.lock:
            frames = [frame for unit in units if unit.state < state for frame in unit.left]
            self._prefetcher.plan(frames, patient=patient)

    def _stop_prefetching(self) -> None:
        if self._prefetcher is not None:
            self._prefetcher.stop()

    def _is_coming(self, unit: Unit) -> bool:
        return self._prefetcher is not None and self._prefetcher.is_bringing(unit.group.frames)

    def _drop(self, unit: Unit) -> None:
        """Let go what was fetched of a group and is not needed any more."""
        if self._prefetcher is not None:
            self._prefetcher.drop(unit.group.frames)

    def _raw(self, frame: Frame) -> Iterator[Buffer]:
        """Yield what a frame decompresses to, piece by piece."""
        read: Callable[[Frame], Buffer] = self._packs_folder.read
        if frame.pack.key and self._prefetcher is not None:
            read = self._prefetcher.read
        return raw_of(frame, read_verified(frame, read))

    def _raw_at_once(self, unit: Unit) -> Buffer:
        """Return what a group's only frame decompresses to."""
        pieces = list(self._raw(unit.frame)) if unit.frame is not None else []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    # -- bytecode in memory -----------------------------------------------------------------

    def _keep(self, unit: Unit, raw: Buffer) -> None:
        with self._changed.lock:
            if unit.is_cold:
                self._cold_in_memory.append(unit)
                if len(self._cold_in_memory) > COLD_IN_MEMORY:
                    self._forget(self._cold_in_memory[0])
            self._drop(unit)
            unit.raw, unit.unread = raw, len(raw)
            unit.state = max(unit.state, LOADED)
            self._changed.notify_all()

    def _forget(self, unit: Unit) -> None:
        """Free a group of bytecode: all of it was imported, or others were since."""
        unit.raw = None
        if unit in self._cold_in_memory:
            self._cold_in_memory.remove(unit)
            if unit.state == LOADED:
                unit.state = MISSING

    def _forget_all(self) -> None:
        """Free all bytecode: it is in files too."""
        with self._changed.lock:
            for unit in self.units:
                if unit.raw is not None:
                    self._forget(unit)

    # -- into files -------------------------------------------------------------------------

    def _finish(self, unit: Unit, as_files: bool) -> None:
        raw = self._raw_at_once(unit)
        if unit.group.is_bytecode and not as_files:
            self._keep(unit, raw)
            return
        view = memoryview(raw)
        for path, start, size, executable in self._files_of(unit.index):
            self._folder.write(path, view[start : start + size], executable)
        self._there(unit)

    def _write_part(self, unit: Unit, frame: Frame, parts: Parts) -> None:
        """Write a frame of a large file; whoever writes the last one moves it to its place."""
        (path, _start, _size, executable), *others = self._files_of(unit.index)
        content = self._raw(frame)
        with self._changed.lock:
            if parts.handle < 0 and not parts.failed:
                parts.path = self._folder.new_path()
                parts.handle = self._folder.create(parts.path, executable)
        if not parts.failed:
            place = frame.start
            for raw in content:
                write_at(parts.handle, memoryview(raw), place)
                place += len(raw)
        with self._changed.lock:
            parts.missing.discard(frame.start)
            self._leave(parts)
            if parts.failed or parts.missing or parts.writing:
                return
        for other, _start, _size, other_executable in others:
            self._folder.copy(parts.path, other, other_executable)
        self._folder.move(parts.path, path)
        self._there(unit)

    def _leave(self, parts: Parts) -> None:
        """Note that a thread has done its part of a large file; the last one closes it."""
        parts.writing -= 1
        if parts.writing > 0 or not (parts.failed or not parts.missing):
            return
        if parts.handle >= 0:
            handle, parts.handle = parts.handle, -1  # before: a child that is forked closes it too
            os.close(handle)
        if parts.failed and parts.path:
            self._folder.remove(parts.path)  # it takes space where there may be none

    def _there(self, unit: Unit) -> None:
        self._folder.note(unit.index)
        self._note_there(unit)

    def _note_there(self, unit: Unit) -> None:
        with self._changed.lock:
            self._drop(unit)
            self._missing.discard(unit.index)  # a signal's handler may come here in between
            unit.state, unit.parts = THERE, None
            self._failures.pop(unit.index, None)
            self._changed.notify_all()
        if not self._missing:
            self.when_complete()
            if self._tells:  # init imports from memory, which is faster
                self._forget_all()

    # -- what was there before ---------------------------------------------------------------

    def _open(self, manifest: Manifest, free_bytes: Callable[[str], int]) -> None:
        """Open the folder, learn what is there, and see that there is space for the rest."""
        try:
            self._folder.open()
            self._learn()
            free = free_bytes(self._folder.path)
        except OSError as error:
            raise self._told(error) from None
        self._check_space(manifest, free)

    def _learn(self) -> None:
        """Learn from the journal what is there by now."""
        for index in self._folder.noted():
            if index >= len(self.units) or self.units[index].state in (TAKEN, THERE):
                continue
            if self._folder.holds(self._files_of(index)):
                self._note_there(self.units[index])

    def _check_space(self, manifest: Manifest, free: int) -> None:
        raw = sum(unit.group.raw_size for unit in self.units)
        there = sum(unit.group.raw_size for unit in self.units if unit.state == THERE)
        needed = manifest.disk_bytes * (raw - there) // raw if raw else 0
        if needed > free:
            root = os.path.dirname(self._folder.path)
            raise RestoreError(
                f"hotpack: the packs take {needed} bytes in {root} and "
                f"{free} are free: raise ephemeral_storage_mb by "
                f"{-(-(needed - free) // 2**20)} or more, or keep less in /tmp"
            )
