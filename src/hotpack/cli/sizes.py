"""`hotpack sizes`."""

from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.options import json_option, open_project, open_tools, project_option
from hotpack.pipeline import prepare
from hotpack.report import sizes as report


@click.command(
    epilog="""\b
Examples:
  hotpack sizes
  hotpack sizes --files 20
  hotpack sizes --json | jq '.distributions[0]'
"""
)
@project_option
@click.option("--files", default=8, show_default=True, help="How many of the largest files.")
@json_option
def sizes(root: Path, files: int, as_json: bool) -> None:
    """Show what weighs what, by distribution and file.

    Installs and slims the dependencies, and packs nothing.
    """
    prepared = prepare(open_project(root), open_tools())
    if as_json:
        print_json(report.sizes_document(prepared, files))
        return
    code_bytes = sum(file.size for file in prepared.code)
    show(
        report.plain_table(prepared),
        "",
        report.kinds_table(prepared),
        "",
        report.files_table(prepared, files),
        "",
        report.wall(prepared.installed.size_bytes + code_bytes),
    )
