"""What many invocations come to: percentiles, shares, cost, and intervals to draw. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from hotpack.measure.durations import Invocations
from hotpack.target.prices import Price, gb_seconds


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is spread over invocations; percentiles are values that occurred."""

    count: int
    p50: float
    p90: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self | None:
        """Return the spread; None where there is nothing."""
        ordered = sorted(values)
        if not ordered:
            return None
        p50, p90, p99 = (ordered[math.ceil(len(ordered) * q / 100) - 1] for q in (50, 90, 99))
        return cls(len(ordered), p50, p90, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class Summary:
    """What a log comes to."""

    invocations: int
    cold_starts: int
    """Those whose init phase failed too, of which the REPORT line says nothing."""

    failed_inits: int
    faults: Mapping[str, int]
    skipped: int
    broken: int
    spreads: Mapping[str, Spread]
    """By what is measured, in ms, and `memory used` in MB; what never occurred is left out."""

    billed_gb_seconds: float
    price: Price
    cost_usd: float

    @property
    def cold_share(self) -> float:
        """Return how many of the invocations were cold starts, from 0 to 1."""
        return min(self.cold_starts / self.invocations, 1.0) if self.invocations else 0.0

    @property
    def cost_per_million_usd(self) -> float:
        """Return what a million such invocations cost."""
        return self.cost_usd / self.invocations * 1e6 if self.invocations else 0.0


def summarize(invocations: Invocations, price: Price) -> Summary:
    """Return what the invocations come to."""
    cold = [at for at in range(len(invocations)) if invocations.is_cold(at)]
    duration_ms = invocations.duration_ms
    measured = {
        "init": (invocations.init_ms[at] for at in cold),
        "cold invocation": (duration_ms[at] for at in cold),
        "warm invocation": (ms for at, ms in enumerate(duration_ms) if not invocations.is_cold(at)),
        "waited": map(invocations.waited_ms, range(len(invocations))),
        "memory used": (mb for mb in invocations.max_memory_mb if not math.isnan(mb)),
    }
    spreads = {name: Spread.of(values) for name, values in measured.items()}
    billed = sum(map(gb_seconds, invocations.memory_mb, invocations.billed_ms))
    return Summary(
        invocations=len(invocations),
        cold_starts=len(cold) + invocations.failed_inits,
        failed_inits=invocations.failed_inits,
        faults=dict(Counter(invocations.faults.values()).most_common()),
        skipped=invocations.skipped,
        broken=invocations.broken,
        spreads={name: spread for name, spread in spreads.items() if spread is not None},
        billed_gb_seconds=billed,
        price=price,
        cost_usd=billed * price.gb_second_usd + len(invocations) * price.request_usd,
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """Invocations that follow each other, drawn as one."""

    first: int
    """Position of the first of them."""

    count: int
    cold: int
    faults: int
    slowest: int
    """Position of the one that was waited for longest."""

    median_ms: float
    """What half of them were waited for at most."""


def intervals(invocations: Invocations, most: int) -> list[Interval]:
    """Return at most about `most` intervals of the same length, without empty ones.

    Of the same time, or of the same number of invocations where the log has no times. Each
    invocation is one where there are few enough.
    """
    number = len(invocations)
    if number <= most:
        ends: Sequence[int] = range(1, number + 1)
    elif invocations.time_s:
        ends = list(_ends_by_time(invocations.time_s, most))
    else:
        ends = [number * part // most for part in range(1, most + 1)]
    starts = [0, *ends][: len(ends)]
    return [_interval(invocations, start, end) for start, end in zip(starts, ends, strict=True)]


def _ends_by_time(time_s: Sequence[float], most: int) -> Iterator[int]:
    """Yield where each interval that has an invocation ends."""
    began = time_s[0]
    width = (time_s[-1] - began) / most or 1.0
    part = 0
    for position, moment in enumerate(time_s):
        earlier, part = part, min(int((moment - began) / width), most - 1)
        if part > earlier and position:
            yield position
    yield len(time_s)


def _interval(invocations: Invocations, start: int, end: int) -> Interval:
    positions = range(start, end)
    return Interval(
        first=start,
        count=len(positions),
        cold=sum(map(invocations.is_cold, positions)),
        faults=sum(at in invocations.faults for at in positions),
        slowest=max(positions, key=invocations.waited_ms),
        median_ms=median(map(invocations.waited_ms, positions)),
    )
