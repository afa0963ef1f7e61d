"""Lines in Lambda's text format, read back.

Fields are tab-separated `Name: value` pairs; AWS adds new ones at the end, so parsing goes by
name and not by position, and leaves out what it does not know.
"""

import re

from hotpack.sandbox.logs.lines import (
    PHASES,
    Crashed,
    End,
    InitReport,
    InitStart,
    LogLine,
    Report,
    RestoreReport,
    RestoreStart,
    Start,
    TimedOut,
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
    except (IndexError, KeyError, ValueError, OverflowError):
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


def _parse_fields(text: str) -> dict[str, str]:
    # X-Ray's fields come on a line of their own. One regex for all costs twice the time, and logs
    # have millions of lines.
    fields: dict[str, str] = {}
    for part in text.replace("\n", "\t").split("\t"):
        name, _, value = part.partition(": ")
        fields[name.strip()] = value.strip()
    return fields


def _number(value: str) -> float:
    """Return the number of a value with its unit, e.g. `15.74 ms`."""
    return float(value.split(maxsplit=1)[0])
