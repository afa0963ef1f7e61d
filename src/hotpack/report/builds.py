"""What a build came to: documents and tables."""

import json
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hotpack.layout import Placed, explain
from hotpack.pipeline import Build
from hotpack.progress import mb
from hotpack.project import included
from hotpack.report.format import columns, limit_bar, ms
from hotpack.target.limits import UNZIPPED_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hotpack.measure import Smoke

_SHOWN = 12
_LUKEWARM = "lukewarm: a start does not need it, but C code may open it unseen"
_SIZES = frozenset({"hot", "lukewarm", "cold", "adds"})


def build_document(build: Build) -> dict[str, Any]:
    """Return what a build came to, for `--json`."""
    release = build.release
    return {
        "fits": True,
        "limit_bytes": UNZIPPED_BYTES,
        "package_bytes": release.package_bytes,
        "zip_bytes": release.zip_bytes,
        "plain_bytes": build.plain_bytes,
        "slimmed_bytes": build.prepared.slimmed.size_bytes,
        "runtime": release.runtime,
        "architecture": release.architecture,
        "handler": release.handler,
        "code_files": [file.path for file in build.prepared.code],
        "left_out": list(build.prepared.left_out),
        "function_zip": str(build.folder / "function.zip"),
        "remote_packs": [
            {"key": key, "path": str(build.folder / name)}
            for key, name in release.remote_packs.items()
        ],
        "predicted_ms": round(build.layout.start_ms, 1),
        "explanation": list(explain(build.layout, build.arrangement.basis)),
        "layout": [
            {
                "distribution": placed.distribution,
                "version": build.versions[placed.distribution],
                "placement": placed.placement,
                "raw_bytes": placed.raw_bytes,
                "packed_bytes": placed.packed_bytes,
                "cold": placed.cold,
                "reason": placed.reason,
                **_needed(build, placed),
            }
            for placed in build.layout.placed
        ],
        "slim": [
            {
                "rule": report.rule,
                "saved_bytes": report.saved_bytes,
                "saved_files": report.saved_files,
                "note": report.note,
            }
            for report in build.prepared.reports
        ],
    }


def _needed(build: Build, placed: Placed) -> dict[str, float]:
    """Return what a cold start needs of a distribution."""
    arranged = build.arrangement.by_distribution[placed.distribution]
    sizes = {
        f"{name}_bytes": sum(file.size for file in getattr(arranged, name))
        for name in ("hot", "lukewarm", "cold")
    }
    return {**sizes, "predicted_ms": round(placed.start_ms, 1)}


def explanation(build: Build) -> list[Table | str]:
    """Return why everything is placed where it is, and what a cold start needs."""
    sentences = "\n".join(map(escape, explain(build.layout, build.arrangement.basis)))
    return [_needed_table(build), _LUKEWARM, "", sentences, ""]


def _needed_table(build: Build) -> Table:
    """Return what a cold start needs of the distributions and what that costs, the most first."""
    table = columns("distribution", "hot", "lukewarm", "cold", "placement", "adds", numbers=_SIZES)
    most = sorted(build.layout.placed, key=lambda placed: (-placed.start_ms, placed.distribution))
    for placed in most[:_SHOWN]:
        sizes = _needed(build, placed)
        table.add_row(
            placed.distribution,
            *(mb(sizes[f"{name}_bytes"]) for name in ("hot", "lukewarm", "cold")),
            placed.placement,
            ms(placed.start_ms),
        )
    if rest := most[_SHOWN:]:
        table.add_row(f"{len(rest)} more", "", "", "", "", ms(sum(p.start_ms for p in rest)))
    return table


def rules_table(build: Build) -> Table:
    """Return what each rule of slim did."""
    table = Table(box=None, pad_edge=False)
    table.add_column("slim", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", style="dim")
    for report in build.prepared.reports:
        change = f"{-report.saved_bytes / 1e6:+,.1f} MB" if report.saved_bytes else "-"
        table.add_row(f"  {report.rule}", change, report.note or "")
    return table


def layout_table(build: Build) -> Table:
    """Return where every distribution goes: the heaviest by name, the others summed."""
    table = columns("distribution", "version", "raw", "packed", "placement", "why")
    heaviest = sorted(build.layout.placed, key=lambda item: -item.raw_bytes)
    for placed in heaviest[:_SHOWN]:
        packed = "-" if placed.packed_bytes is None else mb(placed.packed_bytes)
        table.add_row(
            placed.distribution,
            build.versions[placed.distribution],
            mb(placed.raw_bytes),
            packed,
            placed.placement,
            placed.reason,
        )
    rest = heaviest[_SHOWN:]
    for placement in ("inline", "bundled", "remote"):
        mine = [placed for placed in rest if placed.placement == placement]
        if mine:
            raw, packed_bytes = (
                sum(p.raw_bytes for p in mine),
                sum(p.packed_bytes or 0 for p in mine),
            )
            packed = mb(packed_bytes) if packed_bytes else "-"
            table.add_row(f"{len(mine)} more", "", mb(raw), packed, placement, "")
    return table


def left_out(build: Build) -> Text | None:
    """Return a line on the project's folders that are not in the function, None without any."""
    if not build.prepared.left_out:
        return None
    prepared = build.prepared
    names = ", ".join(f"{name}/" for name in prepared.left_out)
    whole = [*included(prepared.project, prepared.code), *prepared.left_out]
    line = f"include = {json.dumps(whole, ensure_ascii=False)}"
    return Text(f"Not in the function: {names}; with them, [tool.hotpack] has\n  {line}", "dim")


def smoke_text(smoke: "Smoke") -> Text:
    """Return what came of the smoke check."""
    count = len(smoke.modules)
    lines = [f"{count} packages import from the slimmed tree as from the full install."]
    lines += [f"  {name} from neither: {reason}" for name, reason in smoke.failing.items()]
    return Text("\n" + "\n".join(lines))


def before_and_after(build: Build) -> Table:
    """Return the sizes of the build's steps against Lambda's limit."""
    release = build.release
    remote = sum(
        placed.packed_bytes or 0 for placed in build.layout.placed if placed.placement == "remote"
    )
    steps = [
        ("the project's own files", build.prepared.code_bytes),
        ("plain install, with them", build.plain_bytes),
        ("slimmed, with bytecode", build.prepared.slimmed.size_bytes),
        ("function, unzipped", release.package_bytes),
        ("function.zip", release.zip_bytes),
        *([("packs on S3", remote)] if remote else []),
    ]
    table = columns("", "size", "share of Lambda's limit")
    for name, size in steps:
        table.add_row(name, mb(size), limit_bar(size))
    return table
