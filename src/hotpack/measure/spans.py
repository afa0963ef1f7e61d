"""What a cold start spends its time with, of the spans that were noted. Pure."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

PHASES: Final = ("fetch", "verify", "decompress", "write", "unpack", "wait", "import")
"""In the order in which they are shown; other tools decompress and write in one: unpack."""

STANDARD_LIBRARY: Final = "standard library"
_TRACE: Final = '{"hotpack_trace"'
_FIRST_OF_OURS: Final = "hotpack_runtime"


@dataclass(frozen=True, slots=True)
class Span:
    """Something that one thread did, which may have others in it."""

    phase: str
    start_ms: float
    end_ms: float
    thread: int
    detail: str = ""
    """The module that was imported, or what was fetched."""

    @property
    def duration_ms(self) -> float:
        """How long it took."""
        return self.end_ms - self.start_ms


def watched_spans(lines: Iterable[str]) -> list[Span]:
    """Return the spans that `watch.py` has noted, from when it began."""
    spans: list[Span] = []
    began_ns: int | None = None
    for line in lines:
        phase, start, end, thread, detail = line.rstrip("\n").split(" ", 4)
        if began_ns is None:
            began_ns = int(start)
            continue
        start_ms, end_ms = ((int(value) - began_ns) / 1e6 for value in (start, end))
        spans.append(Span(phase, start_ms, end_ms, int(thread), detail))
    return spans


def traced_spans(log: Iterable[str]) -> list[Span]:
    """Return the spans that hotpack's runtime writes into the log with HOTPACK_TRACE=1.

    They are from where the runtime began.
    """
    spans: list[Span] = []
    for event in log:
        for line in event.splitlines():
            at = line.find(_TRACE)
            if at >= 0:
                document: Any = json.loads(line[at:])
                spans += map(_traced, document["hotpack_trace"]["spans"])
    return spans


def _traced(item: Any) -> Span:
    return Span(
        str(item["name"]),
        float(item["start_ms"]),
        float(item["end_ms"]),
        int(item["thread"]),
        str(item.get("detail", "")),
    )


def together(watched: Sequence[Span], traced: Sequence[Span]) -> list[Span]:
    """Return both on one clock: the runtime's own begins where its first module is imported.

    Imports are those that were watched: all ways are seen alike then.
    """
    began = [
        span.start_ms
        for span in watched
        if span.phase == "import" and span.detail.partition(".")[0] == _FIRST_OF_OURS
    ]
    offset_ms = min(began, default=0.0)
    moved = (
        replace(span, start_ms=span.start_ms + offset_ms, end_ms=span.end_ms + offset_ms)
        for span in traced
        if span.phase != "import"
    )
    return [*watched, *moved]


def innermost(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap within a thread: at each moment the innermost of it.

    An import's detail is the package that it is of, and neighbours of the same kind are one.
    """
    threads: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        detail = package_of(span.detail) if span.phase == "import" else span.detail
        threads[span.thread].append(replace(span, detail=detail))
    flat = [part for own in threads.values() for part in _merged(_flattened(own))]
    return sorted(flat, key=lambda part: (part.start_ms, part.thread))


def package_of(module: str) -> str:
    """Return the top-level package of a module; one name for the whole standard library."""
    top = module.partition(".")[0]
    return STANDARD_LIBRARY if top in sys.stdlib_module_names else top


def _flattened(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield for each stretch between two borders the span that began last."""
    ordered = sorted(spans, key=lambda span: (span.start_ms, -span.end_ms))
    borders = sorted({moment for span in spans for moment in (span.start_ms, span.end_ms)})
    stack: list[Span] = []
    upcoming = iter(ordered)
    following = next(upcoming, None)
    for start_ms, end_ms in pairwise(borders):
        while following is not None and following.start_ms <= start_ms:
            stack.append(following)
            following = next(upcoming, None)
        while stack and stack[-1].end_ms <= start_ms:
            stack.pop()
        if stack:
            yield replace(stack[-1], start_ms=start_ms, end_ms=end_ms)


def _merged(parts: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for part in parts:
        if last is not None and last.end_ms == part.start_ms and _kind(last) == _kind(part):
            last = replace(last, end_ms=part.end_ms)
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last


def _kind(span: Span) -> tuple[str, str]:
    return span.phase, span.detail


def by_phase(parts: Iterable[Span]) -> dict[str, float]:
    """Return the milliseconds of each phase, of all threads together, in the order of PHASES."""
    sums: dict[str, float] = defaultdict(float)
    for part in parts:
        sums[part.phase] += part.duration_ms
    known = [phase for phase in PHASES if phase in sums]
    return {phase: sums[phase] for phase in [*known, *sorted(sums.keys() - set(PHASES))]}


def beside_imports_ms(parts: Iterable[Span]) -> float:
    """Return how long the main thread, which imports the most, did something else."""
    imports: dict[int, float] = defaultdict(float)
    others: dict[int, float] = defaultdict(float)
    for part in parts:
        sums = imports if part.phase == "import" else others
        sums[part.thread] += part.duration_ms
    main = max(imports, key=lambda thread: imports[thread], default=None)
    return 0.0 if main is None else others[main]


def by_package(parts: Iterable[Span]) -> dict[str, float]:
    """Return the milliseconds that importing each package took by itself, the longest first."""
    sums: dict[str, float] = defaultdict(float)
    for part in parts:
        if part.phase == "import":
            sums[part.detail] += part.duration_ms
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
