"""Compresses a distribution's files into frames, each once for the same content."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.install import File
from hotpack.progress import Progress
from hotpack.target.limits import MIB

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAME_RAW_BYTES: Final = 4 * MIB
"""A frame's most bytes once decompressed: what one thread of the runtime holds at a time."""

_DIGEST_BYTES: Final = 32
_VERSION: Final = 2

LEVEL: Final = 10
"""Level 19 takes 17 to 30 times the CPU for about 10 % less (measured)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One compressed frame, in the cache."""

    source: Path
    """A file of the SHA-256 in binary, then the frame: what is read again is checked again."""

    size: int
    raw_size: int
    sha256: str
    """Of the compressed bytes."""

    def read(self) -> bytes:
        """Return the compressed bytes."""
        return self.source.read_bytes()[_DIGEST_BYTES:]


@dataclass(frozen=True, slots=True)
class CompressedDistribution:
    """A distribution's files and the frames that hold them."""

    name: str
    files: tuple[File, ...]

    stored: tuple[File, ...]
    """Those whose bytes stand in the frames, in that order; the others are the same as one."""

    frames: tuple[Frame, ...]

    @property
    def packed_bytes(self) -> int:
        """Size of all frames."""
        return sum(frame.size for frame in self.frames)


@dataclass(frozen=True, slots=True)
class _Slice:
    """A part of a file that goes into one frame."""

    file: File
    start: int
    size: int


def compress(
    groups: Mapping[str, Sequence[File]],
    cache: Cache,
    progress: Progress,
    *,
    level: int = LEVEL,
    once: bool = True,
) -> dict[str, CompressedDistribution]:
    """Return every distribution of `groups` compressed. Frames never hold two distributions'.

    With `once`, files of the same content in a distribution are the same bytes in its frames.
    """
    stored = {name: _distinct(files) if once else files for name, files in groups.items()}
    cuts = {name: list(_cut(files)) for name, files in stored.items()}
    total = sum(file.size for files in groups.values() for file in files)
    compressed = {}
    with progress.task("compress", total, "bytes") as advance, ThreadPoolExecutor() as pool:

        def make(slices: Sequence[_Slice]) -> Frame:
            frame = _frame(slices, cache, level)
            advance(frame.raw_size)
            return frame

        waiting = {name: [pool.submit(make, item) for item in cuts[name]] for name in groups}
        for name, files in groups.items():
            frames = tuple(item.result() for item in waiting[name])
            compressed[name] = CompressedDistribution(
                name, tuple(files), tuple(stored[name]), frames
            )
    return compressed


def _distinct(files: Iterable[File]) -> list[File]:
    """Return the files without those that hold the same as an earlier one."""
    return list({file.sha256: file for file in reversed(list(files))}.values())[::-1]


def _cut(files: Iterable[File]) -> Iterator[list[_Slice]]:
    """Yield the slices of one frame after the other."""
    slices: list[_Slice] = []
    room = FRAME_RAW_BYTES
    for file in files:
        start = 0
        while start < file.size:
            size = min(room, file.size - start)
            slices.append(_Slice(file, start, size))
            start += size
            room -= size
            if not room:
                yield slices
                slices, room = [], FRAME_RAW_BYTES
    if slices:
        yield slices


def _frame(slices: Sequence[_Slice], cache: Cache, level: int) -> Frame:
    key = digest_of(
        _VERSION, zstd.zstd_version, level, *(f"{s.file.sha256} {s.start} {s.size}" for s in slices)
    )
    path = cache.path("frames", key)
    raw_size = sum(item.size for item in slices)
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content[_DIGEST_BYTES:]).digest()
    if content[:_DIGEST_BYTES] != digest:
        compressed = zstd.compress(b"".join(map(_read, slices)), level)
        digest = hashlib.sha256(compressed).digest()
        content = digest + compressed
        cache.put("frames", key, content)
    return Frame(path, len(content) - _DIGEST_BYTES, raw_size, digest.hex())


def _read(part: _Slice) -> bytes:
    with part.file.source.open("rb") as file:
        file.seek(part.start)
        return file.read(part.size)
