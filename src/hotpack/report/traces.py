"""What a trace recorded: a document, a sentence and tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from hotpack.install import File, Tree
from hotpack.profile import Module, Profile
from hotpack.progress import mb
from hotpack.report.format import columns
from hotpack.trace import Witness

SHOWN: Final = 10
_READING: Final = frozenset({"executed", "mapped", "opened"})
_BAR: Final = 14
_NAME: Final = 46
"""80 columns hold the tables."""


@dataclass(frozen=True, slots=True)
class Share:
    """What of a distribution was touched."""

    distribution: str
    files: int
    touched_files: int
    """Read, or only asked about."""

    read_files: int
    """Opened, mapped or executed."""

    size_bytes: int
    read_bytes: int


def shares(profile: Profile, tree: Tree) -> list[Share]:
    """Return every distribution's share, those first of which most is read."""
    touched = {touch.path: not _READING.isdisjoint(touch.ways) for touch in profile.touches}
    found = [_share(name, files, touched) for name, files in tree.by_distribution().items()]
    return sorted(found, key=lambda share: (-share.read_bytes, share.distribution))


def trace_document(
    profile: Profile, tree: Tree, recorder: Witness, path: Path, because: str | None
) -> dict[str, Any]:
    """Return what was recorded, for `--json`; docs/trace.md says what the keys mean."""
    found = shares(profile, tree)
    return {
        "profile": str(path),
        "runtime": profile.runtime,
        "architecture": profile.architecture,
        "recorder": recorder.name,
        "recorder_because": because,
        "blind_spots": recorder.blind_spots,
        "events": list(profile.events),
        "init_ms": profile.init_ms,
        "peak_memory_mb": profile.peak_memory_mb,
        **_sums(found),
        "native": [touch.path for touch in profile.touches if touch.native],
        "distributions": [
            {"distribution": share.distribution, **_sums([share])} for share in found
        ],
        "modules": [
            {"module": module.name, "self_ms": module.self_ms} for module in _slowest(profile)
        ],
    }


def touched_text(profile: Profile, tree: Tree) -> Text:
    """Return how much of the tree was touched, in a sentence."""
    sums = _sums(shares(profile, tree))
    only_asked = sums["touched_files"] - sums["read_files"]
    return Text.assemble(
        f"A cold start and {_events(profile)} read ",
        (f"{sums['read_files']:,} of {sums['files']:,} files", "bold"),
        ", ",
        (f"{mb(sums['read_bytes'])} of {mb(sums['size_bytes'])}", "bold"),
        f"; of {only_asked:,} more they ask whether they exist.",
    )


def shares_table(profile: Profile, tree: Tree) -> Table:
    """Return which distributions are read most, the others summed."""
    found = shares(profile, tree)
    names = ("distribution", "read", "of", "files", "of all")
    table = columns(*names, "", numbers=frozenset(names[1:]))
    for share in found[:SHOWN]:
        _add_share(table, share.distribution, [share])
    if found[SHOWN:]:
        _add_share(table, f"{len(found) - SHOWN} more", found[SHOWN:])
    return table


def imports_table(profile: Profile) -> Table:
    """Return the modules whose own import takes longest, the others summed."""
    table = columns("slowest imports", "self", "", numbers=frozenset({"self"}))
    slowest = _slowest(profile)
    longest = max((module.self_ms for module in slowest), default=0.0) or 1.0
    for module in slowest[:SHOWN]:
        bar = Text("█" * round(module.self_ms / longest * _BAR), "yellow")
        table.add_row(_end_of(module.name), f"{module.self_ms:,.1f} ms", bar)
    if rest := slowest[SHOWN:]:
        table.add_row(f"{len(rest):,} more", f"{sum(m.self_ms for m in rest):,.1f} ms", "")
    return table


def native_text(profile: Profile) -> Text | None:
    """Return which files C code reaches by itself; None where there are none."""
    native = [touch.path for touch in profile.touches if touch.native]
    if not native:
        return None
    named = [f"\n  {path}" for path in native[:SHOWN]]
    more = f"\n  and {len(native) - SHOWN} more" if native[SHOWN:] else ""
    return Text(
        f"C code reaches {_count(len(native), 'path')} without Python's knowing:"
        + "".join(named)
        + more
    )


def run_text(profile: Profile, recorder: Witness) -> Text:
    """Return how it went and how it was recorded."""
    return Text.assemble(
        f"Init took {profile.init_ms:,.0f} ms and memory peaked at {profile.peak_memory_mb} MB, "
        "with nobody looking on.\n",
        f"Recorded with {recorder.name}. It does not see {recorder.blind_spots}.",
    )


def _share(name: str, files: Sequence[File], touched: dict[str, bool]) -> Share:
    read = [file for file in files if touched.get(file.path)]
    return Share(
        name,
        len(files),
        sum(file.path in touched for file in files),
        len(read),
        sum(file.size for file in files),
        sum(file.size for file in read),
    )


def _sums(found: Iterable[Share]) -> dict[str, int]:
    found = list(found)
    keys = ("files", "touched_files", "read_files", "size_bytes", "read_bytes")
    return {key: sum(getattr(share, key) for share in found) for key in keys}


def _add_share(table: Table, name: str, found: Sequence[Share]) -> None:
    sums = _sums(found)
    part = sums["read_bytes"] / sums["size_bytes"] if sums["size_bytes"] else 0.0
    filled = round(part * _BAR)
    table.add_row(
        name,
        mb(sums["read_bytes"]),
        mb(sums["size_bytes"]),
        f"{sums['read_files']:,}",
        f"{sums['files']:,}",
        Text.assemble(("█" * filled, "red"), ("░" * (_BAR - filled), "dim"), f" {part:.0%}"),
    )


def _end_of(name: str) -> str:
    """Return as much of a module's name as there is room for: its end tells most."""
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"


def _slowest(profile: Profile) -> list[Module]:
    return sorted(profile.modules, key=lambda module: (-module.self_ms, module.name))


def _events(profile: Profile) -> str:
    return _count(len(profile.events), "event")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
