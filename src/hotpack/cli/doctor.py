"""`hotpack doctor`."""

import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import click
from rich.markup import escape
from rich.table import Table

from hotpack import __version__
from hotpack.cli.console import print_json, show
from hotpack.cli.options import json_option, open_tools
from hotpack.pipeline import Tools
from hotpack.sandbox import enforcement, probe
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture
from hotpack.trace import INSTALL_STRACE, choose

_EXTRAS: Final = {
    "boto3": ("deploy", "deploy, status, rollback, gc and what works on AWS"),
    "plotly": ("html", "pages of sizes, chart and tune"),
    "cyclonedx-python-lib": ("sbom", "build --sbom"),
}


@click.command(
    epilog="""\b
Example:
  hotpack doctor
"""
)
@json_option
def doctor(as_json: bool) -> None:
    """Show what this machine can do, and what is missing."""
    tools = open_tools()
    document = _examine(tools)
    if as_json:
        print_json(document)
        return
    show(
        f"hotpack {document['hotpack']} on Python {document['python']}, "
        f"{document['architecture']}; cache in {document['cache']}",
        "",
        _runtimes_table(document["runtimes"]),
        "",
        _table("tool", "works", "for", document["tools"]),
        "",
        _table("limit of the local Lambda", "enforced", "by", document["limits"]),
    )


def _examine(tools: Tools) -> dict[str, Any]:
    return {
        "hotpack": __version__,
        "python": sys.version.split()[0],
        "architecture": host_architecture(),
        "cache": str(tools.cache.root),
        "runtimes": [
            {
                "runtime": runtime.name,
                "operating_system": runtime.operating_system,
                "glibc": ".".join(map(str, runtime.glibc)),
                "python": _text(tools.uv.find_python(runtime.python_version)),
            }
            for runtime in RUNTIMES.values()
        ],
        "tools": [_strace(), *(_extra(*row) for row in _EXTRAS.items())],
        "limits": [asdict(row) for row in enforcement(probe())],
    }


def _strace() -> dict[str, Any]:
    reason = choose("auto")[1]
    return {
        "tool": "strace",
        "works": reason is None,
        "for": "trace sees what C code and other programs open, too",
        "how_to_get": f"{reason}: {INSTALL_STRACE}" if reason else None,
    }


def _extra(distribution: str, extra: tuple[str, str]) -> dict[str, Any]:
    name, purpose = extra
    try:
        shown = f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        shown = None
    how = f"install hotpack with its extra: pip install '/path/to/hotpack[{name}]'"
    return {
        "tool": shown or distribution,
        "works": shown is not None,
        "for": purpose,
        "how_to_get": None if shown else how,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _runtimes_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("runtime", "on Lambda", "here"):
        table.add_column(name, overflow="fold")
    for row in rows:
        version = row["runtime"].removeprefix("python")
        here = _short(row["python"]) or f"[yellow]missing:[/] `uv python install {version}`"
        table.add_row(row["runtime"], f"{row['operating_system']}, glibc {row['glibc']}", here)
    table.caption = "A runtime's Python makes its bytecode and runs the local Lambda."
    table.caption_justify = "left"
    return table


def _short(path: str | None) -> str | None:
    """Return a path as a shell has it."""
    home = str(Path.home())
    return path and (f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path)


def _table(what: str, marks: str, why: str, rows: list[dict[str, Any]]) -> Table:
    """Return what there is, a mark, and why or by what; with how to get it where it is not."""
    table = Table(box=None, pad_edge=False)
    for name in (what, "", why):
        table.add_column(name, overflow="fold")
    for row in rows:
        mark = "[green]✓[/]" if row[marks] else "[yellow]-[/]"
        how = f"; {row['how_to_get']}" if row["how_to_get"] else ""
        name = what.split(maxsplit=1)[0]
        table.add_row(row[name], mark, escape(f"{row[why]}{how}"))
    return table
