"""`hotpack chart`."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TextIO

import click

from hotpack.cache import write_atomic
from hotpack.cli.console import Talk, print_json, show
from hotpack.cli.options import json_option
from hotpack.cli.prices import price_of, price_option
from hotpack.deploy import open_session
from hotpack.deploy.aws.log_events import log_events
from hotpack.errors import HotpackError
from hotpack.measure.durations import Invocations, events_of, read_invocations
from hotpack.measure.summary import summarize
from hotpack.progress import Progress
from hotpack.report import chart as report
from hotpack.report.chart_page import chart_page
from hotpack.target import ARCHITECTURES, Architecture

if TYPE_CHECKING:
    import boto3

_SINCE_S: Final = 3 * 3600.0


class _Span(click.ParamType):  # type: ignore[type-arg]
    """A span of time, in seconds."""

    name = "SPAN"
    units: ClassVar = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        match = re.fullmatch(r"(\d{1,6})([mhdw])", str(value))
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is no span such as 30m, 3h, 2d or 1w", param, ctx)
        return float(int(match[1]) * self.units[match[2]])


@click.command(
    epilog="""\b
Examples:
  hotpack chart function.log
  hotpack invoke --repeat 20 2>&1 | hotpack chart
  aws logs tail /aws/lambda/greeter --since 3h | hotpack chart --html chart.html
  hotpack chart function.log --json | jq '.cold_share'
  hotpack chart --function greeter --since 3h
"""
)
@click.argument("log", type=click.Path(path_type=Path, allow_dash=True), required=False)
@click.option("--function", metavar="NAME", help="Read the log of a function on AWS.")
@click.option("--log-group", metavar="NAME", help="Where it logs.  [default: /aws/lambda/NAME]")
@click.option("--since", type=_Span(), help="How far back, as 30m, 3h or 2d.  [default: 3h]")
@click.option("--profile", help="As the AWS CLI has it.")
@click.option(
    "--region", help="Of the function, and of the price.  [default: as the AWS CLI; us-east-1]"
)
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
    log: Path | None,
    function: str | None,
    log_group: str | None,
    since: float | None,
    profile: str | None,
    region: str | None,
    architecture: Architecture,
    price_usd: float | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Chart durations over time, from REPORT lines.

    Reads a LOG, or stdin, in Lambda's text or JSON format, whatever else is in it: what the local
    Lambda prints, what `aws logs tail` prints. Or reads CloudWatch. Cold starts, percentiles,
    timeouts, crashes, cost.
    """
    talk = Talk()
    if function or log_group:
        if log:
            raise click.UsageError("either a LOG, or --function and --log-group")
        name = log_group or f"/aws/lambda/{function}"
        session = open_session(region, profile)
        region = session.region_name
        invocations = read_group(session, name, since or _SINCE_S, talk)
    else:
        if since or profile:
            raise click.UsageError("--since and --profile are for --function")
        name = str(log) if log and str(log) != "-" else "stdin"
        with opened(log) as stream:
            invocations = read_invocations(events_of(stream))
    require_some(invocations, name)
    price = price_of(region, architecture, price_usd, talk)
    summary = summarize(invocations, price)
    if html:
        write_atomic(html.absolute(), chart_page(name, invocations, summary).encode())
        click.echo(f"wrote {html}", err=True)
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


def read_group(
    session: "boto3.Session", group: str, since_s: float, progress: Progress
) -> Invocations:
    """Return what was logged on AWS in the last seconds."""
    now_s = time.time()
    with progress.task(f"read {group}", None, "lines"):
        return read_invocations(log_events(session, group, now_s - since_s, now_s))


@contextmanager
def opened(log: Path | None) -> Iterator[TextIO]:
    """Open a log, whatever bytes are in it; `-` and None are stdin.

    Raises HotpackError where it cannot be opened.
    """
    if log is None or str(log) == "-":
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
