"""The network between a function and S3, as a model: latency, a burst, then a steady rate."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_SLACK_S = 0.005
"""Sleeping too long is made up for up to this much, so that the rate holds on average."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a function sees of the network, [measured] by Skyrise on 7,076 MB functions.

    The defaults are for one execution environment. How they depend on memory is not known.
    """

    first_byte_latency_ms: float = 25.0
    """S3 GET of 1 KB: p50 18 to 41 ms."""

    burst_bytes: float = 300e6
    burst_bytes_per_s: float = 2e9
    steady_bytes_per_s: float = 80e6
    """After the burst, and what the burst is refilled with."""

    connection_bytes_per_s: float = 80e6
    """One connection carries 50 to 90 MB/s; parallel ranges are needed to use the burst."""

    @classmethod
    def unlimited(cls) -> Self:
        """Return a network that adds nothing to what loopback takes."""
        return cls(0.0, 0.0, math.inf, math.inf, math.inf)


class Pace:
    """Says when bytes may leave at a rate, whoever asks in turn."""

    def __init__(self) -> None:
        self._free_at_s = -math.inf

    def admit(self, now_s: float, duration_s: float) -> float:
        """Take the next slot of this duration; return when it ends."""
        self._free_at_s = max(self._free_at_s, now_s - _SLACK_S) + duration_s
        return self._free_at_s


class Link:
    """One environment's connection to the network, shared by all its requests. Thread-safe."""

    def __init__(
        self,
        network: Network,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._network = network
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin with a full burst, as a new environment does."""
        with self._lock:
            self._pace = Pace()
            self._tokens = self._network.burst_bytes
            self._filled_at_s = self._clock()

    @property
    def limited(self) -> bool:
        """Whether there is any rate to keep."""
        network = self._network
        rates = (
            network.burst_bytes_per_s,
            network.steady_bytes_per_s,
            network.connection_bytes_per_s,
        )
        return any(map(math.isfinite, rates))

    def wait_for_first_byte(self) -> None:
        """Wait as long as S3 takes to answer."""
        if self._network.first_byte_latency_ms > 0:
            self._sleep(self._network.first_byte_latency_ms / 1000)

    def wait_to_send(self, connection: Pace, size_bytes: int) -> None:
        """Wait until so many bytes may have left, on the connection and on the link."""
        if not self.limited:
            return
        network = self._network
        with self._lock:
            now_s = self._clock()
            burst_s = self._pace.admit(now_s, size_bytes / network.burst_bytes_per_s)
            steady_s = now_s + self._debt_bytes(now_s, size_bytes) / network.steady_bytes_per_s
        own_s = connection.admit(now_s, size_bytes / network.connection_bytes_per_s)
        wait_s = max(burst_s, steady_s, own_s) - now_s
        if wait_s > 0:
            self._sleep(wait_s)

    def _debt_bytes(self, now_s: float, size_bytes: int) -> float:
        """Take bytes from the token bucket; return how many are yet to flow into it for that."""
        network = self._network
        passed_s = now_s - self._filled_at_s
        if passed_s > 0:  # an infinite rate times no time is not a number
            refill = passed_s * network.steady_bytes_per_s
            self._tokens = min(network.burst_bytes, self._tokens + refill)
            self._filled_at_s = now_s
        self._tokens -= size_bytes
        return max(0.0, -self._tokens)
