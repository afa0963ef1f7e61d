"""The one tree of what can go wrong, each a sentence for people and a hint.

HotpackError
├── ConfigError          [tool.hotpack] or what it names is not usable
├── DependencyError      the dependencies cannot be had for the target
│   ├── NoWheelError     a package has no wheel that the target can run
│   ├── IndexUnreachableError  the package index cannot be reached
│   └── PythonMismatchError  the project is not for the Python that uv was given
├── LimitError           the result would pass a limit of AWS Lambda
│   └── ThrottledError   more invocations at once than the function may have
├── ArtifactError        a built artifact is missing or not what it should be
├── SandboxError         the local Lambda cannot run the function
├── CacheInUseError      the cache cannot be pruned while another command uses it
└── AwsError             AWS refuses, cannot be reached, or holds something else than expected
    └── ConflictError    somebody else changes the same function at this moment
"""


class HotpackError(Exception):
    """Base of all errors that a user can do something about.

    Attributes:
        message: what happened, with the name of the thing, its size and the limit.
        hint: what to do about it, or None.

    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(HotpackError):
    """The project's configuration, or a file that it names, is not usable."""


class DependencyError(HotpackError):
    """The dependencies cannot be resolved or installed for the target."""


class NoWheelError(DependencyError):
    """A package has no wheel that the target can run."""


class IndexUnreachableError(DependencyError):
    """The package index cannot be reached."""


class PythonMismatchError(DependencyError):
    """The project is not for the Python that uv was given."""


class LimitError(HotpackError):
    """The result would pass a limit of AWS Lambda."""


class ThrottledError(LimitError):
    """More invocations at once than the function may have.

    Attributes:
        reason: which concurrency was reached, as Lambda names it.

    """

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.", hint="invoke it again when one has ended")
        self.reason = reason


class ArtifactError(HotpackError):
    """A built artifact is missing, damaged, or of another format."""


class SandboxError(HotpackError):
    """The local Lambda cannot run the function."""


class CacheInUseError(HotpackError):
    """The cache cannot be pruned while another command uses it."""


class AwsError(HotpackError):
    """AWS refuses, cannot be reached, or holds something else than expected."""


class ConflictError(AwsError):
    """Somebody else changes the same function at this moment."""
