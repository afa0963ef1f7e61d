"""The kinds of lines that the platform logs, and how Lambda's text format writes each."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["init", "invoke"]
PHASES: tuple[Phase, ...] = ("init", "invoke")


@dataclass(frozen=True, slots=True)
class InitStart:
    """A new execution environment begins its init phase."""

    runtime_version: str
    runtime_version_arn: str

    def format(self) -> str:
        """Return the line."""
        return "INIT_START " + _versions(self.runtime_version, self.runtime_version_arn)


@dataclass(frozen=True, slots=True)
class InitReport:
    """The init phase failed or timed out; on demand, Lambda says nothing where it succeeded."""

    init_duration_ms: float
    phase: Phase
    status: str | None = None
    error_type: str | None = None

    def format(self) -> str:
        """Return the line."""
        return "INIT_REPORT " + _fields(
            ("Init Duration", _ms(self.init_duration_ms)),
            ("Phase", self.phase),
            ("Status", self.status),
            ("Error Type", self.error_type),
        )


@dataclass(frozen=True, slots=True)
class RestoreStart:
    """An execution environment is restored from a SnapStart snapshot."""

    runtime_version: str
    runtime_version_arn: str

    def format(self) -> str:
        """Return the line."""
        return "RESTORE_START " + _versions(self.runtime_version, self.runtime_version_arn)


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """How long the restore from a SnapStart snapshot took."""

    restore_duration_ms: float

    def format(self) -> str:
        """Return the line."""
        return "RESTORE_REPORT " + _fields(("Restore Duration", _ms(self.restore_duration_ms)))


@dataclass(frozen=True, slots=True)
class Start:
    """An invocation begins."""

    request_id: str
    version: str = "$LATEST"

    def format(self) -> str:
        """Return the line."""
        return f"START RequestId: {self.request_id} Version: {self.version}"


@dataclass(frozen=True, slots=True)
class End:
    """An invocation has ended."""

    request_id: str

    def format(self) -> str:
        """Return the line."""
        return f"END RequestId: {self.request_id}"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The function did not answer within its timeout."""

    timestamp: str
    """UTC, ISO 8601 with milliseconds and Z."""

    request_id: str
    timeout_s: float

    def format(self) -> str:
        """Return the line."""
        return (
            f"{self.timestamp} {self.request_id} Task timed out after {self.timeout_s:.2f} seconds"
        )


@dataclass(frozen=True, slots=True)
class Crashed:
    """The runtime's process ended without an answer. Two lines, one event."""

    request_id: str
    message: str
    error_type: str

    def format(self) -> str:
        """Return the lines."""
        return f"RequestId: {self.request_id} Error: {self.message}\n{self.error_type}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an invocation took. Optional fields are None where Lambda does not print them."""

    request_id: str
    duration_ms: float
    billed_duration_ms: int
    memory_size_mb: int
    max_memory_used_mb: int | None
    """None where this machine cannot tell; Lambda always can."""

    init_duration_ms: float | None = None
    restore_duration_ms: float | None = None
    billed_restore_duration_ms: int | None = None
    status: str | None = None
    error_type: str | None = None
    xray_trace_id: str | None = None
    xray_segment_id: str | None = None
    xray_sampled: bool | None = None

    def format(self) -> str:
        """Return the line, with the tab that Lambda puts after the last duration."""
        line = "REPORT " + _fields(
            ("RequestId", self.request_id),
            ("Duration", _ms(self.duration_ms)),
            ("Billed Duration", _whole(self.billed_duration_ms, "ms")),
            ("Memory Size", _whole(self.memory_size_mb, "MB")),
            ("Max Memory Used", _whole(self.max_memory_used_mb, "MB")),
            ("Init Duration", _ms(self.init_duration_ms)),
            ("Restore Duration", _ms(self.restore_duration_ms)),
            ("Billed Restore Duration", _whole(self.billed_restore_duration_ms, "ms")),
            ("Status", self.status),
            ("Error Type", self.error_type),
            ("XRAY TraceId", self.xray_trace_id),
            ("SegmentId", self.xray_segment_id),
            ("Sampled", None if self.xray_sampled is None else str(self.xray_sampled).lower()),
        )
        return line if self.status or self.xray_trace_id else line + "\t"


LogLine = (
    InitStart
    | InitReport
    | RestoreStart
    | RestoreReport
    | Start
    | End
    | TimedOut
    | Crashed
    | Report
)


def _versions(version: str, arn: str) -> str:
    return _fields(("Runtime Version", version), ("Runtime Version ARN", arn))


def _fields(*pairs: tuple[str, str | None]) -> str:
    return "\t".join(f"{name}: {value}" for name, value in pairs if value is not None)


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} ms"


def _whole(value: int | None, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"
