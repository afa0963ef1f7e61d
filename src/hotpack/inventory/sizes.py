"""What every distribution weighs: installed, slimmed and packed. A build keeps a record of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from hotpack.errors import ArtifactError
from hotpack.install import Tree
from hotpack.project import Placement
from hotpack.target import Target

RECORD: Final = "sizes.json"
"""The record's name in a build's folder."""

_FORMAT: Final = 1
_BUILD: Final = (RECORD, f"build/{RECORD}", f".hotpack/build/{RECORD}")


@dataclass(frozen=True, slots=True)
class DistributionSizes:
    """What one distribution weighs."""

    distribution: str
    version: str
    installed_bytes: int
    slimmed_bytes: int
    """0 where slimming left nothing of it."""

    packed_bytes: int | None = None
    """Compressed; None where it was not compressed."""

    placement: Placement | None = None
    """None where nothing was planned."""

    hot_bytes: int | None = None
    """What a cold start uses of it, slimmed; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a function's parts weigh; the distributions sorted by name."""

    target: str
    """E.g. `python3.13 on arm64`."""

    code_bytes: int
    """The project's own files, without bytecode."""

    distributions: tuple[DistributionSizes, ...]

    @property
    def installed_bytes(self) -> int:
        """What all distributions weigh as they are installed."""
        return sum(item.installed_bytes for item in self.distributions)

    @property
    def slimmed_bytes(self) -> int:
        """What all distributions weigh slimmed."""
        return sum(item.slimmed_bytes for item in self.distributions)

    @property
    def packed_bytes(self) -> int | None:
        """What all distributions weigh compressed; None where one was not compressed."""
        sizes = [item.packed_bytes for item in self.distributions]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def hot_bytes(self) -> int | None:
        """What a cold start uses of all distributions; None where nobody asked."""
        sizes = [item.hot_bytes for item in self.distributions]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def total_bytes(self) -> int:
        """What a function of it weighs where all is raw."""
        return self.slimmed_bytes + self.code_bytes

    @classmethod
    def of(
        cls,
        target: Target,
        installed: Tree,
        slimmed: Tree,
        *,
        code_bytes: int,
        packed: Mapping[str, int | None],
        placements: Mapping[str, Placement],
        hot: Mapping[str, int],
    ) -> Self:
        """Return the sizes of trees; `packed`, `placements` and `hot` are by distribution.

        `packed` and `hot` may be empty: then nobody asked.
        """
        before, after = installed.bytes_by_distribution(), slimmed.bytes_by_distribution()
        nothing = {name: 0 for name in before if not after.get(name)}
        packed = {**nothing, **packed} if packed else {}
        hot = {**nothing, **hot} if hot else {}
        rows = (
            DistributionSizes(
                item.name,
                item.version,
                before[item.name],
                after.get(item.name, 0),
                packed.get(item.name),
                placements.get(item.name),
                hot.get(item.name),
            )
            for item in installed.distributions
        )
        return cls(str(target), code_bytes, tuple(rows))

    def document(self) -> dict[str, Any]:
        """Return the record of a build, which `hotpack sizes --json` prints with more in it."""
        return {"format": _FORMAT, **asdict(self)}

    def record(self) -> bytes:
        """Return the record as a build keeps it."""
        return (json.dumps(self.document(), indent=2) + "\n").encode()


def read_sizes(place: Path) -> Sizes:
    """Return the sizes that were recorded in a place.

    It is a project's folder, a build's folder, the `release.json` in one, a record, or what
    `hotpack sizes --json` printed.

    Raises ArtifactError where there is no record, or one of another format.
    """
    hint = "a record is in every build: run `hotpack build` there, or keep `hotpack sizes --json`"
    path = _find(place)
    if path is None:
        raise ArtifactError(f"{place} has no record of sizes", hint=hint)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise ArtifactError(f"{path} was written by another version of hotpack", hint=hint)
        rows = [
            {key: row[key] for key in DistributionSizes.__dataclass_fields__ if key in row}
            for row in document["distributions"]
        ]
        return Sizes(
            document["target"],
            document["code_bytes"],
            tuple(DistributionSizes(**row) for row in rows),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is no record of sizes: {error!r}", hint=hint) from None


def _find(place: Path) -> Path | None:
    if place.name == "release.json":
        place = place.parent
    if place.is_file():
        return place
    return next((place / name for name in _BUILD if (place / name).is_file()), None)
