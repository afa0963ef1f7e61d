"""The platform's log lines, as AWS Lambda writes them in text format: formatting and parsing.

Each kind of line is a frozen dataclass with `format()`; `parse` finds the kind of a line.
Fields are tab-separated `Name: value` pairs; AWS adds new ones at the end, so parsing goes by
name and not by position, and leaves out what it does not know.
"""

import re
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


def parse(line: str) -> LogLine | None:
    """Return what a platform's line says; None for a line of the function or an unknown one."""
    kind, _, rest = line.strip().partition(" ")
    fields = _parse_fields(rest)
    try:
        match kind:
            case "INIT_START":
                return InitStart(fields["Runtime Version"], fields["Runtime Version ARN"])
            case "RESTORE_START":
                return RestoreStart(fields["Runtime Version"], fields["Runtime Version ARN"])
            case "RESTORE_REPORT":
                return RestoreReport(_number(fields["Restore Duration"]))
            case "INIT_REPORT":
                return _parse_init_report(fields)
            case "REPORT":
                return _parse_report(fields)
            case _:
                return _parse_sentence(line.strip())
    except (KeyError, ValueError):
        return None


def _parse_init_report(fields: dict[str, str]) -> InitReport | None:
    phase = next((phase for phase in PHASES if phase == fields["Phase"]), None)
    if phase is None:
        return None
    return InitReport(
        init_duration_ms=_number(fields["Init Duration"]),
        phase=phase,
        status=fields.get("Status"),
        error_type=fields.get("Error Type"),
    )


def _parse_report(fields: dict[str, str]) -> Report:
    def number(name: str) -> float | None:
        return _number(fields[name]) if name in fields else None

    def whole(name: str) -> int | None:
        return int(_number(fields[name])) if name in fields else None

    return Report(
        request_id=fields["RequestId"],
        duration_ms=_number(fields["Duration"]),
        billed_duration_ms=int(_number(fields["Billed Duration"])),
        memory_size_mb=int(_number(fields["Memory Size"])),
        max_memory_used_mb=whole("Max Memory Used"),
        init_duration_ms=number("Init Duration"),
        restore_duration_ms=number("Restore Duration"),
        billed_restore_duration_ms=whole("Billed Restore Duration"),
        status=fields.get("Status"),
        error_type=fields.get("Error Type"),
        xray_trace_id=fields.get("XRAY TraceId"),
        xray_segment_id=fields.get("SegmentId"),
        xray_sampled=fields["Sampled"] == "true" if "Sampled" in fields else None,
    )


_START = re.compile(r"START RequestId: (\S+) Version: (\S+)")
_END = re.compile(r"END RequestId: (\S+)")
_TIMED_OUT = re.compile(r"(\S+Z) (\S+) Task timed out after (\d+\.\d+) seconds")
_CRASHED = re.compile(r"RequestId: (\S+) Error: (.*)\n(\S+)")


def _parse_sentence(line: str) -> LogLine | None:
    """Parse the kinds of line that are sentences and not fields."""
    if match := _START.fullmatch(line):
        return Start(match[1], match[2])
    if match := _END.fullmatch(line):
        return End(match[1])
    if match := _TIMED_OUT.fullmatch(line):
        return TimedOut(match[1], match[2], float(match[3]))
    if match := _CRASHED.fullmatch(line):
        return Crashed(match[1], match[2], match[3])
    return None


def _versions(version: str, arn: str) -> str:
    return _fields(("Runtime Version", version), ("Runtime Version ARN", arn))


def _fields(*pairs: tuple[str, str | None]) -> str:
    return "\t".join(f"{name}: {value}" for name, value in pairs if value is not None)


def _parse_fields(text: str) -> dict[str, str]:
    # X-Ray's fields come on a line of their own.
    pairs = (part.partition(": ") for part in re.split(r"[\t\n]+", text))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} ms"


def _whole(value: int | None, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"


def _number(value: str) -> float:
    """Return the number of a value with its unit, e.g. `15.74 ms`."""
    return float(value.split(maxsplit=1)[0])
