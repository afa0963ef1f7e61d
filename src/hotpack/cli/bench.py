"""`hotpack bench`."""

from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.events import events_of
from hotpack.cli.options import json_option, open_project, open_tools, project_option
from hotpack.measure import compare_cold_starts
from hotpack.project import Placement
from hotpack.project.config import PLACEMENTS
from hotpack.report import cold_starts as report


@click.command(
    epilog="""\b
Examples:
  hotpack bench
  hotpack bench --rounds 20 --place bundled
  hotpack bench --json | jq '.cold_starts[] | {way, ratio}'
"""
)
@project_option
@click.option(
    "--place",
    "placements",
    type=click.Choice(PLACEMENTS),
    multiple=True,
    help="Beside what is planned, put everything there.  [default: each of the three]",
)
@click.option(
    "--event",
    "named",
    multiple=True,
    help="A JSON document, a file that holds one, or - for stdin.  [default: the first event]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many cold starts of each way.",
)
@json_option
def bench(
    root: Path,
    placements: tuple[Placement, ...],
    named: tuple[str, ...],
    rounds: int,
    as_json: bool,
) -> None:
    """Measure cold starts against the bare import.

    A cold start is the init phase and the first invocation, in the local Lambda, with a warm page
    cache. The bare import is the same handler over the full install on local disk, with valid
    bytecode and nothing of hotpack. All ways take turns; what counts is the ratio within a round.
    """
    project, tools = open_project(root), open_tools()
    payload = events_of(project, named)[0].payload
    comparison = compare_cold_starts(project, payload, placements or PLACEMENTS, rounds, tools)
    if as_json:
        print_json(report.comparison_document(comparison))
        return
    show(report.comparison_table(comparison))
    if text := report.left_out_text(comparison):
        show("", text)
