"""What changed between two functions' weights: a document, rows and a table."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from hotpack.inventory import Difference
from hotpack.progress import mb
from hotpack.report.format import limit_bar, mb_change


@dataclass(frozen=True, slots=True)
class Row:
    """One change, in slimmed bytes."""

    sign: Literal["+", "-", "~"]
    name: str
    version: str
    before: int | None
    now: int | None

    @property
    def change(self) -> int:
        """By how many bytes it grew; negative where it shrank."""
        return (self.now or 0) - (self.before or 0)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        before, now = ("-" if size is None else mb(size) for size in (self.before, self.now))
        return self.sign, self.name, self.version, before, now, mb_change(self.change)


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return what changed, for `--json`."""
    return {
        "old_target": difference.old.target,
        "added": [asdict(item) for item in difference.added],
        "removed": [asdict(item) for item in difference.removed],
        "changed": [
            {
                "distribution": change.new.distribution,
                "old": asdict(change.old),
                "new": asdict(change.new),
                "change_bytes": change.change_bytes,
            }
            for change in difference.changed
        ],
        "total": {
            "old_bytes": difference.old.total_bytes,
            "new_bytes": difference.new.total_bytes,
            "change_bytes": difference.change_bytes,
        },
    }


def difference_table(difference: Difference) -> Table:
    """Return a row for what was added, removed or changed, the largest change first, and the sum.

    Sizes are slimmed.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("distribution", no_wrap=True, max_width=28)
    table.add_column("version", overflow="fold")
    for name in ("before", "now", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    colors = {"+": "red", "-": "green", "~": ""}
    for row in difference_rows(difference):
        table.add_row(*row.cells, style=colors[row.sign])
    old, new = difference.old, difference.new
    table.add_row(
        "", "all", "", mb(old.total_bytes), mb(new.total_bytes), mb_change(difference.change_bytes),
        style="bold",
    )  # fmt: skip
    return table


def difference_text(difference: Difference) -> Text:
    """Return what the table does not show: how many are the same, the limit, another target."""
    text = Text(f"{unchanged(difference)} unchanged; of Lambda's limit, all raw: ")
    text.append_text(limit_bar(difference.new.total_bytes))
    if targets(difference):
        text.append(f"\n{targets(difference)}")
    return text


def unchanged(difference: Difference) -> int:
    """Return how many distributions are the same in both."""
    return len(difference.new.distributions) - len(difference.added) - len(difference.changed)


def targets(difference: Difference) -> str:
    """Return what both were built for, in a sentence; nothing where it is the same."""
    old, new = difference.old.target, difference.new.target
    return "" if old == new else f"The target was {old}; it is {new}."


def difference_rows(difference: Difference) -> list[Row]:
    """Return a row for what was added, removed or changed, the largest change first."""
    rows = [
        Row("+", item.distribution, item.version, None, item.slimmed_bytes)
        for item in difference.added
    ]
    rows += [
        Row("-", item.distribution, item.version, item.slimmed_bytes, None)
        for item in difference.removed
    ]
    for change in difference.changed:
        old, new = change.old, change.new
        version = new.version if old.version == new.version else f"{old.version} → {new.version}"
        rows.append(Row("~", new.distribution, version, old.slimmed_bytes, new.slimmed_bytes))
    before, now = difference.old.code_bytes, difference.new.code_bytes
    if before != now:
        rows.append(Row("~", "the project's own files", "", before, now))
    return sorted(rows, key=lambda row: (-abs(row.change), row.name))
