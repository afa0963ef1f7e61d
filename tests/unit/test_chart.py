"""What hotpack chart reads out of a log, line by line."""

import io
import math
from collections.abc import Iterable

import pytest
from rich.console import Console

from hotpack.measure.durations import NAN, Invocations, events_of, read_invocations
from hotpack.measure.summary import Summary, intervals, summarize
from hotpack.report import chart as report
from hotpack.report.chart_page import chart_page
from hotpack.target.prices import default_price, find_price

PRICE = default_price("x86_64")
ID = "8f507cfc-0000-4697-b07a-ac58fc914c95"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 15.74 ms\tBilled Duration: 16 ms"
    "\tMemory Size: 128 MB\tMax Memory Used: 56 MB\t"
)
COLD = REPORT + "Init Duration: 130.50 ms\t"
TIMEOUT = REPORT + "Status: timeout"
OUT_OF_MEMORY = REPORT + "Status: error\tError Type: Runtime.OutOfMemory"
METRICS = '"durationMs":15.74,"billedDurationMs":147,"memorySizeMB":128,"maxMemoryUsedMB":56'
JSON = (
    '{"time":"2024-03-04T17:22:38.033Z","type":"platform.report","record":{"requestId":"'
    f'{ID}","metrics":{{{METRICS},"initDurationMs":130.5}},"status":"success"}}}}'
)
TAIL = "2024-03-04T17:22:38.033000+00:00 2024/03/04/[$LATEST]0123456789abcdef "
SAM = "2024/03/04/[$LATEST]0123456789abcdef 2024-03-04T17:22:38.033000 "
AT = 1709572958.033


def read(*lines: str) -> Invocations:
    return read_invocations(events_of(io.StringIO("\n".join(lines))))


def summary_of(*lines: str) -> Summary:
    return summarize(read(*lines), PRICE)


def shown(*renderables: object) -> str:
    console = Console(file=io.StringIO(), width=200)
    for renderable in renderables:
        console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_report_line_is_an_invocation() -> None:
    """Duration, memory and what is billed are read; without Init Duration it is a warm start."""
    found = read(REPORT)
    assert (found.duration_ms[0], found.billed_ms[0]) == (15.74, 16)
    assert (found.memory_mb[0], found.max_memory_mb[0]) == (128, 56)
    assert not found.is_cold(0)
    assert found.waited_ms(0) == 15.74


def test_a_cold_start_is_waited_for_with_its_init() -> None:
    """Init Duration makes it a cold start, and callers wait for both."""
    found = read(COLD)
    assert found.is_cold(0)
    assert found.waited_ms(0) == pytest.approx(146.24)


def test_a_restore_is_a_cold_start() -> None:
    """So is one from a snapshot, by its Restore Duration."""
    found = read(REPORT + "Restore Duration: 204.27 ms\tBilled Restore Duration: 205 ms\t")
    assert found.init_ms[0] == 204.27


@pytest.mark.parametrize("line", [JSON, TAIL + COLD, SAM + COLD, TAIL + JSON, "\x1b[2m" + COLD])
def test_formats(line: str) -> None:
    """JSON, what `aws logs tail` and `sam logs` print, and colors are read alike."""
    found = read(line)
    assert len(found) == 1
    assert found.is_cold(0)
    if "2024" in line:
        assert found.time_s[0] == pytest.approx(AT)


def test_order_of_time() -> None:
    """Invocations stand in the order of their times, with what went wrong in them."""
    later = TAIL.replace("17:22", "18:22")
    found = read(later + TIMEOUT, TAIL + COLD)
    assert list(found.time_s) == pytest.approx([AT, AT + 3600])
    assert found.is_cold(0)
    assert found.faults == {1: "timeout"}


def test_some_without_time() -> None:
    """Where the log does not have all times, invocations are numbered in its order."""
    found = read(REPORT, TAIL + COLD)
    assert not found.time_s
    assert [found.is_cold(0), found.is_cold(1)] == [False, True]


def test_other_lines_are_counted() -> None:
    """Lines of the function and of the platform are skipped and counted."""
    found = read("hello", f"START RequestId: {ID} Version: $LATEST", '{"level":"INFO"}', REPORT, "")
    assert (len(found), found.skipped, found.broken) == (1, 3, 0)


@pytest.mark.parametrize(
    "line",
    [
        "REPORT RequestId: ",
        REPORT.replace("15.74", "fast"),
        REPORT.replace("15.74", "nan"),
        REPORT.replace("15.74", "-1"),
        REPORT.replace("128 MB", "1e400 MB"),
        REPORT.replace("16 ms", "9999999999999 ms"),
        JSON.replace("15.74", "null"),
        JSON.replace("15.74", "NaN"),
        JSON.replace("130.5", '"long"'),
        JSON.replace("130.5", "[1]"),
        JSON.replace("56", '{"a":1}'),
        JSON[:-9],
    ],
)
def test_broken_lines_stop_nothing(line: str) -> None:
    """A REPORT line that Lambda would not write is counted, and the next one is read."""
    found = read(line, REPORT)
    assert (len(found), found.broken) == (1, 1)


def test_a_line_without_end() -> None:
    """A line of megabytes is read in parts."""
    found = read("x" * 5_000_000 + "\n" + REPORT)
    assert (len(found), found.skipped) == (1, 77)


def test_faults() -> None:
    """Timeouts and crashes are counted in Lambda's words, and so are init phases that failed."""
    failed = "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout"
    again = "INIT_REPORT Init Duration: 9.79 ms\tPhase: invoke\tStatus: timeout"
    summary = summary_of(TIMEOUT, OUT_OF_MEMORY, TIMEOUT, failed, again, REPORT)
    assert summary.faults == {"timeout": 2, "Runtime.OutOfMemory": 1}
    assert (summary.failed_inits, summary.cold_starts) == (1, 1)
    assert "failed: timeout 2, Runtime.OutOfMemory 1" in report.shares_text(summary)


def test_a_successful_init_report_is_no_failure() -> None:
    """JSON has one for every init phase."""
    line = (
        '{"time":"2024-03-04T17:22:38.033Z","type":"platform.initReport","record":{"phase":"init",'
        '"status":"success","metrics":{"durationMs":130.5}}}'
    )
    assert read(line).failed_inits == 0


def test_a_timeout_of_an_old_log() -> None:
    """Without Status, the line that says so marks the report of its request, the nearest one."""
    said = f"2024-03-04T17:22:38.033Z {ID} Task timed out after 3.00 seconds"
    other = REPORT.replace(ID, "other")
    assert read(REPORT, other, REPORT, said, other, REPORT).faults == {2: "timeout"}
    assert read(other, said, REPORT).faults == {1: "timeout"}


def test_percentiles_are_values_that_occurred() -> None:
    """Of a hundred durations the median is the fiftieth."""
    lines = [REPORT.replace("15.74", str(value)) for value in range(100, 0, -1)]
    spread = summary_of(*lines).spreads["warm invocation"]
    assert (spread.count, spread.p50, spread.p90, spread.p99, spread.most) == (100, 50, 90, 99, 100)


def test_cost() -> None:
    """GB-seconds billed times the price, and the requests."""
    line = REPORT.replace("128 MB", "1024 MB").replace("16 ms", "2000 ms")
    summary = summary_of(line, line)
    assert summary.billed_gb_seconds == pytest.approx(4.0)
    assert summary.cost_usd == pytest.approx(4 * 0.0000166667 + 2 * 0.0000002)
    assert summary.cost_per_million_usd == pytest.approx(33.5334)
    assert "us-east-1, x86_64, seen 2026-09-22" in report.cost_text(summary)


def test_no_price_is_guessed() -> None:
    """Each region and processor has its own price; one whose price was not seen has none."""
    milan = find_price("eu-south-1", "x86_64"), find_price("eu-south-1", "arm64")
    assert [price and price.gb_second_usd for price in milan] == [0.0000195172, 0.0000156138]
    assert [price and price.cost_usd(0, 0, 10**6) for price in milan] == pytest.approx([0.23] * 2)
    assert find_price("us-east-1", "arm64") == default_price("arm64")
    assert find_price("il-central-1", "x86_64") is None


def tailed(seconds: Iterable[int]) -> list[str]:
    return [
        TAIL.replace("17:22:38", f"17:{second // 60:02d}:{second % 60:02d}") + REPORT
        for second in seconds
    ]


def test_intervals_by_time() -> None:
    """Many invocations become intervals of the same time; empty ones are left out."""
    found = read(*tailed([0, 1, 2, 3, 500, 1000]))
    assert [(item.first, item.count) for item in intervals(found, 4)] == [(0, 4), (4, 1), (5, 1)]


def test_intervals_at_one_time() -> None:
    """Invocations of one moment are one interval."""
    assert [item.count for item in intervals(read(*tailed([5] * 10)), 4)] == [10]


def test_intervals_by_number() -> None:
    """Without times they are of the same number, and none is lost."""
    found = read(*[REPORT] * 10, COLD)
    shown = intervals(found, 4)
    assert sum(item.count for item in shown) == 11
    assert (shown[-1].cold, shown[-1].slowest) == (1, 10)


def test_each_invocation_has_a_row_where_there_are_few() -> None:
    """The chart shows cold starts as peaks, and names failures."""
    lines = shown(report.chart_table(read(COLD, REPORT, TIMEOUT))).splitlines()
    assert "cold" in lines[1]
    assert lines[1].count("█") > 30
    assert "█" not in lines[2]
    assert "timeout" in lines[3]


def test_what_a_log_says_is_no_markup() -> None:
    """Neither rich nor a browser takes a log's words for its own."""
    evil = "[/red]</script><img src=x>"
    found = read(REPORT + f"Status: error\tError Type: {evil}")
    summary = summarize(found, PRICE)
    assert "[/red]" in shown(report.chart_table(found), report.summary_text(summary))
    page = chart_page("[x]<b>", found, summary)
    assert "<img" not in page.partition("</head>")[2]
    assert "<b>" not in page.partition("</head>")[2]


def test_the_document_is_plain_json() -> None:
    """No NaN in it, whatever the log leaves out."""
    found = read(REPORT.replace("\tMax Memory Used: 56 MB", ""), COLD)
    document = report.chart_document(summarize(found, PRICE), found)
    assert "NaN" not in str(document).replace("nan", "NaN")
    assert document["cold_share"] == 0.5
    assert [item["slowest_init_ms"] for item in document["intervals"]] == [0, 130.5]


def test_events_with_times() -> None:
    """What comes with its time, as from CloudWatch, keeps it."""
    found = read_invocations([(7.0, COLD), (5.0, REPORT), (6.0, TAIL + REPORT)])
    assert list(found.time_s) == [5, 6, 7]
    assert math.isnan(NAN)
