"""What can happen in a sandbox while somebody waits for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """The runtime asked for the next invocation."""


@dataclass(frozen=True, slots=True)
class Responded:
    """The function returned."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The function raised, or its answer cannot be delivered."""

    error_type: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class InitFailed:
    """The runtime could not load the function."""

    error_type: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Exited:
    """The runtime's process ended."""

    status: int
    """Exit status, or minus the number of the signal."""

    peak_memory_mb: int | None = None
    """The most memory that it ever had; None where unknown."""

    out_of_memory: bool = False
    """Whether it was killed because the sandbox passed the function's memory."""


Event = Ready | Responded | Failed | InitFailed | Exited
