"""What changed between two functions' weights: a document and a table."""

from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from hotpack.inventory import Difference
from hotpack.progress import mb
from hotpack.report.format import limit_bar, mb_change


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
    for _, cells, color in sorted(_rows(difference), key=lambda row: (-abs(row[0]), row[1])):
        table.add_row(*cells, style=color)
    old, new = difference.old, difference.new
    table.add_row(
        "", "all", "", mb(old.total_bytes), mb(new.total_bytes), mb_change(difference.change_bytes),
        style="bold",
    )  # fmt: skip
    return table


def difference_text(difference: Difference) -> Text:
    """Return what the table does not show: how many are the same, the limit, another target."""
    same = len(difference.new.distributions) - len(difference.added) - len(difference.changed)
    text = Text(f"{same} unchanged; of Lambda's limit, all raw: ")
    text.append_text(limit_bar(difference.new.total_bytes))
    if difference.old.target != difference.new.target:
        text.append(f"\nThe target was {difference.old.target}; it is {difference.new.target}.")
    return text


def _rows(difference: Difference) -> list[tuple[int, list[str], str]]:
    """Return rows: by how many bytes it changed, the cells, the color."""
    rows = [
        (item.slimmed_bytes,
         ["+", item.distribution, item.version, "-", mb(item.slimmed_bytes),
          mb_change(item.slimmed_bytes)],
         "red")
        for item in difference.added
    ]  # fmt: skip
    rows += [
        (-item.slimmed_bytes,
         ["-", item.distribution, item.version, mb(item.slimmed_bytes), "-",
          mb_change(-item.slimmed_bytes)],
         "green")
        for item in difference.removed
    ]  # fmt: skip
    for change in difference.changed:
        old, new = change.old, change.new
        versions = [old.version] if old.version == new.version else [old.version, new.version]
        rows.append(
            (change.change_bytes,
             ["~", new.distribution, " → ".join(versions), mb(old.slimmed_bytes),
              mb(new.slimmed_bytes), mb_change(change.change_bytes)],
             "")
        )  # fmt: skip
    code = difference.new.code_bytes - difference.old.code_bytes
    if code:
        before, now = difference.old.code_bytes, difference.new.code_bytes
        cells = ["~", "the project's own files", "", mb(before), mb(now), mb_change(code)]
        rows.append((code, cells, ""))
    return rows
