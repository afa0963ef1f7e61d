"""`hotpack bench`."""

from pathlib import Path
from typing import Final

import click

from hotpack.cache import write_atomic
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
from hotpack.measure.page_cache import PageCache
from hotpack.measure.ways import OWN, WAYS
from hotpack.report import cold_starts as report
from hotpack.report.durations import invocations_table, remote_document
from hotpack.report.waterfall import comparison_page

_STATES: Final[dict[str, tuple[PageCache, ...]]] = {
    "warm": ("warm",),
    "cold": ("cold",),
    "both": ("warm", "cold"),
}


@click.command(
    epilog="""\b
Examples:
  hotpack bench
  hotpack bench --rounds 20 --way bundled --page-cache cold
  hotpack bench --way all --html bench.html
  hotpack bench --json | jq '.cold_starts[] | {way, page_cache, ratio}'
  hotpack bench --remote --env prod
"""
)
@project_option
@click.option(
    "--way",
    "named_ways",
    type=click.Choice((*WAYS, "all")),
    multiple=True,
    help="Beside the bare import, ship it this way.  [default: as planned, and each placement]",
)
@click.option(
    "--page-cache",
    type=click.Choice(tuple(_STATES)),
    default="both",
    show_default=True,
    help="Whether the function's files were read before; a real cold start finds them cold.",
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
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with the waterfalls there; it opens without a network.",
)
@json_option
def bench(
    root: Path,
    named_ways: tuple[str, ...],
    page_cache: str,
    named: tuple[str, ...],
    rounds: int,
    remote: bool,
    env: str | None,
    region: str | None,
    profile: str | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure cold starts against the bare import.

    A cold start is the init phase and the first invocation, in the local Lambda. The bare import is
    the same handler over the full install on local disk, with valid bytecode and nothing of
    hotpack. All ways take turns; what counts is the ratio within a round.

    Other ways are those of other tools, which come from PyPI and npm when they are measured:
    article (a zip on S3, downloaded and unpacked by hand), zappa (slim_handler), serverless
    (serverless-python-requirements, slim and zip), snaploader (lambda-snaploader).

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
    names = WAYS if "all" in named_ways else named_ways
    ways = [WAYS[name] for name in names] or OWN
    comparison = compare_cold_starts(project, payload, ways, rounds, tools, _STATES[page_cache])
    if html:
        write_atomic(html.absolute(), comparison_page(comparison).encode())
        tools.progress.log(f"wrote {html}")
    if as_json:
        print_json(report.comparison_document(comparison))
        return
    show(report.comparison_table(comparison))
    if text := report.left_out_text(comparison):
        show("", text)
