"""How numbers look."""


def ms(duration_ms: float | None) -> str:
    """Return a duration in milliseconds, a dash where there is none."""
    return "-" if duration_ms is None else f"{duration_ms:,.0f} ms"
