"""How bars look."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from hotpack.report.format import Bar


def lines(table: Table, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize(("width", "longest"), [(80, 40), (31, 20)])
def test_bars_take_the_room_that_is_left(width: int, longest: int) -> None:
    """Where there is less room than they want, all bars are shorter, and none is cut."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for solid, shaded in ((0.5, 0.5), (0.25, 0.0), (0.0, 0.0)):
        table.add_row("123456789", Bar(solid, shaded, width=40))
    half = longest // 2
    assert [line.removeprefix("123456789  ") for line in lines(table, width)] == [
        "█" * half + "▒" * half,
        "█" * (half // 2),
        "█",
    ]
