"""Sweeps memory sizes: how long a function takes at each, what that costs, which one to take."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from statistics import mean, median, quantiles
from typing import Final, Literal, get_args

from hotpack import local
from hotpack.errors import HotpackError
from hotpack.pack import Release
from hotpack.pipeline import Tools
from hotpack.progress import Progress
from hotpack.sandbox import Function, Invocation, Settings, logs
from hotpack.sandbox.outcome import OUT_OF_MEMORY
from hotpack.target.limits import INIT_TIMEOUT_S, vcpus
from hotpack.target.prices import Price, gb_seconds

SIZES: Final = (128, 256, 512, 1024, 1769, 2048, 3008, 5120, 10_240)
"""From the least to the most; 1,769 MB is one vCPU, 3,008 MB the most of new accounts."""

TRIMMED: Final = 0.2
"""Of the warm invocations, at each end, as aws-lambda-power-tuning leaves out."""

_AS_FAST: Final = 1.05
"""What takes at most so much longer than the fastest is as fast: less is within the noise."""

Goal = Literal["cost", "speed", "balanced"]
GOALS: Final[tuple[Goal, ...]] = get_args(Goal)

Invoke = Callable[[bytes], Invocation]
OpenAt = Callable[[int], AbstractContextManager[Invoke | str]]
"""Takes memory in MB; gives a function that no sandbox is open for yet, or why there is none."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at one memory size."""

    memory_mb: int
    cold: tuple[Invocation, ...] = ()
    warm: tuple[Invocation, ...] = ()
    failure: str | None = None
    """Why it is no size for this function: it ran out of memory or time, or failed."""

    @property
    def init_ms(self) -> float | None:
        """The median init phase; None where none ended in time."""
        inits = [item.init_ms for item in self.cold if item.init_ms is not None]
        return median(inits) if inits else None

    @property
    def cold_ms(self) -> float:
        """What callers wait for at a cold start, the median: init phase and invocation."""
        return median(map(waited_ms, self.cold))

    @property
    def warm_ms(self) -> float:
        """The trimmed mean of warm invocations."""
        return trimmed_mean([item.duration_ms for item in self.warm])

    @property
    def warm_quartiles(self) -> tuple[float, float]:
        """Between which half of the warm invocations lie."""
        low, _, high = quantiles([item.duration_ms for item in self.warm], n=4, method="inclusive")
        return low, high

    @property
    def peak_mb(self) -> int | None:
        """The most memory that was used; None where this machine cannot tell."""
        used = [item.max_memory_mb for item in (*self.cold, *self.warm)]
        return max((mb for mb in used if mb is not None), default=None)

    def mean_ms(self, cold_share: float) -> float:
        """Return what callers wait for on average, if such a share of the starts is cold."""
        return cold_share * self.cold_ms + (1 - cold_share) * self.warm_ms

    def billed_ms(self, cold_share: float) -> float:
        """Return what is billed on average; init phases are billed too since 2025-08-01."""
        cold = median([item.billed_ms for item in self.cold])
        warm = trimmed_mean([item.billed_ms for item in self.warm])
        return cold_share * cold + (1 - cold_share) * warm

    def gb_seconds(self, cold_share: float) -> float:
        """Return what an invocation takes on average."""
        return gb_seconds(self.memory_mb, self.billed_ms(cold_share))

    def cost_usd(self, cold_share: float, price: Price) -> float:
        """Return what an invocation costs on average."""
        return price.cost_usd(self.memory_mb, self.billed_ms(cold_share))


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which memory to take, in MB, for what."""

    cost: int
    speed: int
    """The smallest that is as fast as the fastest."""

    balanced: int
    knee: int
    """From where on more memory brings little."""


def sweep(
    open_at: OpenAt,
    sizes: Sequence[int],
    payloads: Sequence[bytes],
    rounds: int,
    warm: int,
    progress: Progress,
) -> tuple[Measured, ...]:
    """Return what was measured at each size: in every round a cold start and some warm ones.

    The sizes take turns, so that a noisy minute of the machine meets all of them. One that fails
    is not tried again.

    Raises HotpackError where all fail.
    """
    found = {size: Measured(size) for size in sorted(set(sizes))}
    for number in range(1, rounds + 1):
        what = f"measure {len(found)} sizes, {number} of {rounds}"
        with progress.task(what, len(found), "starts") as advance:
            for size, measured in found.items():
                if measured.failure is None:
                    with open_at(size) as opened:
                        found[size] = _measure(measured, opened, payloads, warm)
                advance(1)
    if all(measured.failure for measured in found.values()):
        largest = found[max(found)]
        raise HotpackError(
            f"the function fails at every size; at {largest.memory_mb:,} MB: {largest.failure}",
            hint="try `hotpack invoke`",
        )
    return tuple(found.values())


def _measure(
    measured: Measured, opened: Invoke | str, payloads: Sequence[bytes], warm: int
) -> Measured:
    """Return what was measured, with one more cold start and the warm ones behind it."""
    if isinstance(opened, str):
        return Measured(measured.memory_mb, failure=opened)
    invocations: list[Invocation] = []
    for payload in islice(cycle(payloads), 1 + warm):
        invocation = opened(payload)
        if failure := _failure(invocation):
            return Measured(measured.memory_mb, failure=failure)
        invocations.append(invocation)
    return replace(
        measured,
        cold=(*measured.cold, invocations[0]),
        warm=(*measured.warm, *invocations[1:]),
    )


def _failure(invocation: Invocation) -> str | None:
    """Return why a size is none for the function, None where it did its work.

    An init phase that failed counts, though it succeeded when it ran again in the invocation, which
    may have had a little more memory. One that was stopped after its time only took long.
    """
    if invocation.status == "timeout":
        return f"timed out after {invocation.duration_ms / 1000:,.0f} s"
    if invocation.status != "success":
        return _words(invocation.error_type)
    for line in map(logs.parse, invocation.log):
        if isinstance(line, logs.InitReport) and line.phase == "init" and line.status != "timeout":
            return f"{_words(line.error_type)} in init"
    return None


def _words(error_type: str | None) -> str:
    return "out of memory" if error_type == OUT_OF_MEMORY else error_type or "failed"


def waited_ms(start: Invocation) -> float:
    """Return what callers wait for at a cold start."""
    if start.init_ms is not None:
        return start.init_ms + start.duration_ms
    # Init ran again inside the invocation, after the init phase had been stopped.
    return INIT_TIMEOUT_S * 1000 + start.duration_ms


def trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean without the outermost fifth at each end."""
    cut = int(len(values) * TRIMMED)
    return mean(sorted(values)[cut : len(values) - cut])


def is_beyond(memory_mb: int, machine_vcpus: float | None) -> bool:
    """Return whether Lambda gives this size more CPU than the machine has."""
    return machine_vcpus is not None and vcpus(memory_mb) > machine_vcpus


def recommend(
    sizes: Sequence[Measured],
    cold_share: float,
    price: Price,
    weight: float,
    machine_vcpus: float | None = None,
) -> Recommendation:
    """Return which of the sizes to take; those that failed are none to take.

    Nor are those with more CPU than the machine that they were measured on, unless all are: what
    is between them is noise. `weight` is that of the cost where both count, from 0, speed alone,
    to 1, cost alone; as in aws-lambda-power-tuning, each is taken as a share of the largest.
    """
    usable = [size for size in sizes if size.failure is None]
    told_apart = [size for size in usable if not is_beyond(size.memory_mb, machine_vcpus)]
    usable = told_apart or usable
    times = {size.memory_mb: size.mean_ms(cold_share) for size in usable}
    costs = {size.memory_mb: size.cost_usd(cold_share, price) for size in usable}
    slowest, dearest = max(times.values()), max(costs.values())

    def loss(memory_mb: int) -> float:
        return weight * costs[memory_mb] / dearest + (1 - weight) * times[memory_mb] / slowest

    fastest = min(times.values())
    return Recommendation(
        cost=min(costs, key=lambda size: (costs[size], times[size])),
        speed=min(size for size, time_ms in times.items() if time_ms <= fastest * _AS_FAST),
        balanced=min(costs, key=loss),
        knee=_knee(times),
    )


def _knee(times: dict[int, float]) -> int:
    """Return the size that is furthest below the line from the first to the last.

    Satopää and others, "Finding a 'Kneedle' in a Haystack" (2011); memory is taken by its
    logarithm, as sizes are chosen.
    """
    first, last = min(times), max(times)
    span, drop = math.log(last / first), times[first] - times[last]
    if span == 0 or drop <= 0:
        return first

    def below(size: int) -> float:
        return (times[first] - times[size]) / drop - math.log(size / first) / span

    return max(times, key=below)


def local_sizes(function: Function, release: Release, tools: Tools, settings: Settings) -> OpenAt:
    """Return the function in the local Lambda at any memory size."""

    @contextmanager
    def open_at(memory_mb: int) -> Iterator[Invoke | str]:
        sized = replace(function, memory_mb=memory_mb)
        with local.run(sized, tools, release=release, settings=settings) as running:
            yield running.function.invoke

    return open_at
