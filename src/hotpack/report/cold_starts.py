"""How cold starts compare: a table for the terminal, the same for a page, and for `--json`."""

from typing import Any

from rich.table import Table
from rich.text import Text

from hotpack.measure.cold_starts import ColdStarts, Comparison
from hotpack.report.format import ms

_BAR_WIDTH = 30


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison, for `--json`."""
    return {
        "project": comparison.project,
        "cold_starts": [
            {
                "way": item.way,
                "median_ms": round(item.median_ms, 2),
                "ratio": round(item.ratio, 4),
                "ratio_quartiles": [round(value, 4) for value in item.quartiles],
                "memory_mb": item.memory_mb,
                "durations_ms": [round(value, 2) for value in item.durations_ms],
            }
            for item in comparison.starts
        ],
        "left_out": dict(comparison.left_out),
    }


def comparison_table(comparison: Comparison) -> Table:
    """Return a row a way: median, its ratio to the bare import with the quartiles, memory."""
    table = Table(box=None, pad_edge=False)
    table.add_column(comparison.project, no_wrap=True)
    for name in ("cold start", "vs bare", "quartiles", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    longest = max(item.median_ms for item in comparison.starts)
    for item in comparison.starts:
        low, high = item.quartiles
        table.add_row(
            item.way,
            ms(item.median_ms),
            f"{item.ratio:.2f} x",
            f"{low:.2f}-{high:.2f}",
            f"{item.memory_mb} MB",
            Text("█" * max(round(item.median_ms / longest * _BAR_WIDTH), 1), "yellow"),
        )
    return table


def left_out_text(comparison: Comparison) -> str | None:
    """Return which ways cannot be, and why; None where all can."""
    lines = [f"{way}: {reason}" for way, reason in comparison.left_out.items()]
    return "\n".join(lines) or None


def comparison_markdown(comparison: Comparison) -> str:
    """Return the table as Markdown."""
    columns = "cold start, median | ratio to the bare import, median (quartiles) | memory"
    lines = [
        f"| {comparison.project} | {columns} |",
        "|---|---|---|---|",
        *map(_markdown_row, comparison.starts),
        *(f"| {way} | does not fit | | |" for way in comparison.left_out),
    ]
    return "\n".join(lines)


def _markdown_row(item: ColdStarts) -> str:
    low, high = item.quartiles
    ratio = f"{item.ratio:.2f} ({low:.2f} to {high:.2f})"
    return f"| {item.way} | {item.median_ms:,.0f} ms | {ratio} | {item.memory_mb} MB |"
