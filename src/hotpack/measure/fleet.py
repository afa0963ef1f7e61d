"""Many cold starts at once, simulated: every environment's network and cores, and S3's rates.

The network of an environment is the model that the local Lambda's bucket runs (`sandbox.network`),
under a clock of the simulation's own; how it tries again is said by who asks.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import NormalDist
from typing import Final

from hotpack.layout.cost import DECOMPRESS_MS_PER_MB, WRITE_MS_PER_MB
from hotpack.sandbox.network import Link, Network, Pace
from hotpack.target.limits import INIT_VCPUS
from hotpack.target.s3 import FIRST_BYTE_S, GETS_PER_S
from hotpack_runtime.prefetch import CONNECTIONS, HELD_BYTES, spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hotpack_runtime.manifest import Frame

_MB: Final = 1e6
_LOOKS_AGAIN_S: Final = 0.002
Wait = Callable[[int], float]
"""Seconds to wait after so many tries."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one request reads."""

    pack: str
    size: int
    raw_size: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is simulated: environments that start at random moments of a window."""

    starts: int
    window_s: float
    spans: Sequence[Span]
    prefix_of: Callable[[str, int], str]
    """A pack and the environment's number to the prefix that S3 counts its requests under."""

    tries: int
    wait_s: Wait
    patience_s: float
    """How long after its start an environment gives up."""

    connections: int = CONNECTIONS
    """Of an environment."""

    held_bytes: int = CONNECTIONS * HELD_BYTES
    """What an environment may have asked for and not restored when it asks for more."""

    network: Network = field(default_factory=Network)
    first_byte_s: tuple[float, float] = FIRST_BYTE_S
    """p50 and p99; the same twice for a latency that does not vary."""

    gets_per_s: float = GETS_PER_S
    cores: int = int(INIT_VCPUS)
    cpu_ms_per_mb: float = DECOMPRESS_MS_PER_MB + WRITE_MS_PER_MB
    """Checking, decompressing and writing what is raw a megabyte."""

    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    durations_s: tuple[float, ...]
    """From the first request until all is restored, sorted; of the environments that got there."""

    failed: int
    """Environments of which a request was refused until the runtime gave up."""

    requests: int
    refused: int
    """With 503: some of `requests`."""

    def percentile(self, share: float) -> float:
        """Return the duration that this share of the environments did not exceed."""
        place = math.ceil(share * (len(self.durations_s) + self.failed)) - 1
        return self.durations_s[place] if place < len(self.durations_s) else math.inf


def spans_of(frames: "Iterable[Frame]", most: int) -> list[Span]:
    """Return what the runtime asks for, in order, with so many bytes a request at most."""
    return [
        Span(
            run[0].pack.name, sum(frame.size for frame in run), sum(frame.raw_size for frame in run)
        )
        for run in spans(frames, most)
    ]


def simulate(fleet: Fleet) -> Outcome:
    """Return what comes of a fleet."""
    return _Simulation(fleet).run()


class _Prefix:
    """S3's rate for a prefix, over a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._at_s = 0.0

    def admits(self, now_s: float) -> bool:
        self._tokens = min(self._rate, self._tokens + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Environment:
    """One environment: its link, its cores, and how far it is."""

    def __init__(
        self, number: int, began_s: float, fleet: Fleet, clock: Callable[[], float]
    ) -> None:
        self.number = number
        self.began_s = began_s
        self.waited_s = 0.0
        self.link = Link(fleet.network, clock=clock, sleep=self._sleep)
        self.cores_free_s = [began_s] * fleet.cores
        self.next_span = 0
        self.held = 0
        self.left = len(fleet.spans)
        self.failed = False

    def _sleep(self, wait_s: float) -> None:
        self.waited_s = wait_s


class _Simulation:
    """The events of a fleet, in order of time."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._random = random.Random(fleet.seed)  # noqa: S311
        self._now_s = 0.0
        self._number = count()
        self._events: list[tuple[float, int, Iterator[float]]] = []
        self._prefixes: dict[str, _Prefix] = {}
        self._requests = self._refused = 0
        self._took_s: list[float] = []
        median, p99 = fleet.first_byte_s
        self._median = median
        self._sigma = 0.0 if p99 == median else math.log(p99 / median) / NormalDist().inv_cdf(0.99)

    def run(self) -> Outcome:
        fleet = self._fleet
        begins = sorted(self._random.uniform(0, fleet.window_s) for _ in range(fleet.starts))
        environments = [
            _Environment(number, began_s, fleet, lambda: self._now_s)
            for number, began_s in enumerate(begins)
        ]
        for environment in environments:
            for _ in range(min(fleet.connections, len(fleet.spans))):
                self._wake(environment.began_s, self._connection(environment))
        while self._events:
            self._now_s, _, actor = heapq.heappop(self._events)
            wakes_s = next(actor, None)
            if wakes_s is not None:
                self._wake(wakes_s, actor)
        failed = sum(environment.failed for environment in environments)
        return Outcome(tuple(sorted(self._took_s)), failed, self._requests, self._refused)

    def _wake(self, time_s: float, actor: Iterator[float]) -> None:
        heapq.heappush(self._events, (time_s, next(self._number), actor))

    def _connection(self, environment: _Environment) -> Iterator[float]:
        """Fetch span after span as the runtime's prefetcher does; yield until when it waits."""
        fleet, pace = self._fleet, Pace()
        while environment.next_span < len(fleet.spans) and not environment.failed:
            if environment.held >= fleet.held_bytes:
                yield max(self._now_s + _LOOKS_AGAIN_S, min(environment.cores_free_s))
                continue
            span = fleet.spans[environment.next_span]
            environment.next_span += 1
            environment.held += span.size
            yield from self._ask(environment, span)
            if environment.failed:
                return
            environment.waited_s = 0.0
            environment.link.wait_to_send(pace, span.size)
            yield self._now_s + environment.waited_s
            self._wake(self._now_s, self._restoring(environment, span))

    def _restoring(self, environment: _Environment, span: Span) -> Iterator[float]:
        """Restore a span on the core that is free first."""
        free_s = environment.cores_free_s
        core = free_s.index(min(free_s))
        cpu_s = span.raw_size / _MB * self._fleet.cpu_ms_per_mb / 1000
        free_s[core] = max(self._now_s, free_s[core]) + cpu_s
        yield free_s[core]
        environment.held -= span.size
        environment.left -= 1
        if not environment.left:
            self._took_s.append(self._now_s - environment.began_s)

    def _ask(self, environment: _Environment, span: Span) -> Iterator[float]:
        """Ask until S3 answers with the first byte, or the runtime gives up."""
        prefix = self._prefix(self._fleet.prefix_of(span.pack, environment.number))
        gives_up_s = environment.began_s + self._fleet.patience_s
        for tries in count(1):
            self._requests += 1
            admitted = prefix.admits(self._now_s)
            yield self._now_s + self._first_byte_s()
            if admitted:
                return
            self._refused += 1
            again_s = self._now_s + self._fleet.wait_s(tries)
            if tries == self._fleet.tries or again_s >= gives_up_s:
                environment.failed = True
                return
            yield again_s

    def _prefix(self, name: str) -> _Prefix:
        if name not in self._prefixes:
            self._prefixes[name] = _Prefix(self._fleet.gets_per_s)
        return self._prefixes[name]

    def _first_byte_s(self) -> float:
        return self._median * math.exp(self._random.gauss(0, self._sigma))
