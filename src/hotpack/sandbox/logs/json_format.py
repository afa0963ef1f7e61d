"""Lines in Lambda's JSON format: the events of the Telemetry API, one object a line.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html. At the level INFO,
the default, Lambda writes `initStart`, `start` and `report`, and of the others what failed. Text
lines for a timeout, a crash and the end have no JSON: `runtimeDone` says it.
"""

import json
from dataclasses import dataclass
from typing import Any

from hotpack.sandbox.logs.lines import (
    PHASES,
    InitReport,
    InitStart,
    LogLine,
    Report,
    RestoreReport,
    RestoreStart,
    Start,
)

_TRACE = "X-Amzn-Trace-Id"


@dataclass(frozen=True, slots=True)
class RuntimeDone:
    """The runtime is done with an invocation; written where that failed."""

    request_id: str
    status: str
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Stamped:
    """A line and its time."""

    time: str
    line: LogLine | RuntimeDone


def write(line: LogLine | RuntimeDone, time: str) -> str | None:
    """Return the line as one JSON object; None for a line that JSON does not have."""
    kind: str
    record: dict[str, Any]
    match line:
        case InitStart():
            kind, record = "initStart", {**_ON_DEMAND, "phase": "init", **_versions(line)}
        case InitReport():
            metrics = {"durationMs": _ms(line.init_duration_ms)}
            record = {**_ON_DEMAND, "phase": line.phase, **_status(line), "metrics": metrics}
            kind = "initReport"
        case RestoreStart():
            kind, record = "restoreStart", _versions(line)
        case RestoreReport():
            metrics = {"durationMs": _ms(line.restore_duration_ms)}
            kind, record = "restoreReport", {"status": "success", "metrics": metrics}
        case Start():
            kind, record = "start", {"requestId": line.request_id, "version": line.version}
        case RuntimeDone():
            kind, record = "runtimeDone", {"requestId": line.request_id, **_status(line)}
        case Report():
            kind, record = "report", _report(line)
        case _:
            return None
    told = {"time": time, "type": f"platform.{kind}", "record": record}
    return json.dumps(told, separators=(",", ":"))


def parse(text: str) -> Stamped | None:
    """Return what a line says and when; None for a line of the function or an unknown one."""
    try:
        told = json.loads(text)
        line = _parsed(told["type"], told["record"])
        return None if line is None else Stamped(told["time"], line)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def _parsed(kind: str, record: dict[str, Any]) -> LogLine | RuntimeDone | None:
    match kind:
        case "platform.initStart":
            return InitStart(record["runtimeVersion"], record["runtimeVersionArn"])
        case "platform.restoreStart":
            return RestoreStart(record["runtimeVersion"], record["runtimeVersionArn"])
        case "platform.restoreReport":
            return RestoreReport(float(record["metrics"]["durationMs"]))
        case "platform.initReport":
            return _parsed_init_report(record)
        case "platform.start":
            return Start(record["requestId"], record["version"])
        case "platform.runtimeDone":
            return RuntimeDone(record["requestId"], record["status"], record.get("errorType"))
        case "platform.report":
            return _parsed_report(record)
        case _:
            return None


def _parsed_init_report(record: dict[str, Any]) -> InitReport | None:
    phase = next((phase for phase in PHASES if phase == record["phase"]), None)
    duration_ms = float(record["metrics"]["durationMs"])
    return phase and InitReport(duration_ms, phase, *_parsed_status(record))


def _parsed_report(record: dict[str, Any]) -> Report:
    metrics = record["metrics"]
    status, error_type = _parsed_status(record)
    root, parent, sampled = _parsed_trace(record.get("tracing"))
    return Report(
        request_id=record["requestId"],
        duration_ms=float(metrics["durationMs"]),
        billed_duration_ms=int(metrics["billedDurationMs"]),
        memory_size_mb=int(metrics["memorySizeMB"]),
        max_memory_used_mb=metrics.get("maxMemoryUsedMB"),
        init_duration_ms=metrics.get("initDurationMs"),
        restore_duration_ms=metrics.get("restoreDurationMs"),
        billed_restore_duration_ms=metrics.get("billedRestoreDurationMs"),
        status=status,
        error_type=error_type,
        xray_trace_id=root,
        xray_segment_id=parent,
        xray_sampled=sampled,
    )


_ON_DEMAND = {"initializationType": "on-demand"}


def _report(line: Report) -> dict[str, Any]:
    metrics = {
        "durationMs": _ms(line.duration_ms),
        "billedDurationMs": line.billed_duration_ms,
        "memorySizeMB": line.memory_size_mb,
        "maxMemoryUsedMB": line.max_memory_used_mb,
        "initDurationMs": _ms(line.init_duration_ms),
        "restoreDurationMs": _ms(line.restore_duration_ms),
        "billedRestoreDurationMs": line.billed_restore_duration_ms,
    }
    known = {name: value for name, value in metrics.items() if value is not None}
    record = {"requestId": line.request_id, "metrics": known, **_status(line)}
    if line.xray_trace_id is not None:
        sampled = 1 if line.xray_sampled else 0
        value = f"Root={line.xray_trace_id};Parent={line.xray_segment_id};Sampled={sampled}"
        record["tracing"] = {"spanId": line.xray_segment_id, "type": _TRACE, "value": value}
    return record


def _parsed_trace(tracing: dict[str, str] | None) -> tuple[str | None, str | None, bool | None]:
    if tracing is None:
        return None, None, None
    parts = dict(part.split("=", 1) for part in tracing["value"].split(";"))
    return parts.get("Root"), parts.get("Parent"), parts.get("Sampled") == "1"


def _versions(line: InitStart | RestoreStart) -> dict[str, str]:
    return {"runtimeVersion": line.runtime_version, "runtimeVersionArn": line.runtime_version_arn}


def _status(line: InitReport | Report | RuntimeDone) -> dict[str, str]:
    told = {"status": line.status or "success"}
    return told if line.error_type is None else {**told, "errorType": line.error_type}


def _parsed_status(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return status and error type, None for success: text says nothing of it."""
    status = record.get("status", "success")
    return None if status == "success" else status, record.get("errorType")


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
