"""What the cache holds, as a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hotpack.cache import Holding
from hotpack.progress import mb
from hotpack.report.format import columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

_WHAT: Final = {
    "archives": "other tools' zips, for bench",
    "assets": "copies of the projects' assets",
    "bytecode": "compiled sources",
    "decoders": "the zstd decoder, stripped",
    "environments": "other tools, for bench",
    "folders": "trees laid out to run from",
    "frames": "compressed frames of packs",
    "imports": "what modules import",
    "libraries": "what libraries need",
    "npm": "other tools, for bench",
    "packages": "functions, unpacked to run",
    "records": "RECORDs of slimmed trees",
    "runtimes": "Lambda's runtime client",
    "sboms": "bills of materials",
    "slimmed": "listings of slimmed trees",
    "stripped": "libraries without symbols",
    "texts": "small files of what is shipped as other tools do, for bench",
    "trees": "installed dependencies",
    "zips": "parts of functions' zips",
}
_NUMBERS: Final = frozenset({"entries", "size"})
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))


def cache_table(
    folder: Path, holdings: Sequence[Holding], max_bytes: int, now_s: float
) -> Iterator["RenderableType"]:
    """Yield what there is of every kind, and how that compares with the cap."""
    table = columns("kind", "entries", "size", "last used", "oldest", "what", numbers=_NUMBERS)
    for item in holdings:
        table.add_row(
            item.kind,
            f"{item.entries:,}",
            mb(item.size_bytes),
            _ago(now_s - item.newest_s),
            _ago(now_s - item.oldest_s),
            _WHAT.get(item.kind, ""),
        )
    if holdings:
        yield table
        yield ""
    size_bytes = sum(item.size_bytes for item in holdings)
    over = ": `hotpack cache prune` brings it below" if size_bytes > max_bytes else ""
    yield f"{mb(size_bytes)} of at most {mb(max_bytes)} in {folder}{over}"


def _ago(passed_s: float) -> str:
    """Return in words how long ago something was."""
    for unit_s, name in _UNITS:
        if passed_s >= unit_s:
            return f"{passed_s // unit_s:.0f} {name} ago"
    return "just now"
