"""The modules that are there in every function, whatever is installed."""

import sys
from typing import Final

STANDARD: Final = sys.stdlib_module_names | {"annotationlib", "compression"}
"""Of the running Python, and what Python 3.14 has more: near enough to the target's own."""

RUNTIME: Final = frozenset(
    {
        "awslambdaric",
        "boto3",
        "botocore",
        "dateutil",
        "jmespath",
        "s3transfer",
        "simplejson",
        "six",
        "snapshot_restore_py",
        "urllib3",
    }
)
"""What Lambda's runtimes have beside it: their client and the SDK, with what these require."""
