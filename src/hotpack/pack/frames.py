"""Compresses a distribution's files into groups of frames, each frame once for the same content.

A group is what is restored together: many small files in one frame, or one large file in several.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.install import File, Kind
from hotpack.layout import Arranged, Arrangement
from hotpack.progress import Progress
from hotpack.target.limits import MIB

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAME_RAW_BYTES: Final = 4 * MIB
"""A frame's most bytes once decompressed: what one thread of the runtime holds at a time."""

GROUP_RAW_BYTES: Final = MIB
"""What small files make a group up to: what is restored with the file that is waited for."""

_DIGEST_BYTES: Final = 32
_VERSION: Final = 3

LEVEL: Final = 10
"""Level 19 takes 17 to 30 times the CPU for about 10 % less (measured)."""

_WORTH: Final = 0.97
"""What does not become smaller than this part is stored as it is: model weights, images."""


class Temperature(IntEnum):
    """When files are restored, the earliest first."""

    NATIVE = 0
    """Hot, and code in C may touch them without Python's knowing."""

    HOT = 1
    LUKEWARM = 2
    COLD = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One compressed frame, in the cache."""

    source: Path
    """A file of the SHA-256 in binary, then the frame: what is read again is checked again."""

    size: int
    """In bytes; the same as `raw_size` where the bytes are stored as they are."""

    raw_size: int
    sha256: str
    """Of the compressed bytes."""

    def read(self) -> bytes:
        """Return the compressed bytes."""
        return self.source.read_bytes()[_DIGEST_BYTES:]


@dataclass(frozen=True, slots=True)
class CompressedGroup:
    """Files that are restored together, and the frames that hold them."""

    temperature: Temperature
    is_bytecode: bool
    files: tuple[tuple[File, int], ...]
    """Each with its start in the group's bytes; two of the same content start at the same place."""

    frames: tuple[Frame, ...]

    @property
    def packed_bytes(self) -> int:
        """Size of the frames."""
        return sum(frame.size for frame in self.frames)


@dataclass(frozen=True, slots=True)
class CompressedDistribution:
    """A distribution's groups, in the order of restoring."""

    name: str
    groups: tuple[CompressedGroup, ...]

    def groups_of(self, *, cold: bool) -> tuple[CompressedGroup, ...]:
        """Return the cold groups, or the others."""
        return tuple(g for g in self.groups if (g.temperature is Temperature.COLD) == cold)

    @property
    def warm_bytes(self) -> int:
        """Compressed size of what is not cold."""
        return sum(group.packed_bytes for group in self.groups_of(cold=False))

    @property
    def cold_bytes(self) -> int:
        """Compressed size of what is cold."""
        return sum(group.packed_bytes for group in self.groups_of(cold=True))

    @property
    def packed_bytes(self) -> int:
        """Compressed size of all."""
        return self.warm_bytes + self.cold_bytes


@dataclass(frozen=True, slots=True)
class _Slice:
    """A part of a file that goes into one frame."""

    file: File
    start: int
    size: int


@dataclass(slots=True)
class _Draft:
    """A group in the making."""

    temperature: Temperature
    is_bytecode: bool
    files: list[tuple[File, int]] = field(default_factory=list)
    stored: list[File] = field(default_factory=list)
    raw_size: int = 0

    def add(self, file: File) -> int:
        """Put a file's bytes at the end; return where they start."""
        start = self.raw_size
        self.files.append((file, start))
        self.stored.append(file)
        self.raw_size += file.size
        return start

    def cut(self) -> Iterator[list[_Slice]]:
        """Yield the slices of one frame after the other."""
        if self.raw_size <= GROUP_RAW_BYTES:
            if self.raw_size:
                yield [_Slice(file, 0, file.size) for file in self.stored if file.size]
            return
        (file,) = self.stored
        for start in range(0, file.size, FRAME_RAW_BYTES):
            yield [_Slice(file, start, min(FRAME_RAW_BYTES, file.size - start))]


def compress(
    arrangement: Arrangement,
    cache: Cache,
    progress: Progress,
    *,
    level: int = LEVEL,
    once: bool = True,
) -> dict[str, CompressedDistribution]:
    """Return every distribution compressed. Groups never hold two distributions'.

    With `once`, files of the same content in a distribution are the same bytes in its frames.
    """
    drafts = {
        name: _draft(arranged, arrangement.native, once=once)
        for name, arranged in arrangement.by_distribution.items()
    }
    total = sum(draft.raw_size for mine in drafts.values() for draft in mine)
    compressed = {}
    with progress.task("compress", total, "bytes") as advance, ThreadPoolExecutor() as pool:

        def make(slices: Sequence[_Slice]) -> Frame:
            frame = _frame(slices, cache, level)
            advance(frame.raw_size)
            return frame

        waiting = {
            name: [[pool.submit(make, slices) for slices in draft.cut()] for draft in mine]
            for name, mine in drafts.items()
        }
        for name, mine in drafts.items():
            groups = (
                CompressedGroup(
                    draft.temperature,
                    draft.is_bytecode,
                    tuple(draft.files),
                    tuple(frame.result() for frame in frames),
                )
                for draft, frames in zip(mine, waiting[name], strict=True)
            )
            compressed[name] = CompressedDistribution(name, tuple(groups))
    return compressed


def _draft(arranged: Arranged, native: frozenset[str], *, once: bool) -> list[_Draft]:
    """Return a distribution's files in groups, in the order of restoring."""
    drafts: list[_Draft] = []
    homes: dict[tuple[str, bool], tuple[_Draft, int]] = {}
    for temperature, files in _by_temperature(arranged, native):
        open_: dict[bool, _Draft] = {}
        for file in files:
            # Bytecode apart: the runtime imports it from memory, and puts it in files if asked to.
            is_bytecode = file.kind is Kind.BYTECODE and file.size <= GROUP_RAW_BYTES
            home = homes.get((file.sha256, is_bytecode)) if once and file.size else None
            if home:
                home[0].files.append((file, home[1]))
                continue
            draft = open_.get(is_bytecode)
            if draft is None or draft.raw_size + file.size > GROUP_RAW_BYTES:
                draft = _Draft(temperature, is_bytecode)
                drafts.append(draft)
                if file.size <= GROUP_RAW_BYTES:
                    open_[is_bytecode] = draft
            homes[file.sha256, is_bytecode] = draft, draft.add(file)
    return drafts


def _by_temperature(
    arranged: Arranged, native: frozenset[str]
) -> Iterator[tuple[Temperature, Iterable[File]]]:
    yield Temperature.NATIVE, [file for file in arranged.hot if file.path in native]
    yield Temperature.HOT, [file for file in arranged.hot if file.path not in native]
    yield Temperature.LUKEWARM, arranged.lukewarm
    yield Temperature.COLD, arranged.cold


def _frame(slices: Sequence[_Slice], cache: Cache, level: int) -> Frame:
    key = digest_of(
        _VERSION, zstd.zstd_version, level, *(f"{s.file.sha256} {s.start} {s.size}" for s in slices)
    )
    path = cache.path("frames", key)
    raw_size = sum(item.size for item in slices)
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content[_DIGEST_BYTES:]).digest()
    if content[:_DIGEST_BYTES] != digest:
        raw = b"".join(map(_read, slices))
        compressed = zstd.compress(raw, level)
        if len(compressed) > _WORTH * len(raw):
            compressed = raw
        digest = hashlib.sha256(compressed).digest()
        content = digest + compressed
        cache.put("frames", key, content)
    return Frame(path, len(content) - _DIGEST_BYTES, raw_size, digest.hex())


def _read(part: _Slice) -> bytes:
    with part.file.source.open("rb") as file:
        file.seek(part.start)
        return file.read(part.size)
