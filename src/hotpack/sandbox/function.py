"""What is run: a function's configuration, and the settings of the local Lambda."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hotpack.errors import LimitError
from hotpack.sandbox.enclosure import Escort
from hotpack.sandbox.logs import LogFormat
from hotpack.target import Architecture, Runtime, limits
from hotpack.target.environment import check_environment


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

    log_format: LogFormat = "Text"

    reserved_concurrency: int | None = None
    """How many invocations may run at once; None for what the account has."""

    def __post_init__(self) -> None:
        _check_range("memory_mb", self.memory_mb, limits.MEMORY_MB)
        _check_range("timeout_s", self.timeout_s, limits.TIMEOUT_S)
        _check_range("ephemeral_storage_mb", self.ephemeral_storage_mb, limits.EPHEMERAL_STORAGE_MB)
        if len(self.layers) > limits.LAYERS:
            raise LimitError(
                f"{self.name} has {len(self.layers)} layers; Lambda allows {limits.LAYERS}"
            )
        check_environment(self.environment)

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

    account_concurrency: int = limits.CONCURRENCY

    init_timeout_s: float = limits.INIT_TIMEOUT_S

    full_cpu_in_init: bool = True
    """Whether the init phase has all visible cores whatever the memory. [measured] by others: the
    init of small functions takes as long at 128 as at 1,024 MB. Never so in a suppressed init."""

    enforce_package_size: bool = True

    direct_upload: bool = False
    """Whether a zip that is too large to be uploaded without S3 is an error; it runs as well."""

    retry_delays_s: tuple[float, ...] = (60.0, 120.0)
    """How long after a failure an asynchronous invocation is tried again. Error handling: "Lambda
    attempts to run it two more times, with a one-minute wait before the first two attempts, and
    two minutes between the second and third attempts"."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables put over all others, reserved ones too: credentials, or where S3 is."""

    escort: Escort | None = None
    """What looks at what the function does; it may slow it down."""


def _check_range(name: str, value: int, allowed: tuple[int, int]) -> None:
    least, most = allowed
    if not least <= value <= most:
        raise LimitError(f"{name} is {value}; Lambda allows {least} to {most}")
