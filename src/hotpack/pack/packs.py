"""Puts groups together to packs, and says in the manifest what they hold (docs/pack-format.md)."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from hotpack.errors import ArtifactError
from hotpack.install import File
from hotpack.pack.frames import CompressedDistribution, CompressedGroup, Temperature
from hotpack.target.limits import MIB

FORMAT: Final = 4
KEY_PREFIX: Final = "hotpack/packs/"

_OWN_PACK_BYTES: Final = MIB
"""A distribution of this size has a pack of its own, so that a new version of another one does not
change it; smaller ones share, as each pack costs the runtime a request."""

_BLOCK: Final = 4096
"""What a file's size is rounded up to on disk."""

Where = Literal["bundled", "remote"]


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack, written to a file."""

    name: str
    """SHA-256 of the file."""

    path: Path
    size: int
    placement: Where
    holds: tuple[str, ...]
    """Names of the distributions in it."""

    groups: tuple[tuple[int, CompressedGroup], ...]
    """Each with its place in the pack."""

    @property
    def key(self) -> str:
        """Its key on S3, spread over prefixes: S3 limits the requests for each of them."""
        return f"{KEY_PREFIX}{self.name[:2]}/{self.name}.pack"


@dataclass(frozen=True, slots=True)
class Packing:
    """What is packed, and how the runtime is to restore it."""

    distributions: Sequence[CompressedDistribution]
    warm: Mapping[str, Where]
    """Distribution to where its packs are, of what is not cold."""

    cold: Mapping[str, Where]
    order: Mapping[str, int]
    """Path of a hot file to its place in the order of first use."""

    needs: Mapping[str, Sequence[str]]
    """Path of a library to the libraries that are loaded with it."""

    variables: Mapping[str, str]
    """Variables that name a place in the tree, each with its path there."""


def write_packs(folder: Path, packing: Packing) -> tuple[Pack, ...]:
    """Write the packs into `folder` and return them, those in the function first."""
    packs: dict[tuple[str, Where], Pack] = {}
    for placement in ("bundled", "remote"):
        for cold in (False, True):
            where = packing.cold if cold else packing.warm
            mine = [
                (item.name, groups)
                for item in packing.distributions
                if where[item.name] == placement and (groups := item.groups_of(cold=cold))
            ]
            own = [[item] for item in mine if _size(item[1]) >= _OWN_PACK_BYTES]
            shared = [item for item in mine if _size(item[1]) < _OWN_PACK_BYTES]
            for group in filter(None, [*own, shared]):
                pack = _write(folder, group, placement, packing.order)
                same = packs.get((pack.name, placement))
                packs[pack.name, placement] = _merged(same, pack) if same else pack
    return tuple(packs.values())


def _merged(one: Pack, other: Pack) -> Pack:
    """Return a pack that holds what two of the same bytes hold."""
    return replace(one, holds=one.holds + other.holds, groups=one.groups + other.groups)


def _size(groups: Iterable[CompressedGroup]) -> int:
    return sum(group.packed_bytes for group in groups)


def _write(
    folder: Path,
    distributions: Sequence[tuple[str, Sequence[CompressedGroup]]],
    placement: Where,
    order: Mapping[str, int],
) -> Pack:
    groups = sorted(
        (group for _, mine in distributions for group in mine),
        key=lambda group: _rank(group, order),
    )
    digest = hashlib.sha256()
    beside = folder / "writing.pack"
    placed = []
    with beside.open("wb") as file:
        for group in groups:
            placed.append((file.tell(), group))
            for frame in group.frames:
                content = frame.read()
                digest.update(content)
                file.write(content)
    name = digest.hexdigest()
    path = folder / f"{name}.pack"
    size = beside.stat().st_size
    beside.replace(path)
    holds = tuple(name for name, _ in distributions)
    return Pack(name, path, size, placement, holds, tuple(placed))


def _rank(group: CompressedGroup, order: Mapping[str, int]) -> tuple[int, int]:
    """Return what groups are sorted by: the earlier it is needed, the smaller.

    Groups that rank the same stay in the order in which they were.
    """
    first, _ = group.files[0]
    return group.temperature, order.get(first.path, 0)


def manifest(packs: Sequence[Pack], packing: Packing, *, bucket: str | None, cold: str) -> bytes:
    """Return the manifest of the packs, as docs/pack-format.md has it."""
    groups = sorted(_placed_groups(packs), key=lambda item: _rank(item[2], packing.order))
    files = [(index, *item) for index, (_, _, group) in enumerate(groups) for item in group.files]
    folders = _folders(files)
    places = {folder: place for place, folder in enumerate(folders)}
    paths = {file.path for _, file, _ in files}
    content: dict[str, Any] = {
        "format": FORMAT,
        "packs": [
            {
                "name": pack.name,
                "size": pack.size,
                "key": pack.key if pack.placement == "remote" else None,
                "holds": pack.holds,
            }
            for pack in packs
        ],
        "groups": [
            [
                *(pack, offset, int(group.is_bytecode)),
                [[frame.size, frame.raw_size, frame.sha256] for frame in group.frames],
                sorted({places[_folder(file.path)] for file, _ in group.files}),
            ]
            for pack, offset, group in groups
        ],
        "counts": [
            sum(group.temperature <= temperature for _, _, group in groups)
            for temperature in (Temperature.HOT, Temperature.LUKEWARM)
        ],
        "folders": folders,
        "needs": {
            path: sorted(paths.intersection(libraries))
            for path, libraries in packing.needs.items()
            if path in paths and paths.intersection(libraries)
        },
        "variables": dict(packing.variables),
        "disk_bytes": sum(-(-file.size // _BLOCK) * _BLOCK for _, file, _ in files),
    }
    tree = hashlib.sha256(_json(content)).hexdigest()
    return seal({**content, "tree": tree, "bucket": bucket, "cold": cold})


def seal(document: Mapping[str, Any]) -> bytes:
    """Return a manifest with its own digest at its end, so that no byte of it changes unseen."""
    text = _json(document)[:-1]
    return text + b',"sha256":"' + hashlib.sha256(text).hexdigest().encode() + b'"}'


def _placed_groups(packs: Sequence[Pack]) -> Iterator[tuple[int, int, CompressedGroup]]:
    """Yield every group with its pack's index and its place in the pack."""
    for index, pack in enumerate(packs):
        for offset, group in pack.groups:
            yield index, offset, group


def _folders(files: Iterable[tuple[int, File, int]]) -> dict[str, str]:
    """Return every folder, sorted, with its files: a line each, which is read when it is needed."""
    lines: dict[str, list[str]] = {"": []}
    for index, file, start in sorted(files, key=lambda item: item[1].path):
        folder = _folder(file.path)
        for end, letter in enumerate(folder):
            if letter == "/":
                lines.setdefault(folder[:end], [])
        name = file.path.rpartition("/")[2]
        if "\n" in file.path:
            raise ArtifactError(f"{file.path!r} cannot be packed: it has a line break in its name")
        line = f"{index} {start} {file.size} {int(file.executable)} {name}"
        lines.setdefault(folder, []).append(line)
    return {folder: "\n".join(lines[folder]) for folder in sorted(lines)}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
