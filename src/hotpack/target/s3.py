"""What S3 allows and costs, and how fast Lambda starts environments that read from it."""

from typing import Final

GETS_PER_S: Final = 5_500
"""Best practices design patterns: "at least 3,500 PUT/COPY/POST/DELETE or 5,500 GET/HEAD requests
per second per partitioned prefix"; more is answered with 503 Slow Down until S3 has split the
prefix, which takes minutes."""

GET_USD: Final = 0.0004 / 1000
"""S3 Standard, us-east-1: $0.0004 for 1,000 GET requests, as others quote AWS's price page."""

FIRST_BYTE_S: Final = (0.027, 0.100)
"""p50 and p99 of a GET of 1 KB: 18 to 41 ms and 82 to 129 ms. [measured] by Skyrise."""

STARTS_IN_10_S: Final = 1_000
"""Lambda scaling behavior: "1,000 execution environment instances every 10 seconds" a function."""
