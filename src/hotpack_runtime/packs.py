"""Reads packs that are in the function itself, and frames out of whatever a pack is read from."""

from __future__ import annotations

import hashlib
import os

from hotpack_runtime.errors import DamagedError, RestoreError
from hotpack_runtime.zstd import decompress

PIECE_BYTES = 1024 * 1024

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    Buffer = bytes | memoryview

    from hotpack_runtime.manifest import Frame, Pack

    class Reader(Protocol):
        """Reads from packs; one thread at a time uses it."""

        def read(self, pack: Pack, offset: int, size: int) -> Buffer:
            """Return `size` bytes of a pack from `offset` on."""


class PacksFolder:
    """Packs in the function itself. Any number of threads may read."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

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


def read_frames(frames: list[Frame], reader: Reader) -> list[memoryview]:
    """Return the contents of frames that follow each other, each verified, not yet decompressed.

    They are read at once; what was read wrong is read once more. Raises RestoreError.
    """
    first, last = frames[0], frames[-1]
    size = last.offset + last.size - first.offset
    try:
        return _verified(frames, reader.read(first.pack, first.offset, size))
    except DamagedError:
        return _verified(frames, reader.read(first.pack, first.offset, size))


def _verified(frames: list[Frame], content: Buffer) -> list[memoryview]:
    view = memoryview(content)
    offset = frames[0].offset
    parts = [view[f.offset - offset : f.offset - offset + f.size] for f in frames]
    for frame, part in zip(frames, parts, strict=True):
        if hashlib.sha256(part).hexdigest() != frame.sha256:
            raise DamagedError(
                f"hotpack: {frame.pack} is damaged: the frame at byte {frame.offset} does not "
                "have the SHA-256 of the manifest; nothing of it was kept: deploy the function "
                "again"
            )
    return parts


def raw_of(frame: Frame, content: memoryview) -> Iterator[Buffer]:
    """Yield the raw bytes of a verified frame, in pieces that fit a processor's cache.

    Raises RestoreError where it does not hold what the manifest says.
    """
    if frame.size == frame.raw_size:  # it did not compress, so it is stored as it is
        yield content
        return
    try:
        yield from decompress(content, frame.raw_size, PIECE_BYTES)
    except ValueError as error:
        raise DamagedError(
            f"hotpack: {frame.pack} and its manifest do not match: the frame at byte "
            f"{frame.offset} is not {frame.raw_size} bytes of zstd ({error}): build the function "
            "again"
        ) from None
