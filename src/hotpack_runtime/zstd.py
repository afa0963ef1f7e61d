"""The zstd decoder: the standard library's, or the one that the build put beside this file."""

from __future__ import annotations

try:
    from compression.zstd import ZstdDecompressor, ZstdError
except ImportError:  # before Python 3.14
    from hotpack_runtime._zstd import ZstdDecompressor, ZstdError


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def decompress(frame: bytes | memoryview, raw_size: int, most: int) -> Iterator[bytes]:
    """Yield the raw bytes of one frame, at most so many at once.

    Raises ValueError where it does not hold exactly `raw_size`.
    """
    decompressor = ZstdDecompressor()
    left = raw_size
    try:
        while left:
            raw = decompressor.decompress(frame, min(left, most))
            if not raw:
                break
            frame = b""
            left -= len(raw)
            yield raw
        # Asking for no more than one byte: a frame that holds more must not fill the memory.
        more = b"" if decompressor.eof else decompressor.decompress(frame, 1)
    except (ZstdError, EOFError) as error:
        raise ValueError(str(error)) from None
    if left or more or not decompressor.eof:
        raise ValueError("another size")
