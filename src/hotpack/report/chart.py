"""How the invocations of a log went: a chart for the terminal, percentiles, and for `--json`."""

from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from hotpack.measure.durations import Invocations
from hotpack.measure.summary import Interval, Spread, Summary, intervals
from hotpack.report.format import Bar, ms
from hotpack.target.prices import Price

ROWS: Final = 40
"""Of the chart: a screen."""

_BAR_WIDTH: Final = 40


def chart_table(invocations: Invocations, rows: int = ROWS) -> Table:
    """Return a row an invocation, or an interval where there are many, in order of time.

    The bar is that of the slowest invocation: its init phase, then what the handler took.
    """
    shown = intervals(invocations, rows)
    single = len(shown) == len(invocations)
    table = Table(box=None, pad_edge=False)
    table.add_column("time, UTC" if invocations.time_s else "#", justify="right", no_wrap=True)
    table.add_column("start" if single else "invocations", justify="right", no_wrap=True)
    table.add_column("" if single else "cold", justify="right", no_wrap=True)
    if not single:
        table.add_column("median", justify="right", no_wrap=True)
    table.add_column("waited" if single else "slowest", justify="right", no_wrap=True)
    table.add_column(Text.assemble(("█ init", "yellow"), " ", ("▒ invocation", "cyan")))
    longest_ms = max((invocations.waited_ms(item.slowest) for item in shown), default=1.0) or 1.0
    for item in shown:
        cells = _single(invocations, item) if single else _several(item)
        waited_ms = invocations.waited_ms(item.slowest)
        bar = _bar(invocations, item.slowest, longest_ms)
        table.add_row(_when(invocations, item.first), *cells, ms(waited_ms), bar)
    return table


def _single(invocations: Invocations, item: Interval) -> tuple[Text, ...]:
    # As Text: a log may hold what looks like rich's markup.
    fault = invocations.faults.get(item.first, "")
    return Text("cold" if item.cold else "warm"), Text(fault)


def _several(item: Interval) -> tuple[Text, ...]:
    faults = f" ({item.faults} failed)" if item.faults else ""
    cold = f"{item.cold:,}" if item.cold else ""
    return Text(f"{item.count:,}{faults}"), Text(cold), Text(ms(item.median_ms))


def _when(invocations: Invocations, position: int) -> str:
    if not invocations.time_s:
        return f"{position + 1:,}"
    return f"{moment(invocations.time_s[position]):%Y-%m-%d %H:%M:%S}"


def moment(time_s: float) -> datetime:
    """Return a time of a log."""
    return datetime.fromtimestamp(time_s, UTC)


def _bar(invocations: Invocations, position: int, longest_ms: float) -> Bar:
    duration_ms = invocations.duration_ms[position]
    init_ms = invocations.waited_ms(position) - duration_ms
    style = "red" if position in invocations.faults else "cyan"
    return Bar(init_ms / longest_ms, duration_ms / longest_ms, _BAR_WIDTH, ("yellow", style))


def spreads_table(summary: Summary) -> Table:
    """Return the percentiles, a row for each thing that is measured."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("number", "median", "p90", "p99", "most"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, spread in summary.spreads.items():
        table.add_row(name, *spread_cells(name, spread))
    return table


def spread_cells(name: str, spread: Spread) -> tuple[str, ...]:
    """Return how a spread is written: the number of values, then the percentiles."""
    unit = "MB" if name == "memory used" else "ms"
    values = (spread.p50, spread.p90, spread.p99, spread.most)
    return f"{spread.count:,}", *(f"{value:,.{_decimals(value, unit)}f} {unit}" for value in values)


def _decimals(value: float, unit: str) -> int:
    return 1 if unit == "ms" and value < 100 else 0


def summary_text(summary: Summary) -> Text:
    """Return in sentences what the log comes to."""
    return Text("\n".join((shares_text(summary), cost_text(summary), lines_text(summary))))


def shares_text(summary: Summary) -> str:
    """Return how many invocations there were, how many cold, and what went wrong."""
    invocations = f"{summary.invocations:,} invocation{'' if summary.invocations == 1 else 's'}"
    starts = f"{summary.cold_starts:,} cold start{'' if summary.cold_starts == 1 else 's'}"
    text = f"{invocations}, {starts} ({summary.cold_share:.1%})"
    if summary.failed_inits:
        text += f", in {summary.failed_inits:,} of which the init phase failed"
    if not summary.faults:
        return f"{text}; none timed out or crashed."
    faults = ", ".join(f"{name} {count:,}" for name, count in summary.faults.items())
    return f"{text}; failed: {faults}."


def cost_text(summary: Summary) -> str:
    """Return what it cost, and at which price."""
    return (
        f"${summary.cost_usd:,.4f} for {summary.billed_gb_seconds:,.1f} GB-seconds and the "
        f"requests, ${summary.cost_per_million_usd:,.2f} for a million such invocations; "
        f"{price_text(summary.price)}."
    )


def price_text(price: Price) -> str:
    """Return at which price costs are told."""
    whose = (
        f"the list price of {price.region}, {price.architecture}, seen {price.as_of}"
        if price.as_of
        else "the price that you gave"
    )
    return f"at {whose}, ${price.gb_second_usd:.10f} a GB-second, without the free tier"


def price_document(price: Price) -> dict[str, Any]:
    """Return a price, for `--json`."""
    return {
        "region": price.region,
        "architecture": price.architecture,
        "gb_second_usd": price.gb_second_usd,
        "request_usd": price.request_usd,
        "as_of": price.as_of or None,
        "source": price.source or None,
    }


def lines_text(summary: Summary) -> str:
    """Return what was not counted."""
    text = f"{summary.skipped:,} other lines"
    return f"{text}, {summary.broken:,} broken REPORT lines." if summary.broken else f"{text}."


def chart_document(summary: Summary, invocations: Invocations) -> dict[str, Any]:
    """Return the chart, for `--json`: the summary, and at most 1,000 intervals."""
    return {
        "invocations": summary.invocations,
        "cold_starts": summary.cold_starts,
        "cold_share": round(summary.cold_share, 6),
        "failed_inits": summary.failed_inits,
        "faults": dict(summary.faults),
        "skipped_lines": summary.skipped,
        "broken_lines": summary.broken,
        "spreads": {
            name.replace(" ", "_") + ("_mb" if name == "memory used" else "_ms"): {
                "count": spread.count,
                "p50": spread.p50,
                "p90": spread.p90,
                "p99": spread.p99,
                "max": spread.most,
            }
            for name, spread in summary.spreads.items()
        },
        "billed_gb_seconds": round(summary.billed_gb_seconds, 6),
        "cost_usd": round(summary.cost_usd, 8),
        "price": price_document(summary.price),
        "intervals": [
            _interval_document(invocations, item) for item in intervals(invocations, 1000)
        ],
    }


def _interval_document(invocations: Invocations, item: Interval) -> dict[str, Any]:
    slowest = item.slowest
    waited_ms, duration_ms = invocations.waited_ms(slowest), invocations.duration_ms[slowest]
    return {
        "since": moment(invocations.time_s[item.first]).isoformat() if invocations.time_s else None,
        "first": item.first + 1,
        "invocations": item.count,
        "cold_starts": item.cold,
        "faults": item.faults,
        "median_ms": round(item.median_ms, 2),
        "slowest_ms": round(waited_ms, 2),
        "slowest_init_ms": round(waited_ms - duration_ms, 2),
    }
