"""What AWS Lambda costs, by region and architecture: each price with its date and its source.

"price list" is AWS's own (service code AWSLambda), which https://aws.amazon.com/lambda/pricing/
shows; read in a copy of 2025-10-28 that names date and SKUs. Only one region was in it. Another's
price is not guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hotpack.target.runtimes import Architecture

MB_PER_GB: Final = 1024


@dataclass(frozen=True, slots=True)
class Price:
    """What one architecture costs in one region, in US dollars.

    Of the first tier, without the free million requests and 400,000 GB-seconds a month.
    """

    region: str
    architecture: Architecture
    gb_second_usd: float
    request_usd: float
    as_of: str
    """The day from which the price was in force when it was read, as YYYY-MM-DD; empty where the
    user gave it."""

    def cost_usd(self, memory_mb: float, billed_ms: float, requests: int = 1) -> float:
        """Return what requests cost that were billed so many milliseconds in all."""
        return self.gb_second_usd * gb_seconds(memory_mb, billed_ms) + self.request_usd * requests


def gb_seconds(memory_mb: float, billed_ms: float) -> float:
    """Return the memory of a function times how long it had it."""
    return memory_mb / MB_PER_GB * billed_ms / 1000


REQUEST_USD: Final = 0.20 / 1e6
"""price list, us-east-1, in force 2025-10-01: "$0.20 per 1 million requests", x86 and Arm."""

DEFAULT_REGION: Final = "us-east-1"

PRICES: Final[Mapping[Architecture, Price]] = {
    # price list, in force 2025-10-01, SKU TG3M4CAGBA3NYQBH, "0 - 6 billion" GB-seconds a month.
    "x86_64": Price(DEFAULT_REGION, "x86_64", 0.0000166667, REQUEST_USD, "2025-10-01"),
    # price list, in force 2025-10-01, SKU 72SBSFWPMDTH8S3J, "0 - 7.5 billion" GB-seconds a month.
    "arm64": Price(DEFAULT_REGION, "arm64", 0.0000133334, REQUEST_USD, "2025-10-01"),
}
"""Of DEFAULT_REGION, the only one whose prices were seen."""


def find_price(region: str, architecture: Architecture) -> Price | None:
    """Return the price in a region; None where none was seen."""
    return PRICES[architecture] if region == DEFAULT_REGION else None
