"""Cold starts of each way side by side, as one page: ratios, and the waterfall of one each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Final

from hotpack.measure.cold_starts import Comparison
from hotpack.measure.spans import PHASES, Span, by_package, by_phase
from hotpack.measure.waterfall import Waterfall
from hotpack.measure.ways import BARE, WAYS
from hotpack.report.cold_starts import restarts
from hotpack.report.format import ms
from hotpack.report.plots import BLUE, GREY, ORANGE, RED, Plot, Rows, axis, page

_GREEN: Final = "#2f8f4e"
_VIOLET: Final = "#8a63d2"
_TEAL: Final = "#1b8a8f"
_BROWN: Final = "#9a6a2f"
_COLORS: Final = {
    "fetch": ORANGE,
    "verify": _BROWN,
    "decompress": _VIOLET,
    "write": _TEAL,
    "unpack": RED,
    "wait": GREY,
    "import": BLUE,
}
"""At least 3:1 against both backgrounds."""

_LEAD: Final = (
    "A cold start is the init phase and the first invocation, in the local Lambda. The bare import "
    "is the full install on local disk with valid bytecode."
)
_SHORTEST_MS: Final = 1.0
"""Shorter parts are not drawn, and shorter gaps neither; the tables count them."""

_PACKAGES: Final = 15
_CHARACTER: Final = 0.009
"""Of the width of the chart."""


def comparison_page(comparison: Comparison) -> str:
    """Return the page: a table of ratios, and what one cold start of each way consists of.

    Raises HotpackError where plotly is not installed.
    """
    lead = [
        _LEAD,
        *(f"{name}: {reason}" for name, reason in comparison.left_out.items()),
        *restarts(comparison),
    ]
    parts: list[Plot | Rows] = [_ratios(comparison)]
    if comparison.waterfalls:
        state = comparison.page_caches[-1]
        parts += [
            _plot(comparison.waterfalls, state),
            _phases(comparison.waterfalls),
            _imports(comparison.waterfalls),
        ]
    parts.append(_ways(comparison))
    return page(f"{comparison.project}: cold starts", lead, parts)


def _ways(comparison: Comparison) -> Rows:
    names = dict.fromkeys(item.way for item in comparison.starts)
    return Rows(
        "What the ways are",
        ("way", "what it is"),
        [(name, WAYS.get(name, BARE).what) for name in names],
    )


def _ratios(comparison: Comparison) -> Rows:
    rows = []
    for item in comparison.starts:
        low, high = item.quartiles
        rows.append(
            (
                item.way,
                item.page_cache,
                ms(item.median_ms),
                f"{item.ratio:.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{item.memory_mb:,} MB",
            )
        )
    head = ("way", "page cache", "median", "ratio to bare", "quartiles", "memory")
    return Rows("Cold starts", head, rows)


def _plot(waterfalls: Sequence[Waterfall], state: str) -> Plot:
    """Return a row for each way and thing that it does, with bars where it does that."""
    rows = [
        (waterfall, phase)
        for waterfall in waterfalls
        for phase in by_phase(waterfall.parts)
        if _drawn(waterfall, phase)
    ]
    longest_ms = max(waterfall.duration_ms for waterfall in waterfalls)
    bars = [
        _bars(
            phase, [(row, label) for row, label in _labelled(rows) if row[1] == phase], longest_ms
        )
        for phase in (*PHASES, *sorted({phase for _, phase in rows} - set(PHASES)))
        if any(phase == row[1] for row in rows)
    ]
    labels = [label for _, label in _labelled(rows)]
    layout = {
        "height": 120 + 24 * len(rows),
        "barmode": "overlay",
        "bargap": 0.15,
        "hovermode": "closest",
        "xaxis": axis("ms since Python began to run", rangemode="tozero"),
        "yaxis": {
            "automargin": True,
            "categoryorder": "array",
            "categoryarray": labels[::-1],  # plotly draws from below
        },
    }
    caption = (
        f"One cold start of each way, page cache {state}: when it fetches, verifies, decompresses, "
        "writes, unpacks (decompresses and writes in one), waits and imports. Where several "
        "threads do the same at once, bars lie over each other. It was watched, so it took a "
        "little longer."
    )
    return Plot("waterfall", caption, bars, layout, zooms=False)


def _labelled(rows: Iterable[tuple[Waterfall, str]]) -> list[tuple[tuple[Waterfall, str], str]]:
    return [(row, f"{row[0].way}: {row[1]}") for row in rows]


def _drawn(waterfall: Waterfall, phase: str) -> list[Span]:
    """Return what is drawn of a phase: what is short is one with its neighbours, or is not."""
    threads: dict[int, list[Span]] = {}
    for part in waterfall.parts:
        if part.phase != phase:
            continue
        own = threads.setdefault(part.thread, [])
        near = own and part.start_ms - own[-1].end_ms < _SHORTEST_MS
        if near and part.detail == own[-1].detail:
            own[-1] = replace(own[-1], end_ms=part.end_ms)
        else:
            own.append(part)
    return [part for own in threads.values() for part in own if part.duration_ms >= _SHORTEST_MS]


def _bars(
    phase: str, rows: Sequence[tuple[tuple[Waterfall, str], str]], longest_ms: float
) -> dict[str, Any]:
    drawn = [(label, part) for (waterfall, _), label in rows for part in _drawn(waterfall, phase)]
    return {
        "type": "bar",
        "orientation": "h",
        "name": phase,
        "y": [label for label, _ in drawn],
        "base": [round(part.start_ms, 2) for _, part in drawn],
        "x": [round(part.duration_ms, 2) for _, part in drawn],
        "text": [_label(part, longest_ms) for _, part in drawn],
        "customdata": [escape(part.detail) for _, part in drawn],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "constraintext": "none",
        "insidetextfont": {"color": "#ffffff"},
        "marker": {"color": _COLORS.get(phase, GREY), "opacity": 0.75},
        "hovertemplate": "%{y} %{customdata}<br>%{base:,.0f} ms, for %{x:,.1f} ms<extra></extra>",
    }


def _label(part: Span, longest_ms: float) -> str:
    """Return what stands in a bar: the package where there is room for it."""
    shown = part.phase == "import" and part.duration_ms > longest_ms * _CHARACTER * len(part.detail)
    return escape(part.detail) if shown else ""


def _phases(waterfalls: Sequence[Waterfall]) -> Rows:
    sums = {waterfall.way: by_phase(waterfall.parts) for waterfall in waterfalls}
    caption = "What each does, in ms of all threads together, in the cold start that is drawn"
    names = list(dict.fromkeys(phase for own in sums.values() for phase in own))
    ordered = sorted(names, key=lambda name: PHASES.index(name) if name in PHASES else len(PHASES))
    totals = {waterfall.way: waterfall.duration_ms for waterfall in waterfalls}
    rows = [(way, f"{totals[way]:,.0f}", *_cells(own, ordered)) for way, own in sums.items()]
    return Rows(caption, ("way", "in all", *ordered), rows)


def _imports(waterfalls: Sequence[Waterfall]) -> Rows:
    """Return a row a package, a column a way."""
    sums = {waterfall.way: by_package(waterfall.parts) for waterfall in waterfalls}
    most = {
        name: max(own.get(name, 0.0) for own in sums.values())
        for name in {name for own in sums.values() for name in own}
    }
    longest = sorted(most, key=lambda name: (-most[name], name))[:_PACKAGES]
    rows = [(name, *(_ms(own.get(name)) for own in sums.values())) for name in longest]
    rest = (
        _ms(sum(value for name, value in own.items() if name not in longest))
        for own in sums.values()
    )
    caption = "Import by package, in ms, each without the packages that it imports"
    return Rows(caption, ("package", *sums), [*rows, ("all others", *rest)])


def _cells(own: Mapping[str, float], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(_ms(own.get(name)) for name in names)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
