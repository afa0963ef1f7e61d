"""What Lambda allows as a function's environment variables."""

import re
from collections.abc import Mapping
from typing import Final

from hotpack.errors import ConfigError, LimitError
from hotpack.target.limits import ENVIRONMENT_BYTES

TASK_ROOT: Final = "/var/task"
"""Where a function's own files are."""

RESERVED: Final = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved environment
variables"."""

_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
"""The pattern of the API's EnvironmentVariableName."""


def check_environment(environment: Mapping[str, str]) -> None:
    """Raise ConfigError or LimitError for variables that Lambda would refuse."""
    reserved = sorted(RESERVED.intersection(environment))
    if reserved:
        raise ConfigError(
            f"environment variables that Lambda reserves cannot be set: {', '.join(reserved)}",
            hint="rename them, or remove them from the function's environment",
        )
    for name, value in environment.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name of an environment variable for Lambda",
                hint="a letter, then letters, digits and underscores; two characters at least",
            )
        if "\0" in value:
            raise ConfigError(f"the value of the environment variable {name} holds a NUL")
    size_bytes = sum(len(k.encode()) + len(v.encode()) for k, v in environment.items())
    if size_bytes > ENVIRONMENT_BYTES:
        raise LimitError(
            f"the environment variables hold {size_bytes} bytes; Lambda allows "
            f"{ENVIRONMENT_BYTES} in all",
            hint="keep long values in a file of the package, in S3 or in Parameter Store",
        )
