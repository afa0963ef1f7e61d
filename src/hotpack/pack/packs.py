"""Puts frames together to packs, and says in the manifest what they hold (docs/pack-format.md)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hotpack.pack.frames import CompressedDistribution, Frame
from hotpack.project import Placement
from hotpack.target.limits import MIB

FORMAT: Final = 1
KEY_PREFIX: Final = "hotpack/packs/"

_OWN_PACK_BYTES: Final = MIB
"""A distribution of this size has a pack of its own, so that a new version of another one does not
change it; smaller ones share, as each pack costs the runtime a request."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack, written to a file."""

    name: str
    """SHA-256 of the file."""

    path: Path
    size: int
    placement: Placement
    distributions: tuple[CompressedDistribution, ...]

    @property
    def key(self) -> str:
        """Its key on S3, spread over prefixes: S3 limits the requests for each of them."""
        return f"{KEY_PREFIX}{self.name[:2]}/{self.name}.pack"

    @property
    def holds(self) -> list[str]:
        """Names of the distributions in it."""
        return [item.name for item in self.distributions]


def write_packs(
    folder: Path, compressed: Sequence[CompressedDistribution], placements: Mapping[str, Placement]
) -> tuple[Pack, ...]:
    """Write the packs into `folder` and return them, those in the function first."""
    packs = []
    for placement in ("bundled", "remote"):
        mine = [item for item in compressed if placements[item.name] == placement]
        own = [[item] for item in mine if item.packed_bytes >= _OWN_PACK_BYTES]
        shared = [item for item in mine if item.packed_bytes < _OWN_PACK_BYTES]
        packs += [_write(folder, group, placement) for group in [*own, shared] if group]
    return tuple(packs)


def _write(folder: Path, group: list[CompressedDistribution], placement: Placement) -> Pack:
    digest = hashlib.sha256()
    beside = folder / "writing.pack"
    with beside.open("wb") as file:
        for frame in _frames(group):
            content = frame.read()
            digest.update(content)
            file.write(content)
    name = digest.hexdigest()
    path = folder / f"{name}.pack"
    size = beside.stat().st_size
    beside.replace(path)
    return Pack(name, path, size, placement, tuple(group))


def _frames(distributions: Iterable[CompressedDistribution]) -> list[Frame]:
    return [frame for item in distributions for frame in item.frames]


def manifest(packs: Sequence[Pack], handler: str, bucket: str | None) -> bytes:
    """Return the manifest of the packs, as docs/pack-format.md has it."""
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
        "frames": _frame_rows(packs),
        "files": _file_rows(packs),
    }
    tree = hashlib.sha256(_json(content)).hexdigest()
    return _json({**content, "tree": tree, "handler": handler, "bucket": bucket})


def _frame_rows(packs: Sequence[Pack]) -> list[list[int | str]]:
    rows: list[list[int | str]] = []
    for index, pack in enumerate(packs):
        offset = 0
        for frame in _frames(pack.distributions):
            rows.append([index, offset, frame.size, frame.raw_size, frame.sha256])
            offset += frame.size
    return rows


def _file_rows(packs: Sequence[Pack]) -> list[list[int | str | bool]]:
    rows: list[list[int | str | bool]] = []
    start = 0
    for pack in packs:
        for distribution in pack.distributions:
            starts: dict[str, int] = {}
            for file in distribution.stored:
                starts[file.sha256] = start
                start += file.size
            files = sorted(distribution.files, key=lambda f: (starts[f.sha256], f.size))
            rows += [[f.path, starts[f.sha256], f.size, f.executable] for f in files]
    return rows


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
