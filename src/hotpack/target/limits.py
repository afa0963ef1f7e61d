"""The limits of AWS Lambda, each with the words or the page that it comes from.

"quotas" is https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from typing import Final

MIB: Final = 1024 * 1024

UNZIPPED_BYTES: Final = 262_144_000
"""quotas: "250 MB: the maximum size of the contents of a deployment package, including layers
and custom runtimes (unzipped)"; the number is the one in Lambda's own error text."""

DIRECT_UPLOAD_BYTES: Final = 50 * MIB
"""quotas: "50 MB (zipped, when uploaded through the Lambda API or SDKs)"; larger goes by S3."""

LAYERS: Final = 5
"""quotas: "Function layers: five layers"."""

ENVIRONMENT_BYTES: Final = 4 * 1024
"""quotas: "4 KB, for all environment variables associated with the function, in aggregate"."""

MEMORY_MB: Final = (128, 10_240)
"""quotas: "128 MB to 10,240 MB, in 1-MB increments"."""

EPHEMERAL_STORAGE_MB: Final = (512, 10_240)
"""quotas: "/tmp directory storage: between 512 MB and 10,240 MB, in 1-MB increments"."""

TIMEOUT_S: Final = (1, 900)
"""quotas: "Function timeout: 900 seconds (15 minutes)"."""

INIT_TIMEOUT_S: Final = 10.0
"""Execution environment lifecycle: "The Init phase is limited to 10 seconds. If all three tasks
do not complete within 10 seconds, Lambda retries the Init phase at the time of the first function
invocation with the configured function timeout."."""

PAYLOAD_BYTES: Final = 6 * MIB + 100
"""quotas: "6 MB each for request and response (synchronous)"; the exact number, 6,291,556, is in
the error text of the Runtime Interface Emulator."""


ASYNC_PAYLOAD_BYTES: Final = 1024 * 1024
"""quotas: "1 MB for an asynchronous request"."""

OPEN_FILES: Final = 1024
"""quotas: "File descriptors: 1,024"."""

PROCESSES: Final = 1024
"""quotas: "Execution processes/threads: 1,024"."""

CONCURRENCY: Final = 1000
"""quotas: "Concurrent executions: 1,000", for an account that did not ask for more."""

MB_PER_VCPU: Final = 1769
"""Configure Lambda function memory: "At 1,769 MB, a function has the equivalent of one vCPU"."""

INIT_VCPUS: Final = 2.0
"""CPU time in the init phase, whatever the memory: [measured] by lambda-perf, whose functions of
128 and of 1,024 MB take the same median init."""

CPU_PERIOD_US: Final = 20_000
"""In which the CPU quota is given out. [measured] by others from inside functions; AWS publishes
nothing."""

_CORES_UP_TO_MB: Final = ((3008, 2), (5307, 3), (7076, 4), (8845, 5))
"""Cores that a function sees, by the most memory that still has so few; 6 above. [measured]"""


def vcpus(memory_mb: int) -> float:
    """Return the share of CPU time that a function of this memory has in its invocations."""
    return memory_mb / MB_PER_VCPU


def visible_cores(memory_mb: int) -> int:
    """Return how many cores a function of this memory sees."""
    return next((cores for most_mb, cores in _CORES_UP_TO_MB if memory_mb <= most_mb), 6)


def direct_upload_message(operation: str) -> str:
    """Return the sentence that Lambda answers with when a zip is over DIRECT_UPLOAD_BYTES.

    The number is that of the request, which carries the zip in base64.
    """
    return (
        f"Request must be smaller than {-(-DIRECT_UPLOAD_BYTES * 4 // 3)} bytes for the "
        f"{operation} operation"
    )


def over_size_message(unzipped_bytes: int, *, layers: bool) -> str:
    """Return the sentence that Lambda answers with when the package is over UNZIPPED_BYTES."""
    if layers:
        return (
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_BYTES} bytes. The actual size is {unzipped_bytes} bytes."
        )
    return f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes"
