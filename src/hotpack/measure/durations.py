"""Invocations as their REPORT lines tell of them: read from a log of any length, in columns.

A million invocations are nine arrays of 8 MB. Objects for them would be ten times that.
"""

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TextIO

from hotpack.sandbox.logs import InitReport, Report, json_format, text

NAN: Final = math.nan

LogEvent = tuple[float, str]
"""When something was logged, in seconds since 1970, NaN where nobody says; and its text."""

_REPORT: Final = "REPORT RequestId: "
_INIT_REPORT: Final = "INIT_REPORT "
_PLATFORM: Final = '"platform.'
_TIMED_OUT: Final = " Task timed out after "
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")

_LONGEST_LINE: Final = 64 * 1024
"""Characters that are looked at at once: a log without line breaks fills no memory."""

_MOST: Final = 1e9
"""Over every number that Lambda can report, in ms or MB. What is more is no REPORT line."""

TIMED_OUT: Final = "timeout"


@dataclass(frozen=True, slots=True)
class Invocations:
    """What was read, in the order in which it happened: a column each, NaN where nothing is said.

    Position i of each column is the same invocation.
    """

    time_s: "array[float]"
    """Since 1970, at the end of the invocation; empty unless the log has it for every one."""

    init_ms: "array[float]"
    """Of the init phase, or of the restore of a snapshot: cold starts have it, warm ones NaN."""

    duration_ms: "array[float]"
    billed_ms: "array[float]"
    memory_mb: "array[float]"
    max_memory_mb: "array[float]"
    faults: Mapping[int, str]
    """Position to what went wrong, in Lambda's words: `timeout`, `Runtime.OutOfMemory` …"""

    failed_inits: int
    """Init phases that failed or timed out: cold starts too, whose REPORT line does not say so."""

    skipped: int
    """Lines of other kinds."""

    broken: int
    """REPORT lines that say something else than Lambda would."""

    def __len__(self) -> int:
        return len(self.duration_ms)

    def is_cold(self, position: int) -> bool:
        """Return whether an init phase came before it."""
        return not math.isnan(self.init_ms[position])

    def waited_ms(self, position: int) -> float:
        """Return what whoever invoked waited for: init phase and invocation."""
        init_ms = self.init_ms[position]
        return self.duration_ms[position] + (0.0 if math.isnan(init_ms) else init_ms)


def events_of(stream: TextIO) -> Iterator[LogEvent]:
    """Yield the lines of a log whose times, if any, are in its lines."""
    while line := stream.readline(_LONGEST_LINE):
        yield NAN, line


def read_invocations(events: Iterable[LogEvent]) -> Invocations:
    """Return what the REPORT lines say, in text or JSON, and count all other lines.

    A line may have a time and the name of a log stream before it, as `aws logs tail` and `sam logs`
    put there. No line is an error.
    """
    found = _Found()
    for time_s, line in events:
        if (start := line.find(_REPORT)) >= 0:
            is_alone = start == 0 or not math.isnan(time_s)
            found.add(text.parse(line[start:]), time_s if is_alone else _time_in(line[:start]))
        elif _PLATFORM in line:
            _read_json(line, time_s, found)
        elif (start := line.find(_INIT_REPORT)) >= 0:
            found.note(text.parse(line[start:]))
        elif (end := line.find(_TIMED_OUT)) >= 0:
            found.note_timeout(line[:end].rpartition(" ")[2])
        else:
            found.skipped += 1
    return found.invocations()


def _read_json(line: str, time_s: float, found: "_Found") -> None:
    stamped = json_format.parse(line[line.find("{") :])
    if stamped is not None and not isinstance(stamped.line, Report):
        found.note(stamped.line)
    elif stamped is not None:
        found.add(stamped.line, _epoch_s(stamped.time) if math.isnan(time_s) else time_s)
    elif '"platform.report"' in line:
        found.broken += 1
    else:
        found.skipped += 1


@dataclass(slots=True)
class _Found:
    """The columns while they grow."""

    columns: "tuple[array[float], ...]" = field(
        default_factory=lambda: tuple(array("d") for _ in range(6))
    )
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    """Of request ids: the ids themselves would be 85 bytes each."""

    faults: dict[int, str] = field(default_factory=dict)
    timeouts: dict[int, int] = field(default_factory=dict)
    """Hash of the request id to how many reports came before the line that says so."""

    failed_inits: int = 0
    skipped: int = 0
    broken: int = 0

    def add(self, report: object, time_s: float) -> None:
        """Take an invocation, or count what is none."""
        if not isinstance(report, Report) or (row := _row(report, time_s)) is None:
            self.broken += 1
            return
        if report.status is not None:
            self.faults[len(self.hashes)] = str(report.error_type or report.status)
        self.hashes.append(hash(report.request_id))
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)

    def note(self, line: object) -> None:
        """Take what is said beside the reports."""
        if isinstance(line, InitReport) and line.phase == "init" and line.status is not None:
            self.failed_inits += 1
        else:
            self.skipped += 1

    def note_timeout(self, request_id: str) -> None:
        """Take a line that says so, as older REPORT lines do not."""
        self.skipped += 1
        self.timeouts[hash(request_id)] = len(self.hashes)

    def invocations(self) -> Invocations:
        """Return all, in the order of their times where all have one."""
        self._mark_timeouts()
        columns, faults = self.columns, self.faults
        times = columns[0]
        if any(map(math.isnan, times)):
            columns = (array("d"), *columns[1:])
        elif any(map(float.__gt__, times, memoryview(times)[1:])):
            order = sorted(range(len(times)), key=times.__getitem__)
            columns = tuple(array("d", map(column.__getitem__, order)) for column in columns)
            faults = {new: faults[old] for new, old in enumerate(order) if old in faults}
        time_s, init_ms, duration_ms, billed_ms, memory_mb, max_memory_mb = columns
        return Invocations(
            time_s=time_s,
            init_ms=init_ms,
            duration_ms=duration_ms,
            billed_ms=billed_ms,
            memory_mb=memory_mb,
            max_memory_mb=max_memory_mb,
            faults=faults,
            failed_inits=self.failed_inits,
            skipped=self.skipped,
            broken=self.broken,
        )

    def _mark_timeouts(self) -> None:
        """Give each timeout to the report of its request, to the nearest where it was retried."""
        nearest: dict[int, int] = {}
        for position, value in enumerate(self.hashes if self.timeouts else ()):
            if value in self.timeouts:
                said = self.timeouts[value]
                best = nearest.get(value, position)
                nearest[value] = min(best, position, key=lambda place: abs(place + 0.5 - said))
        for position in nearest.values():
            self.faults.setdefault(position, TIMED_OUT)


def _row(report: Report, time_s: float) -> tuple[float, ...] | None:
    """Return the numbers of a report; None where they cannot be Lambda's.

    JSON may have anything in their places.
    """
    init_ms = report.init_duration_ms
    if init_ms is None:
        init_ms = report.restore_duration_ms
    most_mb = report.max_memory_used_mb
    try:
        needed = (
            float(report.duration_ms),
            float(report.billed_duration_ms),
            float(report.memory_size_mb),
        )
        init = NAN if init_ms is None else float(init_ms)
        most = NAN if most_mb is None else float(most_mb)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(0 <= value < _MOST for value in needed) or init < 0 or most < 0:
        return None
    if init >= _MOST or most >= _MOST:
        return None
    return (time_s, init, *needed, most)


def _time_in(prefix: str) -> float:
    match = _TIME.search(prefix)
    return _epoch_s(match[0]) if match else NAN


def _epoch_s(moment: object) -> float:
    """Return an ISO 8601 time as seconds since 1970; UTC where it names no zone."""
    try:
        parsed = datetime.fromisoformat(moment)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return NAN
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
