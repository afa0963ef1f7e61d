"""Reads packs that are in the function itself, and frames out of whatever a pack is read from."""

from __future__ import annotations

import hashlib
import os

from hotpack_runtime.errors import DamagedError, RestoreError
from hotpack_runtime.zstd import decompress

PIECE_BYTES = 1024 * 1024

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotpack_runtime.manifest import Frame

    Buffer = bytes | memoryview


class PacksFolder:
    """Packs in the function itself. Any number of threads may read."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self, frame: Frame) -> bytes:
        """Return a frame's bytes, not verified."""
        pack, size = frame.pack, frame.size
        path = f"{self._folder}/{pack.name}.pack"
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise RestoreError(
                f"hotpack: {pack} is missing at {path}: deploy the function again"
            ) from None
        try:
            content = os.pread(handle, size, frame.offset)
        finally:
            os.close(handle)
        if len(content) != size:
            raise DamagedError(f"hotpack: {pack} is cut short: {path} ends within a frame")
        return content


def read_verified(frame: Frame, read: Callable[[Frame], Buffer]) -> Buffer:
    """Return a frame's bytes, verified, not yet decompressed; what is damaged is read once more.

    Raises RestoreError.
    """
    try:
        return _verified(frame, read(frame))
    except DamagedError:
        return _verified(frame, read(frame))


def _verified(frame: Frame, content: Buffer) -> Buffer:
    if hashlib.sha256(content).hexdigest() != frame.sha256:
        raise DamagedError(
            f"hotpack: {frame.pack} is damaged: the frame at byte {frame.offset} does not have the "
            "SHA-256 of the manifest; nothing of it was kept: deploy the function again"
        )
    return content


def raw_of(frame: Frame, content: Buffer) -> Iterator[Buffer]:
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
