"""Restores a tree from its packs: in parallel, verified, whole or not at all.

The tree is written beside its place and renamed. A killed init leaves a `.partial-` folder that
the next one removes; a warm or reset sandbox finds the tree and does nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from bisect import bisect_right

from hotpack_runtime.errors import DamagedError, RestoreError
from hotpack_runtime.zstd import decompress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hotpack_runtime.manifest import FileRow, Frame, Manifest, Pack
    from hotpack_runtime.s3 import Bucket, Reader

BLOCK = 4096
SPAN_RAW_BYTES = 4 * 1024 * 1024
"""Neighbouring frames are read at once up to this size: each request to S3 takes 20 to 40 ms."""

REMOTE_THREADS = 8
"""One connection carries 50 to 90 MB/s (docs/lambda-facts: network), so one does not do."""


def free_bytes(folder: str) -> int:
    """Return how much can be written to a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def restore(
    manifest: Manifest,
    root: str,
    packs_folder: str,
    bucket_for: Callable[[Manifest], Bucket],
    free_bytes: Callable[[str], int] = free_bytes,
) -> str:
    """Return the folder of the manifest's tree below `root`, restored if it was not there yet.

    `bucket_for(manifest)` is only called where packs are remote.

    Raises RestoreError in one line that names the pack; then nothing of the tree is there.
    """
    tree = os.path.join(root, manifest.tree[:16])
    if os.path.isdir(tree):
        return tree
    os.makedirs(root, exist_ok=True)
    with open(f"{root}.lock", "w") as lock:
        # The handler may start processes that come here too: one restores, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(tree):
            _restore_whole(manifest, root, tree, packs_folder, bucket_for, free_bytes)
    return tree


def _restore_whole(
    manifest: Manifest,
    root: str,
    tree: str,
    packs_folder: str,
    bucket_for: Callable[[Manifest], Bucket],
    free_bytes: Callable[[str], int],
) -> None:
    """Write the tree beside its place and move it there."""
    _clear_partial(root)
    _check_space(manifest, root, free_bytes(root))
    beside = f"{tree}.partial-{os.getpid()}"
    try:
        writer = _Writer(manifest.files, beside)
        _restore_frames(manifest, writer, packs_folder, bucket_for)
        os.rename(beside, tree)
    except BaseException as error:
        _remove(beside)
        if isinstance(error, OSError):
            raise RestoreError(f"hotpack: cannot restore to {root}: {error}") from None
        raise


def _clear_partial(root: str) -> None:
    for name in os.listdir(root):
        if ".partial-" in name:
            _remove(os.path.join(root, name))


def _remove(folder: str) -> None:
    import shutil  # 2 ms, and seldom needed

    shutil.rmtree(folder, ignore_errors=True)


def _check_space(manifest: Manifest, root: str, free: int) -> None:
    needed = sum(-(-size // BLOCK) * BLOCK for _path, _start, size, _executable in manifest.files)
    if needed > free:
        raise RestoreError(
            f"hotpack: the packs take {needed} bytes in {root} and {free} are free: raise "
            f"ephemeral_storage_mb by {-(-(needed - free) // 2**20)} or more, or keep less in /tmp"
        )


class _Writer:
    """Writes the stream's bytes to the files that they belong to; threads may write at once."""

    def __init__(self, files: list[FileRow], root: str) -> None:
        self._files = files
        self._starts = [start for _path, start, _size, _executable in files]
        self._paths = [f"{root}/{path}" for path, _start, _size, _executable in files]
        for folder in sorted({os.path.dirname(path) for path in self._paths}):
            os.makedirs(folder, exist_ok=True)
        for index, (_path, _start, size, _executable) in enumerate(files):
            if not size:
                os.close(self._open(index))

    def write(self, start: int, raw: bytes) -> None:
        """Write what stands in the stream from `start` on."""
        view = memoryview(raw)
        end = start + len(raw)
        index = self._first(start)
        while index < len(self._files) and self._starts[index] < end:
            _path, file_start, size, _executable = self._files[index]
            first, last = max(start, file_start), min(end, file_start + size)
            if first < last:
                self._write(index, view[first - start : last - start], first - file_start)
            index += 1

    def _first(self, start: int) -> int:
        """Return the first file that may reach to `start`: files of one run stand together."""
        index = bisect_right(self._starts, start) - 1
        while index > 0 and self._starts[index - 1] == self._starts[index]:
            index -= 1
        return max(index, 0)

    def _write(self, index: int, part: memoryview, offset: int) -> None:
        handle = self._open(index)
        try:
            while part:
                written = os.pwrite(handle, part, offset)
                part, offset = part[written:], offset + written
        finally:
            os.close(handle)

    def _open(self, index: int) -> int:
        mode = 0o755 if self._files[index][3] else 0o644
        return os.open(self._paths[index], os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)


class _Folder:
    """Packs in the function itself."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def connect(self) -> _Folder:
        """Return a reader, for one thread."""
        return self

    def read(self, pack: Pack, offset: int, size: int) -> bytes:
        """Return `size` bytes of a pack from `offset` on."""
        path = f"{self._folder}/{pack.name}.pack"
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise RestoreError(
                f"hotpack: {pack} is missing at {path}: deploy the function again"
            ) from None
        try:
            content = os.pread(handle, size, offset)
        finally:
            os.close(handle)
        if len(content) != size:
            raise DamagedError(f"hotpack: {pack} is cut short: {path} ends within a frame")
        return content


def _restore_frames(
    manifest: Manifest,
    writer: _Writer,
    packs_folder: str,
    bucket_for: Callable[[Manifest], Bucket],
) -> None:
    """Restore all frames, with as many threads as their sources want."""
    remote = any(pack.key for pack in manifest.packs)
    local = _Folder(packs_folder)
    bucket = bucket_for(manifest) if remote else None
    spans = _spans(manifest.frames)
    waiting = iter(spans)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        reader = bucket.connect() if bucket else None
        try:
            while not failures:
                with lock:
                    span = next(waiting, None)
                if span is None:
                    return
                source = reader if reader and span[0].pack.key else local
                _restore_span(span, source, writer)
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            failures.append(error)
        finally:
            if reader:
                reader.close()

    count = min(len(spans), REMOTE_THREADS if remote else os.cpu_count() or 1)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _spans(frames: list[Frame]) -> list[list[Frame]]:
    """Return the frames in lists of neighbours that are read at once."""
    spans: list[list[Frame]] = []
    for frame in frames:
        span = spans[-1] if spans else None
        if (
            span
            and span[-1].pack is frame.pack
            and span[-1].offset + span[-1].size == frame.offset
            and sum(f.raw_size for f in span) + frame.raw_size <= SPAN_RAW_BYTES
        ):
            span.append(frame)
        else:
            spans.append([frame])
    return spans


def _restore_span(span: list[Frame], reader: _Folder | Reader, writer: _Writer) -> None:
    """Read, verify, decompress and write neighbouring frames; what was read wrong, once more."""
    first, last = span[0], span[-1]
    size = last.offset + last.size - first.offset
    for attempt in (1, 2):
        try:
            content = memoryview(reader.read(first.pack, first.offset, size))
            raws = [_raw(f, content[f.offset - first.offset :][: f.size]) for f in span]
            break
        except DamagedError:
            if attempt == 2:
                raise
    for frame, raw in zip(span, raws, strict=True):
        writer.write(frame.start, raw)


def _raw(frame: Frame, content: memoryview) -> bytes:
    if hashlib.sha256(content).hexdigest() != frame.sha256:
        raise DamagedError(
            f"hotpack: {frame.pack} is damaged: the frame at byte {frame.offset} does not have "
            "the SHA-256 of the manifest; nothing of it was kept: deploy the function again"
        )
    raw = decompress(content, frame.raw_size)
    if raw is None:
        raise DamagedError(
            f"hotpack: {frame.pack} and its manifest do not match: the frame at byte "
            f"{frame.offset} is not {frame.raw_size} bytes of zstd: build the function again"
        )
    return raw
