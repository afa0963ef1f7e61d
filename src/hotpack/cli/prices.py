"""The price that costs are told at: AWS's list price, or the user's own."""

import click

from hotpack.cli.options import Command, FiniteRange
from hotpack.progress import Progress
from hotpack.target import Architecture
from hotpack.target.prices import DEFAULT_REGION, Price, default_price, find_price


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
    listed = find_price(region, architecture)
    price = listed or default_price(architecture)
    if price_usd is not None:
        return Price(region, architecture, price_usd, price.request_usd, as_of="", source="")
    if listed is not None:
        return listed
    progress.warn(
        f"the price of {region} is not known here: costs are those of {DEFAULT_REGION}, "
        f"${price.gb_second_usd:.10f} a GB-second",
        hint="name what a GB-second costs with --price; "
        "https://aws.amazon.com/lambda/pricing/ shows it",
    )
    return price
