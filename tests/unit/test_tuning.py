"""The memory sweep: what is measured, and which size is recommended."""

import base64
import io
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hotpack.cli.tune import set_memory
from hotpack.errors import HotpackError
from hotpack.measure.tuning import Invoke, Measured, OpenAt, recommend, sweep, trimmed_mean
from hotpack.progress import Silent
from hotpack.report import tuning as report
from hotpack.sandbox import Invocation
from hotpack.target.prices import default_price

PRICE = default_price("x86_64")


def invocation(duration_ms: float, init_ms: float | None = None, **more: Any) -> Invocation:
    told: dict[str, Any] = {
        "request_id": "1",
        "start": "warm" if init_ms is None else "cold",
        "init_ms": init_ms,
        "duration_ms": duration_ms,
        "billed_ms": int(duration_ms + (init_ms or 0)),
        "memory_mb": 128,
        "max_memory_mb": 100,
        "status": "success",
        "error_type": None,
        "function_error": None,
        "payload": b"{}",
        "log": (),
    }
    return Invocation(**(told | more))


def lambda_of(answer: Callable[[int, int, bytes], Invocation], opened: list[int]) -> OpenAt:
    """A Lambda that answers by memory size and the number of the invocation in its sandbox."""

    @contextmanager
    def open_at(memory_mb: int) -> Iterator[Invoke]:
        opened.append(memory_mb)
        count = iter(range(1000))
        yield lambda payload: answer(memory_mb, next(count), payload)

    return open_at


def cpu_bound(memory_mb: int, number: int, payload: bytes) -> Invocation:
    """Takes half as long with double the memory, up to 1,024 MB."""
    duration_ms = 100 * 1024 / min(memory_mb, 1024)
    return invocation(duration_ms, None if number else 1000.0)


def measure(*sizes: int, answer: Callable[[int, int, bytes], Invocation] = cpu_bound) -> Any:
    return sweep(lambda_of(answer, []), sizes, [b"1"], 2, 3, Silent())


def test_sizes_take_turns() -> None:
    """Every round opens each size once, so that all meet a noisy minute."""
    opened: list[int] = []
    found = sweep(lambda_of(cpu_bound, opened), [512, 128], [b"1"], 3, 2, Silent())
    assert opened == [128, 512] * 3
    assert [len(size.cold) for size in found] == [3, 3]
    assert [len(size.warm) for size in found] == [6, 6]


def test_events_take_turns() -> None:
    """The first event is that of cold starts; warm invocations go through all."""
    seen: list[bytes] = []

    def noting(memory_mb: int, number: int, payload: bytes) -> Invocation:
        seen.append(payload)
        return cpu_bound(memory_mb, number, payload)

    sweep(lambda_of(noting, []), [128], [b"1", b"2"], 1, 4, Silent())
    assert seen == [b"1", b"2", b"1", b"2", b"1"]


def test_a_size_that_fails_is_left_alone() -> None:
    """One that runs out of memory or time is said to, and not tried again."""
    opened: list[int] = []

    def small(memory_mb: int, number: int, payload: bytes) -> Invocation:
        if memory_mb == 128:
            return invocation(1.0, status="error", error_type="Runtime.OutOfMemory")
        if memory_mb == 256:
            return invocation(3000.0, status="timeout", error_type="Sandbox.Timedout")
        return cpu_bound(memory_mb, number, payload)

    found = sweep(lambda_of(small, opened), [128, 256, 512], [b"1"], 2, 2, Silent())
    assert [size.failure for size in found] == ["out of memory", "timed out after 3 s", None]
    assert opened == [128, 256, 512, 512]
    assert recommend(found, 0.01, PRICE, 0.5).cost == 512


def test_all_sizes_fail() -> None:
    """Where no size will do, that is an error with the reason."""

    def broken(memory_mb: int, number: int, payload: bytes) -> Invocation:
        return invocation(1.0, status="error", error_type="KeyError")

    with pytest.raises(HotpackError, match="at 512 MB: KeyError"):
        measure(128, 512, answer=broken)


def test_an_init_that_was_stopped_is_waited_for() -> None:
    """Where init ran into its limit and again in the invocation, callers waited for both."""
    measured = Measured(128, (invocation(12_000.0, start="cold"),), (invocation(1.0),) * 2)
    assert measured.cold_ms == 22_000
    assert measured.init_ms is None
    (told,) = report.tuning_document(tuning_of((measured,)))["sizes"]
    assert (told["init_ms"], told["cold_starts_ms"]) == (None, [22_000])


@pytest.mark.parametrize(
    ("ended", "failure"),
    [
        ("Status: error\tError Type: Runtime.OutOfMemory", "out of memory in init"),
        ("Status: error\tError Type: Runtime.ExitError", "Runtime.ExitError in init"),
        ("Status: timeout", None),
    ],
)
def test_an_init_that_failed_is_a_failure(ended: str, failure: str | None) -> None:
    """A size at which init fails is not recommended, though the second init may have succeeded."""
    log = (f"INIT_REPORT Init Duration: 900.00 ms\tPhase: init\t{ended}",)

    def tight(memory_mb: int, number: int, payload: bytes) -> Invocation:
        if memory_mb == 128 and number == 0:
            return invocation(1.0, start="cold", log=log)
        return cpu_bound(memory_mb, number, payload)

    assert [size.failure for size in measure(128, 256, answer=tight)] == [failure, None]


def test_averages() -> None:
    """Mean duration and cost are of the given share of cold starts."""
    (size,) = measure(1024)
    assert size.cold_ms == 1100
    assert size.mean_ms(0.1) == pytest.approx(0.1 * 1100 + 0.9 * 100)
    assert size.gb_seconds(0.0) == pytest.approx(0.1)
    assert size.cost_usd(0.0, PRICE) == pytest.approx(0.1 * 0.0000166667 + 0.0000002)


def test_trimmed_mean() -> None:
    """The outermost fifth at each end does not count."""
    assert trimmed_mean([1000, 2, 3, 4, -1000]) == 3
    assert trimmed_mean([1, 3]) == 2


def test_recommendations() -> None:
    """Least cost, the smallest that is as fast as the fastest, and the knee."""
    found = measure(128, 256, 512, 1024, 2048, 4096)
    best = recommend(found, 0.0, PRICE, 0.5)
    assert best.speed == 1024
    assert best.cost == 1024  # of several that cost the same, the fastest
    assert best.knee == 512
    assert recommend(found, 0.0, PRICE, 0.0).balanced == 1024
    assert recommend(found, 0.0, PRICE, 1.0).balanced <= 1024


def test_what_cannot_be_told_apart_is_not_recommended() -> None:
    """Sizes with more CPU than the machine has differ by noise alone."""

    def noisy(memory_mb: int, number: int, payload: bytes) -> Invocation:
        return invocation(10_000 / memory_mb, None if number else 1000.0)

    found = measure(1024, 3008, 10_240, answer=noisy)
    assert recommend(found, 0.0, PRICE, 0.5, machine_vcpus=2.0).speed == 3008
    assert recommend(found[2:], 0.0, PRICE, 0.5, machine_vcpus=2.0).speed == 10_240


@pytest.mark.parametrize("sizes", [(512,), (512, 1024)])
def test_few_sizes(sizes: tuple[int, ...]) -> None:
    """One or two sizes have their recommendation too."""
    best = recommend(measure(*sizes), 0.01, PRICE, 0.5)
    assert {best.cost, best.speed, best.balanced, best.knee} <= set(sizes)


def test_more_memory_is_no_help() -> None:
    """Where nothing gets faster, the smallest size is the knee."""
    found = measure(128, 512, answer=lambda mb, number, _: invocation(5.0, None if number else 9.0))
    assert recommend(found, 0.01, PRICE, 0.5).knee == 128


def tuning_of(found: tuple[Measured, ...]) -> report.Tuning:
    best = recommend(found, 0.01, PRICE, 0.5)
    return report.Tuning("greeter", 512, found, 0.01, PRICE, best, report.Place(2.0))


def test_power_tuning_format() -> None:
    """As aws-lambda-power-tuning's output: the visualiser finds sizes, times and costs."""
    tuning = tuning_of(measure(128, 1024, 4096))
    document = report.power_tuning_document(tuning, "speed")
    assert set(document) == {"power", "cost", "duration", "stateMachine", "stats"}
    assert document["power"] == tuning.recommended.speed
    assert [item["value"] for item in document["stats"]] == [128, 1024, 4096]
    assert set(document["stats"][0]) == {"value", "averagePrice", "averageDuration"}
    address, _, columns = document["stateMachine"]["visualization"].partition("#")
    sizes, times, costs = map(base64.b64decode, columns.split(";"))
    assert address == "https://lambda-power-tuning.show/"
    assert list(array("h", sizes)) == [128, 1024, 4096]
    assert list(array("f", times)) == pytest.approx(
        [item["averageDuration"] for item in document["stats"]]
    )
    assert len(costs) == 3 * 4


def test_what_this_machine_cannot_tell() -> None:
    """Sizes with more CPU than this machine has are marked, and what that means is said."""
    tuning = tuning_of(measure(1024, 3008, 5120))
    assert [tuning.is_beyond(size) for size in tuning.sizes] == [False, False, True]
    console = Console(file=io.StringIO(), width=120)
    console.print(report.tuning_table(tuning, width=120))
    assert "*2.89" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "not simulated" in report.meaning_text(tuning)


def test_no_table_is_cut() -> None:
    """What has no room is left out: nothing is cut, and what matters is there at 80 columns."""

    def slow(memory_mb: int, number: int, payload: bytes) -> Invocation:
        if memory_mb == 128:
            return invocation(1.0, status="error", error_type="Runtime.OutOfMemory")
        return invocation(12_345.6, None if number else 98_765.4)

    tuning = tuning_of(measure(128, 512, 10_240, answer=slow))
    heads = {}
    for width in (80, 100, 140):
        console = Console(file=io.StringIO(), width=width)
        console.print(report.tuning_table(tuning, width=width), report.tuning_bars(tuning))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "…" not in text
        assert "out of memory" in text
        assert "cost, speed, balanced, knee, now" in text
        heads[width] = text.splitlines()[0].split()
    assert " ".join(heads[80]) == "MB vCPU init ms cold ms warm ms $ for"
    assert "used" in heads[100]
    assert "quartiles" in heads[140]


def test_memory_is_written(tmp_path: Path) -> None:
    """memory_mb is set or changed; comments and everything else stay."""
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '# mine\n[tool.hotpack]\nhandler = "app.handler"  # ours\n\n[tool.other]\na = 1\n'
    )
    set_memory(path, 512)
    assert 'handler = "app.handler"  # ours\nmemory_mb = 512\n' in path.read_text()
    set_memory(path, 1024)
    text = path.read_text()
    assert text.count("memory_mb") == 1
    assert text.startswith("# mine\n")
    assert text.endswith("[tool.other]\na = 1\n")
