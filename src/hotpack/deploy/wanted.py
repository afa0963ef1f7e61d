"""What there should be on AWS: a build, and the project's settings."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hotpack.deploy.aws import LocalFile
from hotpack.deploy.facts import Configuration
from hotpack.deploy.keys import code_key, record_key
from hotpack.errors import ConfigError, LimitError
from hotpack.pack import Release
from hotpack.project import Project
from hotpack.target import Architecture, limits
from hotpack.target.environment import check_environment

BUCKET_VARIABLE: Final = "HOTPACK_BUCKET"
"""By it the runtime finds its packs, wherever the build thought they would be."""

_FORMAT: Final = 1
_SNAP_START_SINCE: Final = (3, 12)


@dataclass(frozen=True, slots=True)
class Record:
    """What a release needs of the bucket.

    Its name is the zip's digest, by which Lambda knows every version, whoever published it: so a
    version's packs are found by what Lambda itself says of it.
    """

    code_sha256: str
    package_bytes: int
    packs: tuple[tuple[str, int], ...]
    """Key and size, sorted."""

    project: str
    version: str | None
    """The project's."""

    @property
    def key(self) -> str:
        """Where it is in the bucket."""
        return record_key(self.code_sha256)

    def content(self) -> bytes:
        """Return the record as it is in the bucket."""
        document = {"format": _FORMAT, **asdict(self), "packs": dict(self.packs)}
        return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def parse(cls, content: bytes) -> "Record | None":
        """Return what a record says; None for one that is damaged or of another format."""
        try:
            document: dict[str, Any] = json.loads(content)
            if document["format"] != _FORMAT:
                return None
            return cls(
                document["code_sha256"],
                document["package_bytes"],
                tuple(sorted((str(key), int(size)) for key, size in document["packs"].items())),
                document["project"],
                document["version"],
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function as it should be."""

    project: str
    version: str | None
    """The project's."""

    function: str
    alias: str
    architecture: Architecture
    configuration: Configuration
    """Its `role` is a name or ARN; empty keeps the function's."""

    code: LocalFile
    code_sha256: str
    package_bytes: int
    bucket: str | None
    packs: tuple[LocalFile, ...]

    @property
    def description(self) -> str:
        """Return what its published version is called."""
        return " ".join(filter(None, [self.project, self.version]))

    @property
    def record(self) -> Record:
        """Return what is written down of it in the bucket."""
        packs = tuple(sorted((pack.key, pack.size) for pack in self.packs))
        return Record(self.code_sha256, self.package_bytes, packs, self.project, self.version)


def wanted_of(project: Project, release: Release) -> Wanted:
    """Return what a build should be on AWS, with the project's settings.

    Raises ConfigError for settings that do not go together, and for packs without a bucket.
    """
    config = project.config
    bucket = config.bucket or release.bucket
    packs = tuple(_packs(release))
    if packs and bucket is None:
        raise ConfigError(
            f"{len(packs)} packs belong on S3, and no bucket is named",
            hint="set bucket in [tool.hotpack]; `aws s3 mb s3://NAME` makes one",
        )
    environment = dict(release.environment)
    if packs and bucket and bucket != release.bucket:
        environment[BUCKET_VARIABLE] = bucket
        check_environment(environment)
    code_sha256 = _digest(release.function_zip)
    code = LocalFile(code_key(code_sha256), release.function_zip, release.zip_bytes, "function.zip")
    wanted = Wanted(
        project=project.name,
        version=project.version,
        function=config.function,
        alias=config.alias,
        architecture=release.architecture,
        configuration=Configuration(
            handler=release.handler,
            runtime=release.runtime,
            memory_mb=release.memory_mb,
            ephemeral_storage_mb=release.ephemeral_storage_mb,
            timeout_s=release.timeout_s,
            role=config.role or "",
            snap_start=config.snap_start,
            environment=environment,
        ),
        code=code,
        code_sha256=code_sha256,
        package_bytes=release.package_bytes,
        bucket=bucket,
        packs=packs,
    )
    if config.snap_start:
        _check_snap_start(wanted)
    return wanted


def _packs(release: Release) -> Iterator[LocalFile]:
    if not release.remote_packs:
        return
    manifest = json.loads((release.folder / "manifest.json").read_bytes())
    holds = {pack["key"]: ", ".join(pack["holds"]) for pack in manifest["packs"]}
    for key, name in sorted(release.remote_packs.items()):
        path = release.folder / name
        yield LocalFile(key, path, path.stat().st_size, holds[key])


def _check_snap_start(wanted: Wanted) -> None:
    """Raise ConfigError or LimitError for what SnapStart cannot be with."""
    settings = wanted.configuration
    version = tuple(map(int, settings.runtime.removeprefix("python").split(".")))
    if version < _SNAP_START_SINCE:
        raise ConfigError(
            f"SnapStart is there for python3.12 and newer, not for {settings.runtime}",
            hint="set runtime, or snap_start = false, in [tool.hotpack]",
        )
    least_mb, _ = limits.EPHEMERAL_STORAGE_MB
    if settings.ephemeral_storage_mb > least_mb:
        raise LimitError(
            f"SnapStart goes with a /tmp of at most {least_mb} MB, not of "
            f"{settings.ephemeral_storage_mb:,}",
            hint="lower ephemeral_storage_mb, or set snap_start = false, in [tool.hotpack]",
        )
    if wanted.packs:
        raise ConfigError(
            "SnapStart and packs on S3 do not go together yet",
            hint="pin what is remote to bundled in [tool.hotpack.place], or snap_start = false",
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def total_bytes(files: Sequence[LocalFile]) -> int:
    """Return what files weigh together."""
    return sum(file.size for file in files)
