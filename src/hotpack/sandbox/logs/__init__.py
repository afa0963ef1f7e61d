"""The platform's log lines, as AWS Lambda writes them, in text and in JSON: written and parsed.

Each kind of line is a frozen dataclass; `write` makes text of it, `parse` finds the kind of a
text, whichever format it is in. What is no line of the platform's is None.
"""

import math
from dataclasses import fields
from typing import Literal

from hotpack.sandbox.logs import json_format, text
from hotpack.sandbox.logs.json_format import RuntimeDone
from hotpack.sandbox.logs.lines import (
    Crashed,
    End,
    InitReport,
    InitStart,
    LogLine,
    Phase,
    Report,
    RestoreReport,
    RestoreStart,
    Start,
    TimedOut,
)

LogFormat = Literal["Text", "JSON"]
"""As `LoggingConfig.LogFormat` writes it."""

__all__ = [
    "Crashed",
    "End",
    "InitReport",
    "InitStart",
    "LogFormat",
    "LogLine",
    "Phase",
    "Report",
    "RestoreReport",
    "RestoreStart",
    "RuntimeDone",
    "Start",
    "TimedOut",
    "parse",
    "write",
]


def write(line: LogLine | RuntimeDone, log_format: LogFormat, time: str) -> str | None:
    """Return the text of a line; None where the format has no such line.

    `time` is UTC, ISO 8601 with milliseconds and Z; only JSON writes it.
    """
    if log_format == "JSON":
        return json_format.write(line, time)
    return None if isinstance(line, RuntimeDone) else line.format()


def parse(line: str) -> LogLine | RuntimeDone | None:
    """Return what a platform's line says; None for a line of the function or an unknown one."""
    if line.lstrip().startswith("{"):
        stamped = json_format.parse(line)
        parsed = None if stamped is None else stamped.line
    else:
        parsed = text.parse(line)
    return parsed if parsed is not None and _is_plain(parsed) else None


def _is_plain(line: LogLine | RuntimeDone) -> bool:
    """Return whether a line has nothing nested or infinite in it, which Lambda never writes."""
    values = (getattr(line, field.name) for field in fields(line))
    return all(
        math.isfinite(value) if isinstance(value, float) else isinstance(value, str | int | None)
        for value in values
    )
