"""`hotpack bench`."""

from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.events import event_option, events_of
from hotpack.cli.options import (
    aws_options,
    json_option,
    open_project,
    open_tools,
    project_option,
)
from hotpack.cli.remote import copy_of_live, refuse_without_remote, remote_option
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
@remote_option("Measure what is live on AWS: cold starts of a copy of it, which goes again.")
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
    forces: those of a copy, so that the function itself is not touched.
    """
    project, tools = open_project(root, env=env), open_tools()
    payload = events_of(project, named)[0].payload
    if remote:
        with copy_of_live(project, region, profile, tools.progress) as copy:
            starts = measure_cold_starts(copy, payload, rounds, tools.progress)
        if as_json:
            rows = [*map(remote_document, starts)]
            of = {"function": copy.live.function, "version": copy.live.version}
            print_json({**of, "cold_starts": rows})
        else:
            show(invocations_table([item for start in starts if (item := start.measured())]))
        return
    refuse_without_remote(region=region, profile=profile)
    comparison = compare_cold_starts(project, payload, placements or PLACEMENTS, rounds, tools)
    if as_json:
        print_json(report.comparison_document(comparison))
        return
    show(report.comparison_table(comparison))
    if text := report.left_out_text(comparison):
        show("", text)
