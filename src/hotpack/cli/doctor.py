"""`hotpack doctor`."""

import sys
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from hotpack import __version__
from hotpack.cli.console import print_json, show
from hotpack.cli.options import json_option, open_tools
from hotpack.pipeline import Tools
from hotpack.sandbox import enforcement, probe
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture


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
        _limits_table(document["limits"]),
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
        "limits": [asdict(row) for row in enforcement(probe())],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _runtimes_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("runtime", "on Lambda", "here"):
        table.add_column(name, overflow="fold")
    for row in rows:
        version = row["runtime"].removeprefix("python")
        here = row["python"] or f"[yellow]missing:[/] `uv python install {version}`"
        table.add_row(row["runtime"], f"{row['operating_system']}, glibc {row['glibc']}", here)
    table.caption = "A runtime's Python makes its bytecode and runs the local Lambda."
    table.caption_justify = "left"
    return table


def _limits_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("limit of the local Lambda", "", "by"):
        table.add_column(name, overflow="fold")
    for row in rows:
        mark = "[green]✓[/]" if row["enforced"] else "[yellow]-[/]"
        how = f"; {row['how_to_get']}" if row["how_to_get"] else ""
        table.add_row(row["limit"], mark, f"{row['by']}{how}")
    return table
