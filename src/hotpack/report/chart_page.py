"""The invocations of a log as one page that zooms."""

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, Final

from hotpack.measure.durations import Invocations
from hotpack.measure.summary import Interval, Summary, intervals
from hotpack.report.chart import cost_text, lines_text, moment, shares_text, spread_cells
from hotpack.report.format import ms
from hotpack.report.plots import BLUE, GREY, ORANGE, RED, Plot, Rows, axis, page

_EACH: Final = 5000
"""So many invocations are drawn one by one: a browser zooms them without a pause."""

_INTERVALS: Final = 1000
_MARKED: Final = 2000
"""Cold starts, and failures, that are marked where there are more: the slowest."""

_SLOWEST: Final = 20


def chart_page(name: str, invocations: Invocations, summary: Summary) -> str:
    """Return the page: a chart of durations and memory, percentiles, the slowest invocations.

    Raises HotpackError where plotly is not installed.
    """
    lead = (shares_text(summary), cost_text(summary), lines_text(summary))
    spreads = Rows(
        "Percentiles: init phases, invocations, what callers waited for (both together), memory",
        ("measured", "number", "median", "p90", "p99", "most"),
        [(name, *spread_cells(name, spread)) for name, spread in summary.spreads.items()],
    )
    plot = _plot(invocations, intervals(invocations, _drawn(invocations)))
    return page(f"{name}: durations", lead, (plot, spreads, _slowest(invocations)))


def _drawn(invocations: Invocations) -> int:
    return _EACH if len(invocations) <= _EACH else _INTERVALS


def _plot(invocations: Invocations, shown: Sequence[Interval]) -> Plot:
    cold = _most_waited(invocations, filter(invocations.is_cold, range(len(invocations))))
    failed = _most_waited(invocations, invocations.faults)
    single = len(shown) == len(invocations)
    what = "an invocation" if single else f"one of {len(shown):,} intervals"
    caption = (
        f"What callers waited for, init phase and invocation, and the memory used below it: each "
        f"point is {what}. Orange triangles are cold starts, red crosses failures"
        + (f", the slowest {_MARKED:,} of each." if max(len(cold), len(failed)) == _MARKED else ".")
    )
    firsts = [item.first for item in shown]
    lines = [_line("invocation", invocations, firsts, [item.median_ms for item in shown], BLUE)]
    if not single:
        slowest = [item.slowest for item in shown]
        waited = list(map(invocations.waited_ms, slowest))
        lines[0]["name"] = "median of an interval"
        lines.insert(0, _line("slowest of an interval", invocations, slowest, waited, GREY))
    marks = [
        _marks("cold start", invocations, cold, ORANGE, "triangle-up"),
        _marks("failure", invocations, failed, RED, "x"),
    ]
    memory = _line("memory", invocations, firsts, _memory(invocations, shown), GREY)
    memory |= {"yaxis": "y2", "showlegend": False, "hovertemplate": "%{y:,.0f} MB<extra></extra>"}
    time = {"type": "date"} if invocations.time_s else {}
    layout = {
        "height": 560,
        "xaxis": axis("time, UTC" if time else "invocation", anchor="y2", **time),
        "yaxis": axis("ms", domain=[0.32, 1], rangemode="tozero"),
        "yaxis2": axis("MB", domain=[0, 0.24], rangemode="tozero"),
        "hovermode": "closest",
    }
    return Plot(
        "durations", caption, [*lines, *(mark for mark in marks if mark["x"]), memory], layout
    )


def _most_waited(invocations: Invocations, positions: Iterable[int]) -> list[int]:
    return sorted(heapq.nlargest(_MARKED, positions, key=invocations.waited_ms))


def _memory(invocations: Invocations, shown: Sequence[Interval]) -> list[float | None]:
    """Return the most memory of each interval; None, a gap, where nothing is said."""
    columns = (invocations.max_memory_mb[item.first : item.first + item.count] for item in shown)
    most = (max((mb for mb in column if not math.isnan(mb)), default=None) for column in columns)
    return list(most)


def _x(invocations: Invocations) -> Callable[[int], float | str]:
    """Return where an invocation is drawn: at its time, or at its number."""
    if not invocations.time_s:
        return lambda position: position + 1
    return lambda position: _time(invocations, position, "milliseconds")


def _time(invocations: Invocations, position: int, precision: str) -> str:
    """Return a time without its zone: plotly would take it for the browser's."""
    return moment(invocations.time_s[position]).replace(tzinfo=None).isoformat(" ", precision)


def _line(
    name: str,
    invocations: Invocations,
    positions: Sequence[int],
    values: Sequence[float | None],
    color: str,
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(positions) <= _EACH else "lines",
        "name": name,
        "x": list(map(_x(invocations), positions)),
        "y": [None if value is None else round(value, 2) for value in values],
        "line": {"color": color, "width": 1},
        "marker": {"color": color, "size": 4},
        "hovertemplate": "%{y:,.1f} ms<extra></extra>",
    }


def _marks(
    name: str, invocations: Invocations, positions: Sequence[int], color: str, symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(map(_x(invocations), positions)),
        "y": [round(invocations.waited_ms(at), 2) for at in positions],
        "text": [_told(invocations, at) for at in positions],
        "marker": {"color": color, "size": 9, "symbol": symbol},
        "hovertemplate": "%{y:,.1f} ms: %{text}<extra></extra>",
    }


def _told(invocations: Invocations, position: int) -> str:
    """Return what is said of a marked invocation where the mouse is on it."""
    duration = f"invocation {invocations.duration_ms[position]:,.1f} ms"
    init_ms = invocations.init_ms[position]
    init = "" if math.isnan(init_ms) else f"init {init_ms:,.1f} ms, "
    # A log may say anything, and plotly takes what looks like HTML for HTML.
    fault = escape(invocations.faults.get(position, ""))
    return f"{init}{duration}" + (f", {fault}" if fault else "")


def _slowest(invocations: Invocations) -> Rows:
    positions = heapq.nlargest(_SLOWEST, range(len(invocations)), key=invocations.waited_ms)
    return Rows(
        "The slowest invocations",
        ("time, UTC" if invocations.time_s else "#", "start", "waited", "init", "invocation",
         "memory", "failure"),
        [_slow(invocations, at) for at in positions],
    )  # fmt: skip


def _slow(invocations: Invocations, position: int) -> tuple[str, ...]:
    init_ms, most_mb = invocations.init_ms[position], invocations.max_memory_mb[position]
    cold = invocations.is_cold(position)
    return (
        _time(invocations, position, "seconds") if invocations.time_s else f"{position + 1:,}",
        "cold" if cold else "warm",
        ms(invocations.waited_ms(position)),
        ms(init_ms if cold else None),
        f"{invocations.duration_ms[position]:,.1f} ms",
        "-" if math.isnan(most_mb) else f"{most_mb:,.0f} MB",
        invocations.faults.get(position, "-"),
    )
