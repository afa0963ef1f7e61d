"""What there is on AWS, and what there should be, in the same words, so that they compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hotpack.target import Architecture

LATEST: Final = "$LATEST"
"""The version that a deploy changes; the others never change."""

TAG: Final = "hotpack"
"""Of a function that hotpack made, or was told to take over; its value is the project's name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, before and after; of environment variables the names, never the values."""

    setting: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A function's settings, as far as hotpack has a say; it leaves all others alone."""

    handler: str
    runtime: str
    memory_mb: int
    ephemeral_storage_mb: int
    timeout_s: int
    role: str
    """ARN."""

    snap_start: bool
    environment: Mapping[str, str]

    def changes(self, wanted: "Configuration") -> Iterator[Change]:
        """Return what is to change so that it is as wanted."""
        for setting in ("handler", "runtime", "role", "snap_start"):
            before, after = getattr(self, setting), getattr(wanted, setting)
            if before != after:
                yield Change(setting, _said(before), _said(after))
        for setting in ("memory_mb", "ephemeral_storage_mb", "timeout_s"):
            before, after = getattr(self, setting), getattr(wanted, setting)
            if before != after:
                yield Change(setting, f"{before:,}", f"{after:,}")
        for name in sorted({*self.environment, *wanted.environment}):
            before, after = self.environment.get(name), wanted.environment.get(name)
            if before != after:
                yield Change(
                    f"environment.{name}",
                    "not set" if before is None else "set",
                    "not set" if after is None else "set" if before is None else "set otherwise",
                )


def _said(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """A function as it is, or one of its published versions."""

    function: str
    version: str
    """LATEST or a number."""

    arn: str
    code_sha256: str
    """Of the zip, in hex."""

    code_bytes: int
    architecture: Architecture
    configuration: Configuration
    description: str
    modified: str
    """When it was published, or last changed, as Lambda writes it."""

    revision: str | None
    """Changes with every change: who changes a function says which one it has seen."""

    tags: Mapping[str, str] | None
    """Of the function; None where it was only listed, or the credentials may not see them."""

    @property
    def number(self) -> int:
        """Return the version as a number; 0 for LATEST."""
        return 0 if self.version == LATEST else int(self.version)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that points at a version."""

    name: str
    version: str
    revision: str | None
    weights: Mapping[str, float]
    """Other versions that get a share of the invocations."""

    @property
    def versions(self) -> frozenset[str]:
        """Return all versions that it leads to."""
        return frozenset({self.version, *self.weights})


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What the account may have in the region, as `GetAccountSettings` says."""

    unzipped_bytes: int
    direct_upload_bytes: int
    code_storage_bytes: int
    code_stored_bytes: int
    concurrency: int
