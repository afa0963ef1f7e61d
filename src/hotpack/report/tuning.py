"""How memory sizes compare: a table, a page, and documents for other programs."""

import base64
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from hotpack.measure.tuning import Goal, Measured, Recommendation, is_beyond, waited_ms
from hotpack.report.chart import price_document, price_text
from hotpack.report.format import Bar
from hotpack.report.plots import BLUE, ORANGE, Plot, Rows, axis, page
from hotpack.target.limits import vcpus
from hotpack.target.prices import Price

_VISUALISER: Final = "https://lambda-power-tuning.show/"
"""aws-lambda-power-tuning's page; what comes after # stays in the browser."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was measured: on this machine, or on AWS."""

    machine_vcpus: float | None = None
    """CPUs that this machine can give; None where it does not hold the share, and on AWS."""

    full_cpu_in_init: bool = True
    copy_of: str | None = None
    """On AWS: the version that was copied, and where."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """A sweep and what it is looked at for."""

    project: str
    memory_mb: int
    """As it is configured now."""

    sizes: tuple[Measured, ...]
    cold_share: float
    price: Price
    recommended: Recommendation
    place: Place

    @property
    def usable(self) -> list[Measured]:
        """Return the sizes at which the function runs."""
        return [size for size in self.sizes if size.failure is None]

    def is_beyond(self, size: Measured) -> bool:
        """Return whether Lambda gives this size more CPU than this machine has."""
        return is_beyond(size.memory_mb, self.place.machine_vcpus)

    def names_of(self, size: Measured) -> str:
        """Return what a size is recommended for."""
        best = self.recommended
        named = {"cost": best.cost, "speed": best.speed, "balanced": best.balanced,
                 "knee": best.knee, "now": self.memory_mb}  # fmt: skip
        return ", ".join(name for name, memory_mb in named.items() if memory_mb == size.memory_mb)


_HEAD: Final = ("MB", "vCPU", "init ms", "cold ms", "warm ms", "quartiles", "used MB", "mean ms",
                "GB-s", "$")  # fmt: skip
_LAST: Final = "for"
_LEAST: Final = ("quartiles", "GB-s", "mean ms", "used MB", "init ms", "vCPU")
"""The columns that a narrow terminal does not have, those first that it has last."""


def tuning_table(tuning: Tuning, *, width: int) -> Table:
    """Return a row a size, for a terminal of `width` columns: what has no room is left out."""
    rows = [_cells(tuning, size) for size in tuning.sizes]
    last = [size.failure or tuning.names_of(size) for size in tuning.sizes]
    shown = {name: max(map(len, (name, *cells))) for name, *cells in zip(_HEAD, *rows, strict=True)}
    left = width - max(map(len, (_LAST, *last)))
    for name in _LEAST:
        if sum(shown.values()) + len(shown) > left:
            del shown[name]
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(_LAST)
    for size, row, text in zip(tuning.sizes, rows, last, strict=True):
        cells = (cell for name, cell in zip(_HEAD, row, strict=True) if name in shown)
        table.add_row(*map(Text, cells), Text(text, "red" if size.failure else "green"))
    return table


def _cells(tuning: Tuning, size: Measured) -> tuple[str, ...]:
    mark = "*" if tuning.is_beyond(size) else ""
    head = f"{size.memory_mb:,}", f"{mark}{vcpus(size.memory_mb):.2f}"
    if size.failure is not None:
        return *head, *[""] * (len(_HEAD) - len(head))
    low, high = size.warm_quartiles
    return (
        *head,
        "-" if size.init_ms is None else f"{size.init_ms:,.0f}",
        f"{size.cold_ms:,.0f}",
        f"{size.warm_ms:,.1f}",
        f"{low:,.1f}-{high:,.1f}",
        "-" if size.peak_mb is None else f"{size.peak_mb:,}",
        f"{size.mean_ms(tuning.cold_share):,.1f}",
        f"{size.gb_seconds(tuning.cold_share) * 1e6:,.0f}",
        f"{size.cost_usd(tuning.cold_share, tuning.price) * 1e6:,.2f}",
    )


def tuning_bars(tuning: Tuning) -> Table:
    """Return the same as bars, each column to its own scale."""
    columns = (
        ("cold start", "yellow", [size.cold_ms for size in tuning.usable]),
        ("warm invocation", "cyan", [size.warm_ms for size in tuning.usable]),
        (
            "cost",
            "green",
            [size.cost_usd(tuning.cold_share, tuning.price) for size in tuning.usable],
        ),
    )
    table = Table(box=None, pad_edge=False)
    for name in ("MB", *(name for name, _, _ in columns)):
        table.add_column(name, justify="right" if name == "MB" else "left", no_wrap=name == "MB")
    for place, size in enumerate(tuning.usable):
        bars = (
            Bar(values[place] / max(values), styles=(style, style)) for _, style, values in columns
        )
        table.add_row(f"{size.memory_mb:,}", *bars)
    return table


def recommendation_text(tuning: Tuning) -> str:
    """Return in sentences which size to take."""
    best = tuning.recommended
    return (
        f"Least cost: {best.cost:,} MB. Fastest: {best.speed:,} MB (more is less than 5% faster). "
        f"Balanced: {best.balanced:,} MB. The knee is at {best.knee:,} MB: beyond it more memory "
        f"brings little. Configured now: {tuning.memory_mb:,} MB."
    )


def meaning_text(tuning: Tuning) -> str:
    """Return what the averages are, and what figures of this machine say of AWS."""
    return (
        "A cold start is the init phase and the first invocation, the median; warm invocations are "
        f"trimmed means. The mean, GB-seconds and dollars (of a million) are of "
        f"{tuning.cold_share:.1%} cold starts, {price_text(tuning.price)}.\n"
        f"{_place_text(tuning)}"
    )


def _place_text(tuning: Tuning) -> str:
    if tuning.place.copy_of is not None:
        return (
            f"Measured on AWS, on a copy of {tuning.place.copy_of}: as Lambda reports it, of few "
            "starts at one hour of one day."
        )
    init = (
        "has all the CPU whatever the memory, as was measured on AWS for small functions"
        if tuning.place.full_cpu_in_init
        else "is held to the CPU share, as AWS does only when it runs init again"
    )
    return (
        f"{_machine_text(tuning)} The init phase {init}. The page cache is warm. Milliseconds are "
        "this machine's; how sizes compare is what carries over to AWS."
    )


def _machine_text(tuning: Tuning) -> str:
    if tuning.place.machine_vcpus is None:
        return "This machine does not hold the CPU share, so all sizes are alike in speed."
    text = f"This machine has {tuning.place.machine_vcpus:g} CPUs"
    if any(map(tuning.is_beyond, tuning.sizes)):
        return (
            f"{text}: sizes marked * have more on AWS, which is not simulated, and are not "
            "recommended; what runs in several threads is faster there than here."
        )
    return f"{text}, enough for every size that was tried."


def tuning_document(tuning: Tuning) -> dict[str, Any]:
    """Return the sweep, for `--json`."""
    best = tuning.recommended
    return {
        "project": tuning.project,
        "memory_mb": tuning.memory_mb,
        "cold_share": tuning.cold_share,
        "sizes": [_size_document(tuning, size) for size in tuning.sizes],
        "recommended": {
            "cost": best.cost,
            "speed": best.speed,
            "balanced": best.balanced,
            "knee": best.knee,
        },
        "copy_of": tuning.place.copy_of,
        "machine_vcpus": tuning.place.machine_vcpus,
        "full_cpu_in_init": tuning.place.full_cpu_in_init,
        "price": price_document(tuning.price),
    }


def _size_document(tuning: Tuning, size: Measured) -> dict[str, Any]:
    document = {
        "memory_mb": size.memory_mb,
        "vcpus": round(vcpus(size.memory_mb), 3),
        "beyond_this_machine": tuning.is_beyond(size),
        "failure": size.failure,
    }
    if size.failure is not None:
        return document
    share = tuning.cold_share
    return document | {
        "init_ms": None if size.init_ms is None else round(size.init_ms, 2),
        "cold_start_ms": round(size.cold_ms, 2),
        "warm_ms": round(size.warm_ms, 2),
        "warm_quartiles_ms": [round(value, 2) for value in size.warm_quartiles],
        "max_memory_mb": size.peak_mb,
        "average_ms": round(size.mean_ms(share), 2),
        "gb_seconds": round(size.gb_seconds(share), 9),
        "cost_usd": round(size.cost_usd(share, tuning.price), 12),
        "cold_starts_ms": [round(waited_ms(start), 2) for start in size.cold],
        "warm_invocations_ms": [round(item.duration_ms, 2) for item in size.warm],
    }


def power_tuning_document(tuning: Tuning, goal: Goal) -> dict[str, Any]:
    """Return the sweep as aws-lambda-power-tuning's state machine does, for its visualiser.

    Its README-INPUT-OUTPUT.md, "State Machine Output"; nothing ran on AWS, so that cost nothing.
    """
    stats = [
        {
            "value": size.memory_mb,
            "averagePrice": size.cost_usd(tuning.cold_share, tuning.price),
            "averageDuration": size.mean_ms(tuning.cold_share),
        }
        for size in tuning.usable
    ]
    power = getattr(tuning.recommended, goal)
    chosen = next(item for item in stats if item["value"] == power)
    return {
        "power": power,
        "cost": chosen["averagePrice"],
        "duration": chosen["averageDuration"],
        "stateMachine": {
            "executionCost": 0,
            "lambdaCost": 0,
            "visualization": _visualization(tuning),
        },
        "stats": stats,
    }


def _visualization(tuning: Tuning) -> str:
    """Return the visualiser's address, with sizes, times and costs in little-endian base64."""
    usable, share = tuning.usable, tuning.cold_share
    columns = (
        array("h", [size.memory_mb for size in usable]),
        array("f", [size.mean_ms(share) for size in usable]),
        array("f", [size.cost_usd(share, tuning.price) for size in usable]),
    )
    return f"{_VISUALISER}#{';'.join(base64.b64encode(column).decode() for column in columns)}"


def tuning_page(tuning: Tuning) -> str:
    """Return the sweep as one page: times and cost by memory, and the table.

    Raises HotpackError where plotly is not installed.
    """
    lead = (recommendation_text(tuning), *meaning_text(tuning).split("\n"))
    rows = [(*_cells(tuning, size), size.failure or tuning.names_of(size)) for size in tuning.sizes]
    table = Rows("Each memory size that was tried", (*_HEAD, _LAST), rows)
    return page(f"{tuning.project}: memory", lead, (_plot(tuning), table))


def _plot(tuning: Tuning) -> Plot:
    usable, share = tuning.usable, tuning.cold_share
    memory = [size.memory_mb for size in usable]
    costs = [size.cost_usd(share, tuning.price) * 1e6 for size in usable]
    cold = _line("cold start", memory, [size.cold_ms for size in usable], ORANGE, "triangle-up")
    warm = _line("warm invocation", memory, [size.warm_ms for size in usable], BLUE, "circle")
    cost = _line("cost of a million", memory, costs, BLUE, "square") | {
        "yaxis": "y2",
        "showlegend": False,
        "hovertemplate": "%{x:,} MB: $%{y:,.2f}<extra></extra>",
    }
    ticks = {"tickvals": memory, "ticktext": [f"{mb:,}" for mb in memory], "tickangle": -45}
    layout = {
        "height": 560,
        "xaxis": axis("memory, MB", type="log", anchor="y2", **ticks),
        "yaxis": axis("ms", domain=[0.42, 1], type="log"),
        "yaxis2": axis("$ a million", domain=[0, 0.34], rangemode="tozero"),
        "hovermode": "closest",
    }
    caption = (
        "By memory: above, how long a cold start (triangles) and a warm invocation (circles) "
        "take, both on logarithmic scales; below, what a million invocations cost."
    )
    return Plot("sizes", caption, [cold, warm, cost], layout, zooms=False)


def _line(
    name: str, x: Sequence[float], y: Sequence[float], color: str, symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(x),
        "y": [round(value, 4) for value in y],
        "line": {"color": color},
        "marker": {"color": color, "size": 9, "symbol": symbol},
        "hovertemplate": "%{x:,} MB: %{y:,.1f} ms<extra></extra>",
    }
