"""`hotpack bench`."""

from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.deploy import connect_for
from hotpack.cli.events import event_option, events_of
from hotpack.cli.options import (
    aws_options,
    json_option,
    open_project,
    open_tools,
    project_option,
)
from hotpack.deploy.cold_starts import measure_cold_starts
from hotpack.measure import compare_cold_starts
from hotpack.project import Placement
from hotpack.project.config import PLACEMENTS
from hotpack.report import cold_starts as report
from hotpack.report.durations import invocations_table, remote_document


@click.command(
    epilog="""\b
Examples:
  hotpack bench
  hotpack bench --rounds 20 --place bundled
  hotpack bench --json | jq '.cold_starts[] | {way, ratio}'
  hotpack bench --remote --env prod
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
@event_option("the first event")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many cold starts of each way.",
)
@click.option(
    "--remote",
    is_flag=True,
    help="Measure the deployed function: cold starts of $LATEST on AWS; what is live is untouched.",
)
@aws_options
@json_option
def bench(
    root: Path,
    placements: tuple[Placement, ...],
    named: tuple[str, ...],
    rounds: int,
    remote: bool,
    env: str | None,
    region: str | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Measure cold starts against the bare import.

    A cold start is the init phase and the first invocation, in the local Lambda, with a warm page
    cache. The bare import is the same handler over the full install on local disk, with valid
    bytecode and nothing of hotpack. All ways take turns; what counts is the ratio within a round.

    With --remote it is what Lambda reports of new sandboxes, which a changed environment variable
    forces; $LATEST is left as it was.
    """
    project, tools = open_project(root, env=env), open_tools()
    payload = events_of(project, named)[0].payload
    if remote:
        functions = connect_for(project, region, profile).functions
        name = project.config.function
        starts = measure_cold_starts(functions, name, payload, rounds, tools.progress)
        if as_json:
            print_json({"function": name, "cold_starts": [*map(remote_document, starts)]})
        else:
            show(invocations_table([item for start in starts if (item := start.measured())]))
        return
    comparison = compare_cold_starts(project, payload, placements or PLACEMENTS, rounds, tools)
    if as_json:
        print_json(report.comparison_document(comparison))
        return
    show(report.comparison_table(comparison))
    if text := report.left_out_text(comparison):
        show("", text)
