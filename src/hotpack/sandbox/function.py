"""What is run: a function's configuration, and the settings of the local Lambda."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotpack.errors import ConfigError, LimitError
from hotpack.target import Architecture, Runtime, limits

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

_VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
"""The pattern of the API's EnvironmentVariableName."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as `CreateFunction` would be told of it.

    Raises ConfigError or LimitError for what Lambda would refuse. The size of the package is not
    looked at here but where the package is opened.
    """

    handler: str
    """As Lambda writes it: `module.function`."""

    runtime: Runtime
    architecture: Architecture

    code: Path
    """A function.zip, or a folder that holds what would be in it."""

    layers: tuple[Path, ...] = ()
    """Zips, in the order in which they are put over each other in /opt."""

    name: str = "function"
    memory_mb: int = 1769
    timeout_s: int = 30
    ephemeral_storage_mb: int = 512

    environment: Mapping[str, str] = field(default_factory=dict)
    """The user's own variables."""

    def __post_init__(self) -> None:
        _check_range("memory_mb", self.memory_mb, limits.MEMORY_MB)
        _check_range("timeout_s", self.timeout_s, limits.TIMEOUT_S)
        _check_range("ephemeral_storage_mb", self.ephemeral_storage_mb, limits.EPHEMERAL_STORAGE_MB)
        if len(self.layers) > limits.LAYERS:
            raise LimitError(
                f"{self.name} has {len(self.layers)} layers; Lambda allows {limits.LAYERS}"
            )
        _check_environment(self.environment)

    def arn(self, settings: "Settings") -> str:
        """Return its name as AWS writes it in full."""
        return f"arn:aws:lambda:{settings.region}:{settings.account_id}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What AWS does not promise, or leaves to the account: settings of the local Lambda."""

    region: str = "us-east-1"
    account_id: str = "123456789012"

    idle_life_s: float = 300.0
    """How long an idle sandbox is kept. AWS publishes nothing: between 5 and 60 minutes were
    measured."""

    init_timeout_s: float = limits.INIT_TIMEOUT_S
    enforce_package_size: bool = True

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables put over all others, reserved ones too: credentials, or where S3 is."""


def _check_range(name: str, value: int, allowed: tuple[int, int]) -> None:
    least, most = allowed
    if not least <= value <= most:
        raise LimitError(f"{name} is {value}; Lambda allows {least} to {most}")


def _check_environment(environment: Mapping[str, str]) -> None:
    reserved = sorted(RESERVED.intersection(environment))
    if reserved:
        raise ConfigError(
            f"environment variables that Lambda reserves cannot be set: {', '.join(reserved)}",
            hint="rename them, or remove them from the function's environment",
        )
    for name, value in environment.items():
        if not _VARIABLE_NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name of an environment variable for Lambda",
                hint="a letter, then letters, digits and underscores; two characters at least",
            )
        if "\0" in value:
            raise ConfigError(f"the value of the environment variable {name} holds a NUL")
    size_bytes = sum(len(k.encode()) + len(v.encode()) for k, v in environment.items())
    if size_bytes > limits.ENVIRONMENT_BYTES:
        raise LimitError(
            f"the environment variables hold {size_bytes} bytes; Lambda allows "
            f"{limits.ENVIRONMENT_BYTES} in all",
            hint="keep long values in a file of the package, in S3 or in Parameter Store",
        )
