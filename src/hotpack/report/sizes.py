"""What weighs what, and why it is there: a document and tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from hotpack.install import File, Kind, Tree
from hotpack.inventory import DistributionSizes, Requirements, Sizes
from hotpack.pipeline import Prepared
from hotpack.progress import mb
from hotpack.report.format import columns, limit_bar
from hotpack.target.limits import UNZIPPED_BYTES, over_size_message

SHOWN = 12
"""Distributions that a table names; the others are summed."""

_YOU = "you"
_WIDE = 100
"""From so many columns on there is room for the share of the limit."""

_BARS = 120
"""From so many on, for a bar of it."""

_HEADERS = ("distribution", "version", "installed", "slimmed", "packed", "hot", "of limit")
_NUMBERS = frozenset({"installed", "slimmed", "packed", "hot", "size"})
_Row = tuple[str | Text, ...]


def sizes_document(
    prepared: Prepared, sizes: Sizes, requirements: Requirements, largest: int
) -> dict[str, Any]:
    """Return what weighs what, for `--json`: the record of a build, with more in it."""
    return {
        **sizes.document(),
        "limit_bytes": UNZIPPED_BYTES,
        "installed_bytes": sizes.installed_bytes,
        "slimmed_bytes": sizes.slimmed_bytes,
        "packed_bytes": sizes.packed_bytes,
        "hot_bytes": sizes.hot_bytes,
        "distributions": [
            {
                **asdict(item),
                "limit_share": round(item.slimmed_bytes / UNZIPPED_BYTES, 6),
                "direct": item.distribution in requirements.direct,
                "required_by": list(requirements.required_by(item.distribution)),
            }
            for item in sizes.distributions
        ],
        "kinds": [
            {
                "kind": kind,
                "installed_bytes": before,
                "slimmed_bytes": after,
                "cold": kind.is_cold,
            }
            for kind, before, after in _by_kind(prepared)
        ],
        "files": [
            {"path": file.path, "size_bytes": file.size, "distribution": file.distribution}
            for file in _largest(prepared.slimmed, largest)
        ],
    }


def heaviest(sizes: Sizes) -> list[DistributionSizes]:
    """Return the distributions, those first that weigh most as installed."""
    return sorted(sizes.distributions, key=lambda item: (-item.installed_bytes, item.distribution))


def sizes_table(
    sizes: Sizes, requirements: Requirements, *, width: int, shown: int | None = SHOWN
) -> Table:
    """Return what every distribution weighs and who requires it, the heaviest first.

    It is made for a terminal of `width` columns, 80 at least. All are named where `shown` is None;
    otherwise so many, and the others are summed.
    """
    is_wide = width >= _WIDE
    rows = heaviest(sizes)
    named = rows[:shown]
    rest = rows[len(named) :]
    cells = [_cells(item.distribution, item.version, [item], width) for item in named]
    cells += [_cells(f"{len(rest)} more", "", rest, width)] if rest else []
    cells.append(_cells("all", "", rows, width))
    table, room = _table(cells, width, is_wide)
    whys = [reason(item.distribution, requirements, room) for item in named]
    for row, why in zip_longest(cells, whys, fillvalue=""):
        table.add_row(*row, why, style="bold" if row is cells[-1] else "")
    return table


def _table(cells: Sequence[_Row], width: int, is_wide: bool) -> tuple[Table, int]:
    """Return a table whose columns are as wide as their cells, and what is left for the last."""
    gap = 2 if is_wide else 1
    caps = {"distribution": 22 if is_wide else 18, "version": 8}
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    room = width
    headers = _HEADERS if is_wide else _HEADERS[:-1]
    for header, column in zip(headers, zip(*cells, strict=True), strict=True):
        widest = max(len(cell) for cell in (header, *column))
        wide = min(widest, caps.get(header, widest))  # numbers are never cut
        justify: Literal["left", "right"] = "right" if header in _NUMBERS else "left"
        table.add_column(header, justify=justify, no_wrap=True, width=wide)
        room -= wide + gap
    table.add_column("required by", no_wrap=True)
    return table, room


def reason(name: str, requirements: Requirements, width: int) -> str:
    """Return who requires a distribution, as many of them as `width` characters hold.

    The project's own requirement is "you"; the ones that did not fit are counted.
    """
    who = [_YOU] if name in requirements.direct else []
    who += requirements.required_by(name)
    for count in range(len(who), 0, -1):
        text = ", ".join(who[:count]) + (f" +{len(who) - count}" if count < len(who) else "")
        if len(text) <= width:
            return text
    if not who:
        return "-"
    return "1 other" if len(who) == 1 else f"{len(who)} others"


def kinds_table(prepared: Prepared) -> Table:
    """Return what the kinds of files weigh, installed and slimmed."""
    table = columns("kind", "installed", "slimmed", "of limit", numbers=_NUMBERS)
    for kind, before, after in _by_kind(prepared):
        table.add_row(kind, mb(before), mb(after), limit_bar(after))
    return table


def files_table(prepared: Prepared, largest: int) -> Table:
    """Return the largest files."""
    table = Table(box=None, pad_edge=False)
    table.add_column("largest files, slimmed", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    for file in _largest(prepared.slimmed, largest):
        table.add_row(file.path, mb(file.size))
    return table


def limit_table(sizes: Sizes) -> Table:
    """Return what a function of it weighs, plain, slimmed and packed, against Lambda's limit."""
    table = columns("with the project's own files", "size", "share of Lambda's limit")
    for name, size in steps(sizes).items():
        table.add_row(name, mb(size), limit_bar(size))
    return table


def steps(sizes: Sizes) -> Mapping[str, int]:
    """Return what all weighs after each step, the project's own files included."""
    parts = {"installed": sizes.installed_bytes, "slimmed": sizes.slimmed_bytes}
    if sizes.packed_bytes is not None:
        parts["packed"] = sizes.packed_bytes
    return {name: size + sizes.code_bytes for name, size in parts.items()}


def wall(plain_bytes: int) -> Text:
    """Return the sentence that Lambda answers a plain install with."""
    if plain_bytes <= UNZIPPED_BYTES:
        return Text(
            f"A plain install fits: {plain_bytes:,} of {UNZIPPED_BYTES:,} bytes.", style="green"
        )
    return Text.assemble(
        f"A plain install has {plain_bytes:,} bytes. Lambda would answer:\n  ",
        (over_size_message(plain_bytes, layers=False), "bold red"),
    )


def _cells(label: str, version: str, items: Sequence[DistributionSizes], width: int) -> _Row:
    """Return the cells of a row that sums the distributions."""
    slimmed = sum(item.slimmed_bytes for item in items)
    share = Text(f"{slimmed / UNZIPPED_BYTES:.0%}", justify="right")
    row = (
        label,
        version,
        mb(sum(item.installed_bytes for item in items)),
        mb(slimmed),
        _sum([item.packed_bytes for item in items]),
        _sum([item.hot_bytes for item in items]),
    )
    if width < _WIDE:
        return row
    return (*row, limit_bar(slimmed, 8, most=9) if width >= _BARS else share)


def _sum(sizes: Sequence[int | None]) -> str:
    return "-" if None in sizes else mb(sum(size or 0 for size in sizes))


def _by_kind(prepared: Prepared) -> list[tuple[Kind, int, int]]:
    """Return every kind with its bytes installed and slimmed, the heaviest first."""
    before, after = _sum_kinds(prepared.installed), _sum_kinds(prepared.slimmed)
    kinds = sorted({*before, *after}, key=lambda kind: (-max(before[kind], after[kind]), kind))
    return [(kind, before[kind], after[kind]) for kind in kinds]


def _sum_kinds(tree: Tree) -> Counter[Kind]:
    sums: Counter[Kind] = Counter()
    for file in tree.files:
        sums[file.kind] += file.size
    return sums


def _largest(tree: Tree, count: int) -> Sequence[File]:
    return sorted(tree.files, key=lambda file: (-file.size, file.path))[:count]
