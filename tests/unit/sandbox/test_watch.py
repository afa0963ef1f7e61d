import os
from pathlib import Path

import pytest

from hotpack.sandbox.guest.watch import LOOK_S, PERIOD_S, CpuWatch, MemoryWatch


def started(vcpus: float) -> CpuWatch:
    watch = CpuWatch(vcpus)
    watch.begin([], now_s=100.0)
    return watch


def test_a_function_within_its_share_goes_on() -> None:
    watch = started(0.5)
    assert not any(watch.spend(0.005, 100 + 0.01 * turn) for turn in range(1, 50))


def test_a_function_rests_until_its_share_is_there_again() -> None:
    watch = started(0.1)
    assert watch.spend(0.022, 100.0)
    assert watch.due_s == pytest.approx(100.2)
    assert not watch.spend(0.0, 100.2)


def test_over_a_long_time_a_function_gets_its_share_and_no_more() -> None:
    watch, used_s, now_s = started(0.2), 0.0, 100.0
    resting = False
    while now_s < 110.0:
        passed_s = watch.due_s - now_s
        now_s = watch.due_s
        used_s += 0.0 if resting else passed_s
        resting = watch.spend(0.0 if resting else passed_s, now_s)
        watch.due_s = max(watch.due_s, now_s + LOOK_S)
    assert used_s == pytest.approx(10 * 0.2, rel=0.02)


def test_what_was_not_used_is_saved_for_one_period_only() -> None:
    watch = started(0.5)
    watch.spend(0.0, 200.0)
    assert not watch.spend(0.5 * PERIOD_S, 200.0)
    assert watch.spend(0.001, 200.0)


def test_the_time_of_a_freeze_earns_nothing() -> None:
    watch = started(1.0)
    assert watch.spend(0.03, 100.0)
    watch.skip(150.0)
    assert watch.spend(0.0, 150.0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this machine has no /proc")
def test_memory_is_looked_at_the_more_often_the_less_is_left() -> None:
    plenty, little = MemoryWatch(10**9), MemoryWatch(10**9)
    own = [os.getpid()]
    assert not plenty.is_over(own, now_s=0.0)
    little._limit_kb = 1
    assert little.is_over(own, now_s=0.0)
    assert plenty.due_s > little.due_s
    assert not plenty.is_over([2**22 + 1], now_s=0.0)  # it has ended
