"""Fleets: what is simulated adds up."""

from dataclasses import replace

import pytest

from hotpack.measure.fleet import Fleet, Span, simulate, spans_of
from hotpack.sandbox import Network
from hotpack_runtime.manifest import Group, Pack

MIB = 1024 * 1024
PACKS = [Pack(f"{number:064x}", 100 * MIB, f"key{number}", []) for number in range(2)]


def group(pack: int, offset: int, *frames: tuple[int, int]) -> Group:
    rows = [(size, raw_size, "0" * 64) for size, raw_size in frames]
    return Group(PACKS[pack], offset, rows, False, [])


def fleet(starts: int = 1, **settings: object) -> Fleet:
    """Ten requests of a megabyte, no latency, no network limits, no work, one prefix."""
    spans = [Span("pack", 1_000_000, 1_000_000)] * 10
    plain = Fleet(
        *(starts, 0.0, spans, lambda pack, number: "", 8, lambda tries: 0.1, 10.0),
        network=Network.unlimited(),
        first_byte_s=(0.0, 0.0),
        cpu_ms_per_mb=0.0,
    )
    return replace(plain, **settings)  # type: ignore[arg-type]


def test_what_is_read_adds_up() -> None:
    """Latency counts once for each turn of the threads, the connection's rate for each byte."""
    assert simulate(fleet(first_byte_s=(0.5, 0.5))).durations_s == pytest.approx([1.0])
    network = replace(Network.unlimited(), connection_bytes_per_s=1e6)
    assert simulate(fleet(network=network)).durations_s[0] == pytest.approx(2.0, abs=0.02)
    network = replace(Network.unlimited(), steady_bytes_per_s=1e6)
    assert simulate(fleet(network=network)).durations_s == pytest.approx([10.0])


def test_cores_are_shared() -> None:
    """Ten megabytes of 100 ms each take two cores half a second, four a quarter and the rest."""
    assert simulate(fleet(cpu_ms_per_mb=100.0)).durations_s == pytest.approx([0.5])
    assert simulate(fleet(cpu_ms_per_mb=100.0, cores=4)).durations_s == pytest.approx([0.3])


def test_over_the_rate_s3_refuses() -> None:
    """What is over a second's worth of requests is refused, and asked for again."""
    outcome = simulate(fleet(20, gets_per_s=100, tries=50))
    assert len(outcome.durations_s) == 20
    assert outcome.refused
    assert outcome.requests == 200 + outcome.refused
    spread = simulate(fleet(20, gets_per_s=100, prefix_of=lambda pack, number: str(number % 2)))
    assert spread.refused == 0
    assert spread.requests == 200


def test_the_runtime_gives_up() -> None:
    """An environment fails when a request was refused as often as the runtime tries."""
    outcome = simulate(fleet(50, gets_per_s=10, wait_s=lambda tries: 0.0))
    assert outcome.failed + len(outcome.durations_s) == 50
    assert outcome.failed >= 49
    assert outcome.percentile(0.99) == float("inf")


def test_no_more_is_fetched_than_is_held() -> None:
    """Who restores slowly has fewer connections at work, and takes as long as its cores do."""
    slow = fleet(cpu_ms_per_mb=1000.0, first_byte_s=(0.1, 0.1), cores=1)
    assert simulate(slow).durations_s == pytest.approx([10.1])
    one_by_one = simulate(replace(slow, held_bytes=1))
    assert one_by_one.durations_s == pytest.approx([11.0], abs=0.05)


def test_the_same_fleet_comes_out_the_same() -> None:
    """The random numbers are the seed's."""
    one = fleet(100, window_s=1.0, first_byte_s=(0.03, 0.1))
    assert simulate(one) == simulate(one)
    assert simulate(one) != simulate(replace(one, seed=2))


def test_spans_are_what_the_runtime_asks_for() -> None:
    """Neighbours in a pack are one request up to the size."""
    one, other = group(0, 0, (10, MIB)), group(1, 0, (20, MIB))
    behind, large = group(0, 10, (30, MIB)), group(1, 20, *[(40, 3 * MIB)] * 3)
    frames = [frame for group in (one, other, behind, large) for frame in group.frames]
    names = [pack.name for pack in PACKS]
    found = [(span.pack, span.size) for span in spans_of(frames, 60)]
    assert found == [(names[0], 40), (names[1], 60), *[(names[1], 40)] * 2]
    found = [(span.pack, span.size) for span in spans_of(frames, 100)]
    assert found == [(names[0], 40), (names[1], 100), (names[1], 40)]
    assert len(spans_of(frames, 1)) == 6
