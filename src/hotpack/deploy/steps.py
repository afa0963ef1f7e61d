"""The steps that a plan is made of: what is done, and nothing of how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotpack.deploy.aws import LocalFile
from hotpack.deploy.facts import Change, Configuration


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Write down what the release needs of the bucket; from then on gc leaves it alone."""

    key: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """Upload files that are not there yet, or, with `replace`, that are there damaged."""

    files: tuple[LocalFile, ...]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class CreateRole:
    """Make a role that Lambda may run with."""

    name: str
    trust: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PutRolePolicy:
    """Allow a role what the function needs."""

    name: str
    policy: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """Make the function, with code and settings."""

    name: str
    code: LocalFile
    bucket: str | None
    """Where Lambda takes the code from; None: it is sent along."""

    architecture: str
    configuration: Configuration
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TagFunction:
    """Mark a function as one that hotpack deploys."""

    name: str
    arn: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UpdateCode:
    """Give the function other code."""

    name: str
    code: LocalFile
    bucket: str | None
    architecture: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Give the function other settings."""

    name: str
    configuration: Configuration
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish a version of the function, if it is what this plan made of it."""

    name: str
    code_sha256: str
    configuration: Configuration
    description: str


@dataclass(frozen=True, slots=True)
class CheckPacks:
    """Look once more whether all packs are there: gc may have run since the plan was made."""

    packs: tuple[LocalFile, ...]


@dataclass(frozen=True, slots=True)
class PointAlias:
    """Make an alias, or move it: from here on the release is live."""

    function: str
    alias: str
    before: str | None
    """The version that it points at; None where there is no such alias."""

    to: str | None
    """None: the version that was published before in the plan."""

    revision: str | None


@dataclass(frozen=True, slots=True)
class DeleteVersion:
    """Delete a published version that no alias leads to."""

    function: str
    version: str


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    """Delete what nothing needs any more from the bucket."""

    bucket: str
    keys: tuple[str, ...]
    size_bytes: int


Step = (
    WriteRecord
    | Upload
    | CreateRole
    | PutRolePolicy
    | CreateFunction
    | TagFunction
    | UpdateCode
    | Configure
    | Publish
    | CheckPacks
    | PointAlias
    | DeleteVersion
    | DeleteObjects
)
