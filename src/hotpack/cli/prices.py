"""The price that costs are told at: AWS's list price, or the user's own."""

import click

from hotpack.cli.options import Command, FiniteRange
from hotpack.progress import Progress
from hotpack.target import Architecture
from hotpack.target.prices import DEFAULT_REGION, PRICES, REQUEST_USD, Price, find_price


def price_option(command: Command) -> Command:
    """Add `--price`."""
    return click.option(
        "--price",
        "price_usd",
        type=FiniteRange(min=0),
        metavar="USD",
        help="Of a GB-second, where you pay another than AWS's list price.",
    )(command)


def price_of(
    region: str | None, architecture: Architecture, price_usd: float | None, progress: Progress
) -> Price:
    """Return the price to use, and say so where it is another region's."""
    region = region or DEFAULT_REGION
    if price_usd is not None:
        return Price(region, architecture, price_usd, REQUEST_USD, as_of="")
    if (listed := find_price(region, architecture)) is not None:
        return listed
    progress.warn(
        f"the price of {region} is not known here: costs are those of {DEFAULT_REGION}",
        hint="name what a GB-second costs with --price; "
        "https://aws.amazon.com/lambda/pricing/ shows it",
    )
    return PRICES[architecture]
