"""How numbers look."""


def mb(size_bytes: float) -> str:
    """Return a size in megabytes: 10^6 bytes, as Lambda's limit is a round number of bytes."""
    return f"{size_bytes / 1e6:,.1f} MB"


def ms(duration_ms: float | None) -> str:
    """Return a duration in milliseconds, a dash where there is none."""
    return "-" if duration_ms is None else f"{duration_ms:,.0f} ms"
