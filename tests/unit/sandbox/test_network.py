import math
from dataclasses import replace

import pytest

from hotpack.sandbox.network import Link, Network, Pace


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


NETWORK = Network(
    first_byte_latency_ms=20,
    burst_bytes=1000,
    burst_bytes_per_s=1000,
    steady_bytes_per_s=100,
    connection_bytes_per_s=500,
)
WIDE = replace(NETWORK, connection_bytes_per_s=math.inf)
"""One connection is as good as many: the tests send with one after the other."""


def send(link: Link, time: Time, chunk_bytes: int, chunks: int) -> float:
    """Send chunks over one connection; return how long it took."""
    began_s = time.now_s
    pace = Pace()
    for _ in range(chunks):
        link.wait_to_send(pace, chunk_bytes)
    return time.now_s - began_s


def test_the_first_byte_takes_its_latency() -> None:
    time = Time()
    Link(NETWORK, clock=time.clock, sleep=time.sleep).wait_for_first_byte()
    assert time.now_s == pytest.approx(100.020)


def test_one_connection_has_its_own_rate() -> None:
    time = Time()
    link = Link(NETWORK, clock=time.clock, sleep=time.sleep)
    assert send(link, time, 10, 50) == pytest.approx(1.0, abs=0.02)


def test_after_the_burst_comes_the_steady_rate() -> None:
    time = Time()
    link = Link(WIDE, clock=time.clock, sleep=time.sleep)
    assert send(link, time, 10, 100) == pytest.approx(1.0, abs=0.02)
    # 1,100 bytes, of which 100 came back during the burst.
    assert send(link, time, 10, 110) == pytest.approx(10, rel=0.02)


def test_a_pause_fills_the_burst_again_but_not_beyond() -> None:
    time = Time()
    link = Link(WIDE, clock=time.clock, sleep=time.sleep)
    send(link, time, 10, 200)
    time.now_s += 1_000_000
    assert send(link, time, 10, 100) == pytest.approx(1.0, abs=0.02)
    assert send(link, time, 10, 100) == pytest.approx(9, rel=0.02)


def test_a_new_environment_has_its_whole_burst() -> None:
    time = Time()
    link = Link(WIDE, clock=time.clock, sleep=time.sleep)
    send(link, time, 10, 200)
    link.reset()
    assert send(link, time, 10, 100) == pytest.approx(1.0, abs=0.02)


def test_sleeping_too_long_does_not_slow_the_link_down() -> None:
    time = Time()
    link = Link(NETWORK, clock=time.clock, sleep=lambda s: time.sleep(s + 0.001))
    assert send(link, time, 10, 50) == pytest.approx(1.0, abs=0.03)


def test_an_unlimited_network_never_sleeps() -> None:
    time = Time()
    link = Link(Network.unlimited(), clock=time.clock, sleep=time.sleep)
    link.wait_for_first_byte()
    assert send(link, time, 10**9, 3) == 0


@pytest.mark.parametrize(
    "network",
    [
        Network(0, 0, math.inf, 100, math.inf),
        Network(0, 0, math.inf, math.inf, 100),
        Network(0, 1000, 100, math.inf, math.inf),
    ],
)
def test_one_rate_alone_is_kept(network: Network) -> None:
    time = Time()
    link = Link(network, clock=time.clock, sleep=time.sleep)
    assert send(link, time, 10, 10) == pytest.approx(1.0, abs=0.02)
