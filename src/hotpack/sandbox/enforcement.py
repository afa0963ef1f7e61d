"""What the local Lambda enforces on this machine, and what it does not: for `hotpack doctor`."""

from dataclasses import dataclass

from hotpack.sandbox.enclosure import Isolation
from hotpack.target import limits


@dataclass(frozen=True, slots=True)
class Enforcement:
    """One limit of Lambda's."""

    limit: str
    enforced: bool
    by: str
    """What holds it, or why nothing does."""

    how_to_get: str | None = None
    """What to do about it; None where it is enforced, or where nothing can be done."""


def enforcement(isolation: Isolation) -> tuple[Enforcement, ...]:
    """Return a row for each limit, those that always hold first."""
    return (*_always(), *_isolated(isolation), *_never())


def _always() -> tuple[Enforcement, ...]:
    size_bytes, layers = f"{limits.UNZIPPED_BYTES:,}", limits.LAYERS
    return (
        Enforcement(f"package of {size_bytes} bytes, {layers} layers", True, "checked before use"),
        Enforcement("reserved and oversized environment variables", True, "checked before use"),
        Enforcement(f"payloads of {limits.PAYLOAD_BYTES:,} bytes", True, "Runtime and Invoke API"),
        Enforcement(f"init phase of {limits.INIT_TIMEOUT_S:.0f} s", True, "supervisor"),
        Enforcement("function timeout", True, "supervisor"),
        Enforcement("1,024 open files", True, "RLIMIT_NOFILE"),
    )


def _isolated(isolation: Isolation) -> tuple[Enforcement, ...]:
    by = isolation.name if isolation.isolated else f"{isolation.name}: {isolation.reason}"
    how = None if isolation.isolated else isolation.remedy
    return tuple(
        Enforcement(limit, isolation.isolated, by, how)
        for limit in (
            "/var/task, /opt and all else read-only",
            "/tmp of the configured size",  # noqa: S108
            "no files of this machine visible but its system libraries",
            "processes that a reset leaves no trace of",
        )
    )


def _never() -> tuple[Enforcement, ...]:
    return (
        Enforcement("memory", False, "measured and reported, not limited"),
        Enforcement("CPU in proportion to memory", False, "not limited"),
        Enforcement("1,024 processes and threads", False, "not limited"),
        Enforcement("freeze between invocations", False, "background threads keep running"),
        Enforcement("Amazon Linux's libraries", False, "the machine's own are used"),
    )
