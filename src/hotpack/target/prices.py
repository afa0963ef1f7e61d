"""What AWS Lambda costs, by region and architecture: each price with its day and its source.

All are of AWS's own calculator, https://calculator.aws/pricing/2.0/meteredUnitMaps/lambda/USD/
current/lambda.json, in the copy with rate codes that npm's @remotion/lambda-client 4.0.527 has, a
package of SEEN_ON; that copy does not say of which day it is itself. us-east-1 and the dearest
regions are the same in copies of AWS's Price List (AWSLambda) in force 2025-10-01 and published
2026-09-19. A region that is not there has no price here: none is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hotpack.target.runtimes import Architecture

MB_PER_GB: Final = 1024

SEEN_ON: Final = "2026-09-22"
"""When the package that the prices were read in was published."""

SOURCE: Final = "AWS's calculator, as copied in npm's @remotion/lambda-client 4.0.527"

DEFAULT_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """What one architecture costs in one region, in US dollars.

    Of the first tier (6 billion GB-seconds a month of x86_64, 7.5 billion of arm64), without the
    free million requests and 400,000 GB-seconds a month.
    """

    region: str
    architecture: Architecture
    gb_second_usd: float
    request_usd: float
    as_of: str = SEEN_ON
    """The day on which the price was seen, as YYYY-MM-DD; empty where the user gave it."""

    source: str = SOURCE
    """Where it was seen; empty where the user gave it."""

    def cost_usd(self, memory_mb: float, billed_ms: float, requests: int = 1) -> float:
        """Return what requests cost that were billed so many milliseconds in all."""
        return self.gb_second_usd * gb_seconds(memory_mb, billed_ms) + self.request_usd * requests


def gb_seconds(memory_mb: float, billed_ms: float) -> float:
    """Return the memory of a function times how long it had it."""
    return memory_mb / MB_PER_GB * billed_ms / 1000


_USUAL: Final = (0.0000166667, 0.0000133334, 0.20)
_RATES: Final[Mapping[str, tuple[float, float, float]]] = {
    "af-south-1": (0.0000221000, 0.0000176800, 0.27),
    "ap-east-1": (0.0000229200, 0.0000183000, 0.28),
    "ap-northeast-1": _USUAL,
    "ap-northeast-2": _USUAL,
    "ap-northeast-3": _USUAL,
    "ap-south-1": _USUAL,
    "ap-southeast-1": _USUAL,
    "ap-southeast-2": _USUAL,
    "ap-southeast-4": _USUAL,
    "ap-southeast-5": (0.0000150000, 0.0000120000, 0.18),
    "ca-central-1": _USUAL,
    "eu-central-1": _USUAL,
    "eu-central-2": (0.0000183334, 0.0000146667, 0.22),
    "eu-north-1": _USUAL,
    "eu-south-1": (0.0000195172, 0.0000156138, 0.23),
    "eu-west-1": _USUAL,
    "eu-west-2": _USUAL,
    "eu-west-3": _USUAL,
    "me-south-1": (0.0000206667, 0.0000165334, 0.25),
    "sa-east-1": _USUAL,
    "us-east-1": _USUAL,
    "us-east-2": _USUAL,
    "us-west-1": _USUAL,
    "us-west-2": _USUAL,
}
"""A GB-second of x86_64, of arm64, and a million requests, which cost the same on both."""


def find_price(region: str, architecture: Architecture) -> Price | None:
    """Return the price in a region; None where none was seen."""
    return _price(region, architecture, _RATES[region]) if region in _RATES else None


def default_price(architecture: Architecture) -> Price:
    """Return the price of DEFAULT_REGION, which most regions have."""
    return _price(DEFAULT_REGION, architecture, _RATES[DEFAULT_REGION])


def _price(region: str, architecture: Architecture, rates: tuple[float, float, float]) -> Price:
    x86_64, arm64, million_usd = rates
    return Price(
        region, architecture, arm64 if architecture == "arm64" else x86_64, million_usd / 1e6
    )
