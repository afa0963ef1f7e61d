"""`hotpack build`."""

import os
from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.options import (
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.pipeline import build as run_pipeline
from hotpack.report import sizes


@click.command(
    epilog="""\b
Examples:
  hotpack build
  hotpack build --place bundled --json
"""
)
@project_option
@place_option
@click.option("--upgrade", is_flag=True, help="Resolve the dependencies anew to the newest.")
@json_option
def build(root: Path, place: str | None, upgrade: bool, as_json: bool) -> None:
    """Build the function: install, slim, lay out, pack.

    The artifacts are in .hotpack/build: function.zip, and the packs that belong on S3. Exits with
    1 where the result would pass a limit of Lambda.
    """
    result = run_pipeline(open_project(root, place), open_tools(), upgrade=upgrade)
    if as_json:
        print_json(sizes.build_document(result))
        return
    show(
        sizes.rules_table(result),
        "",
        sizes.layout_table(result),
        "",
        sizes.before_and_after(result),
        *filter(None, [sizes.left_out(result)]),
        f"\n[bold green]It fits.[/] {os.path.relpath(result.folder)}/function.zip; "
        "run it with [bold]hotpack invoke[/]",
    )
