"""`hotpack chart`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from hotpack.cache import write_atomic
from hotpack.cli.console import Talk, print_json, show
from hotpack.cli.options import json_option
from hotpack.cli.prices import price_of, price_option
from hotpack.errors import HotpackError
from hotpack.measure.durations import Invocations, events_of, read_invocations
from hotpack.measure.summary import summarize
from hotpack.report import chart as report
from hotpack.report.chart_page import chart_page
from hotpack.target import ARCHITECTURES, Architecture


@click.command(
    epilog="""\b
Examples:
  hotpack chart function.log
  hotpack invoke --repeat 20 2>&1 | hotpack chart
  aws logs tail /aws/lambda/greeter --since 3h | hotpack chart --html chart.html
  hotpack chart function.log --json | jq '.cold_share'
"""
)
@click.argument("log", type=click.Path(path_type=Path, allow_dash=True), default="-")
@click.option("--region", help="Whose price is taken.  [default: us-east-1]")
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    default="x86_64",
    show_default=True,
    help="Whose price is taken.",
)
@price_option
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page that zooms there; it opens without a network.",
)
@json_option
def chart(
    log: Path,
    region: str | None,
    architecture: Architecture,
    price_usd: float | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Chart durations over time, from REPORT lines.

    Reads a LOG, or stdin, in Lambda's text or JSON format, whatever else is in it: what the local
    Lambda prints, what `aws logs tail` prints. Cold starts, percentiles, timeouts, crashes, cost.
    """
    price = price_of(region, architecture, price_usd, Talk())
    with opened(log) as stream:
        invocations = read_invocations(events_of(stream))
    require_some(invocations, "stdin" if str(log) == "-" else str(log))
    summary = summarize(invocations, price)
    if html:
        name = "invocations" if str(log) == "-" else log.name
        write_atomic(html.absolute(), chart_page(name, invocations, summary).encode())
    if as_json:
        print_json(report.chart_document(summary, invocations))
        return
    show(
        report.chart_table(invocations),
        "",
        report.spreads_table(summary),
        "",
        report.summary_text(summary),
    )


@contextmanager
def opened(log: Path) -> Iterator[TextIO]:
    """Open a log, whatever bytes are in it; `-` is stdin.

    Raises HotpackError where it cannot be opened.
    """
    if str(log) == "-":
        with open(sys.stdin.fileno(), errors="replace", encoding="utf-8", closefd=False) as stream:
            yield stream
        return
    try:
        stream = log.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise HotpackError(f"the log {log} cannot be read: {error.strerror}") from None
    with stream:
        yield stream


def require_some(invocations: Invocations, where: str) -> None:
    """Raise HotpackError where there is nothing to chart."""
    if not len(invocations):
        broken = f", {invocations.broken:,} broken ones" if invocations.broken else ""
        raise HotpackError(
            f"no REPORT line in {where}: {invocations.skipped:,} other lines{broken}",
            hint="Lambda writes one for each invocation; `hotpack invoke 2>&1 | hotpack chart`",
        )
