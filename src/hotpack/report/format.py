"""How numbers look."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hotpack.target.limits import UNZIPPED_BYTES


def ms(duration_ms: float | None) -> str:
    """Return a duration in milliseconds, a dash where there is none."""
    return "-" if duration_ms is None else f"{duration_ms:,.0f} ms"


def mb_change(change_bytes: int) -> str:
    """Return by how many megabytes something grew, with its sign."""
    return f"{change_bytes / 1e6:+,.1f} MB"


def columns(*names: str, numbers: frozenset[str] = frozenset({"raw", "packed", "size"})) -> Table:
    """Return a table without lines whose columns of `numbers` are to the right."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=True)
    return table


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a table's column, which takes the room that the other columns leave.

    Its two parts are shares of the longest bar's length; it is never without a block.
    """

    solid: float
    shaded: float = 0.0
    width: int = 24
    """Of the longest, where there is room."""

    styles: tuple[str, str] = ("yellow", "cyan")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the least and the most that it may be wide."""
        return Measurement(1, self.width).clamp(max_width=options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield it as wide as its column is."""
        width = min(self.width, options.max_width)
        both = max(round((self.solid + self.shaded) * width), 1)
        solid = min(round(self.solid * width), both) if self.shaded else both
        yield Text.assemble(("█" * solid, self.styles[0]), ("▒" * (both - solid), self.styles[1]))


def limit_bar(size: int, width: int = 24, *, most: int | None = None) -> Text:
    """Return a bar of Lambda's limit with the share in words, red for the part that is over.

    The limit is `width` characters; the bar is never longer than `most`, or twice the limit.
    """
    share = size / UNZIPPED_BYTES
    filled = round(share * width)
    inside, over = min(filled, width), max(min(filled, most or 2 * width) - width, 0)
    return Text.assemble(
        ("█" * inside, "green"),
        ("█" * over, "red"),
        ("░" * (width - inside), "dim"),
        f" {share:.0%}",
    )
