"""Tables of what weighs what."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from hotpack.install import Tree
from hotpack.measure import Smoke
from hotpack.pipeline import Build, Prepared
from hotpack.progress import mb
from hotpack.target.limits import UNZIPPED_BYTES, over_size_message

_SHOWN = 12


def sizes_document(prepared: Prepared, largest: int) -> dict[str, Any]:
    """Return what weighs what, for `--json`."""
    installed, slimmed = _by_distribution(prepared.installed), _by_distribution(prepared.slimmed)
    return {
        "limit_bytes": UNZIPPED_BYTES,
        "installed_bytes": prepared.installed.size_bytes,
        "slimmed_bytes": prepared.slimmed.size_bytes,
        "code_bytes": sum(file.size for file in prepared.code),
        "distributions": [
            {
                "distribution": item.name,
                "version": item.version,
                "installed_bytes": installed[item.name],
                "slimmed_bytes": slimmed.get(item.name, 0),
            }
            for item in prepared.installed.distributions
        ],
        "kinds": [
            {"kind": kind, "installed_bytes": size, "cold": kind.is_cold}
            for kind, size in _by_kind(prepared.installed).most_common()
        ],
        "files": [
            {"path": file.path, "size_bytes": file.size, "distribution": file.distribution}
            for file in _largest(prepared.slimmed, largest)
        ],
    }


def plain_table(prepared: Prepared) -> Table:
    """Return what a plain install weighs, by distribution, the heaviest first."""
    installed, slimmed = _by_distribution(prepared.installed), _by_distribution(prepared.slimmed)
    table = _table("distribution", "version", "installed", "slimmed", "share of Lambda's limit")
    versions = {item.name: item.version for item in prepared.installed.distributions}
    heaviest = sorted(installed.items(), key=lambda item: (-item[1], item[0]))
    for name, size in heaviest[:_SHOWN]:
        slim = mb(slimmed.get(name, 0))
        table.add_row(name, versions[name], mb(size), slim, _bar(size))
    rest = [name for name, _ in heaviest[_SHOWN:]]
    if rest:
        size = sum(installed[name] for name in rest)
        label = f"{len(rest)} more"
        slim = mb(sum(slimmed.get(name, 0) for name in rest))
        table.add_row(label, "", mb(size), slim, _bar(size))
    table.add_section()
    total = prepared.installed.size_bytes
    slim = mb(prepared.slimmed.size_bytes)
    table.add_row("all", "", mb(total), slim, _bar(total), style="bold")
    return table


def kinds_table(prepared: Prepared) -> Table:
    """Return what a plain install weighs, by kind of file."""
    table = _table("kind", "installed", "", "")
    for kind, size in _by_kind(prepared.installed).most_common():
        table.add_row(kind, mb(size), "cold" if kind.is_cold else "", _bar(size))
    return table


def files_table(prepared: Prepared, largest: int) -> Table:
    """Return the largest files."""
    table = Table(box=None, pad_edge=False)
    table.add_column("largest files, slimmed", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    for file in _largest(prepared.slimmed, largest):
        table.add_row(file.path, mb(file.size))
    return table


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
        "layout": [
            {
                "distribution": placed.distribution,
                "version": build.versions[placed.distribution],
                "placement": placed.placement,
                "raw_bytes": placed.raw_bytes,
                "packed_bytes": placed.packed_bytes,
                "reason": placed.reason,
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
    table = _table("distribution", "version", "raw", "packed", "placement", "why")
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
    names = ", ".join(f"{name}/" for name in build.prepared.left_out)
    return Text(f"Not in the function: {names} (name what it needs in `include`)", style="dim")


def smoke_text(smoke: Smoke) -> Text:
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
        ("the project's own files", sum(file.size for file in build.prepared.code)),
        ("plain install, with them", build.plain_bytes),
        ("slimmed, with bytecode", build.prepared.slimmed.size_bytes),
        ("function, unzipped", release.package_bytes),
        ("function.zip", release.zip_bytes),
        *([("packs on S3", remote)] if remote else []),
    ]
    table = _table("", "size", "share of Lambda's limit")
    for name, size in steps:
        table.add_row(name, mb(size), _bar(size))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    numbers = {"installed", "slimmed", "raw", "packed", "size"}
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=True)
    return table


def _bar(size: int, width: int = 24) -> Text:
    """Return a bar of the limit, red for the part that is over."""
    share = size / UNZIPPED_BYTES
    filled = round(share * width)
    inside, over = min(filled, width), max(min(filled, 2 * width) - width, 0)
    return Text.assemble(
        ("█" * inside, "green"),
        ("█" * over, "red"),
        ("░" * (width - inside), "dim"),
        f" {share:.0%}",
    )


def _by_distribution(tree: Tree) -> dict[str, int]:
    return {
        name: sum(file.size for file in files) for name, files in tree.by_distribution().items()
    }


def _by_kind(tree: Tree) -> Counter[Any]:
    sizes: Counter[Any] = Counter()
    for file in tree.files:
        sizes[file.kind] += file.size
    return sizes


def _largest(tree: Tree, count: int) -> Sequence[Any]:
    return sorted(tree.files, key=lambda file: (-file.size, file.path))[:count]
