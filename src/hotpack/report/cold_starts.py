"""How cold starts compare: a table for the terminal, the same for a page, and for `--json`."""

from typing import Any

from rich.table import Table
from rich.text import Text

from hotpack.measure.cold_starts import ColdStarts, Comparison
from hotpack.measure.spans import PHASES, beside_imports_ms, by_package, by_phase
from hotpack.measure.waterfall import Waterfall
from hotpack.measure.ways import BARE
from hotpack.report.format import Bar, ms


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison, for `--json`."""
    return {
        "project": comparison.project,
        "cold_starts": [
            {
                "way": item.way,
                "page_cache": item.page_cache,
                "median_ms": round(item.median_ms, 2),
                "ratio": round(item.ratio, 4),
                "ratio_quartiles": [round(value, 4) for value in item.quartiles],
                "memory_mb": item.memory_mb,
                "ephemeral_storage_mb": item.tmp_mb,
                "restarted_inits": item.restarts,
                "durations_ms": [round(value, 2) for value in item.durations_ms],
            }
            for item in comparison.starts
        ],
        "left_out": dict(comparison.left_out),
        "waterfalls": [_waterfall_document(item) for item in comparison.waterfalls],
    }


def _waterfall_document(waterfall: Waterfall) -> dict[str, Any]:
    return {
        "way": waterfall.way,
        "duration_ms": round(waterfall.duration_ms, 2),
        "beside_imports_ms": round(beside_imports_ms(waterfall.parts), 2),
        "phases_ms": {name: round(value, 2) for name, value in by_phase(waterfall.parts).items()},
        "imports_ms": {
            name: round(value, 2) for name, value in by_package(waterfall.parts).items()
        },
        "spans": [
            {
                "name": part.phase,
                "start_ms": round(part.start_ms, 3),
                "end_ms": round(part.end_ms, 3),
                "thread": part.thread,
                "detail": part.detail,
            }
            for part in waterfall.parts
        ],
    }


def comparison_table(comparison: Comparison) -> Table:
    """Return a row a way and state: median, ratio to the bare import with quartiles, memory."""
    table = Table(box=None, pad_edge=False)
    table.add_column(comparison.project, no_wrap=True)
    table.add_column("page cache", no_wrap=True)
    for name in ("cold start", "vs bare", "quartiles", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    longest = max(item.median_ms for item in comparison.starts)
    for item in comparison.starts:
        low, high = item.quartiles
        several = len(item.durations_ms) > 1
        table.add_row(
            item.way,
            item.page_cache,
            ms(item.median_ms),
            f"{item.ratio:.2f} x",
            f"{low:.2f}-{high:.2f}" if several else "-",
            f"{item.memory_mb} MB",
            Bar(item.median_ms / longest),
        )
    return table


def left_out_text(comparison: Comparison) -> Text | None:
    """Return which ways cannot be, and why; None where all can."""
    lines = [f"{way}: {reason}" for way, reason in comparison.left_out.items()]
    lines += restarts(comparison)
    return Text("\n".join(lines)) if lines else None


def restarts(comparison: Comparison) -> list[str]:
    """Return which ways pass the limit of the init phase, in words."""
    return [
        f"{item.way}, {item.page_cache}: init passed 10 s in {item.restarts} of "
        f"{len(item.durations_ms)} cold starts, was ended and began again; both are counted"
        for item in comparison.starts
        if item.restarts
    ]


def comparison_markdown(comparison: Comparison) -> str:
    """Return the table as Markdown: a row a way, each state of the page cache beside the other."""
    states = comparison.page_caches
    heads = [f"{state}, median | {state}, ratio to bare (quartiles)" for state in states]
    columns = [comparison.project, *heads, "memory", "size of /tmp"]
    cells = " | ".join(columns)
    lines = [f"| {cells} |", f"|{'---|' * (2 * len(states) + 3)}"]
    for name in dict.fromkeys(item.way for item in comparison.starts):
        items = [item for item in comparison.starts if item.way == name]
        figures = [f"{item.median_ms:,.0f} ms | {_ratio(item)}" for item in items]
        most_mb = max(item.memory_mb for item in items)
        tmp_mb = "-" if name == BARE.name else f"{items[0].tmp_mb:,} MB"
        lines.append(f"| {name} | {' | '.join(figures)} | {most_mb:,} MB | {tmp_mb} |")
    for name, reason in comparison.left_out.items():
        lines.append(f"| {name} | cannot: {_cell(reason)} |" + " |" * (2 * len(states) + 1))
    notes = [f"\n{note}.\n" for note in restarts(comparison)]
    return "\n".join([*lines, *notes])


def _ratio(item: ColdStarts) -> str:
    low, high = item.quartiles
    return f"{item.ratio:.2f} ({low:.2f} to {high:.2f})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def phases_markdown(comparison: Comparison) -> str:
    """Return as Markdown what one watched cold start of each way consists of."""
    sums = {item.way: by_phase(item.parts) for item in comparison.waterfalls}
    phases = [phase for phase in PHASES if any(phase in own for own in sums.values())]
    lines = [
        f"| one cold start, ms | in all | main thread, not importing | {' | '.join(phases)} |",
        f"|{'---|' * (len(phases) + 3)}",
    ]
    for item in comparison.waterfalls:
        own = sums[item.way]
        cells = (f"{own[phase]:,.0f}" if phase in own else "-" for phase in phases)
        rest = f"{beside_imports_ms(item.parts):,.0f}"
        lines.append(f"| {item.way} | {item.duration_ms:,.0f} | {rest} | {' | '.join(cells)} |")
    return "\n".join(lines)
