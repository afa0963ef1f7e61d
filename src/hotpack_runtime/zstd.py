"""The zstd decoder: the standard library's, or the one that the build put beside this file."""

from __future__ import annotations

try:
    from compression.zstd import ZstdDecompressor, ZstdError
except ImportError:  # before Python 3.14
    from hotpack_runtime._zstd import ZstdDecompressor, ZstdError


def decompress(frame: bytes | memoryview, raw_size: int) -> bytes | None:
    """Return the raw bytes of one frame, None where it does not hold exactly `raw_size`."""
    decompressor = ZstdDecompressor()
    try:
        raw = decompressor.decompress(frame, raw_size)
        # Asking for no more than one byte: a frame that holds more must not fill the memory.
        more = b"" if decompressor.eof else decompressor.decompress(b"", 1)
    except (ZstdError, EOFError):
        return None
    return raw if decompressor.eof and not more and len(raw) == raw_size else None
