"""What the distributions weigh, for the planner: exactly once they are compressed, else about."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from hotpack.install import File, Kind
from hotpack.layout import Arranged, Basis, Share, Weight
from hotpack.pack.frames import CompressedDistribution, CompressedGroup, Temperature

_BLOCK: Final = 4096
"""What a file's size is rounded up to on disk."""

_TYPICAL: Final = 0.3
"""Of what files weigh raw, in packs: spacy's hot ones 0.33, tensorflow's 0.21 (measured)."""


def weigh_packed(
    distribution: CompressedDistribution, files: Iterable[File], *, basis: Basis
) -> Weight:
    """Return what a distribution weighs, compressed as it would be shipped.

    Without a profile, what counts as native is restored to be safe, and perhaps read by nobody: as
    what is lukewarm, it takes time in packs and none raw.
    """
    parts: dict[str, list[CompressedGroup]] = defaultdict(list)
    for group in distribution.groups:
        parts[_part(group, basis)].append(group)
    return Weight(
        distribution.name,
        _share(parts["modules"]),
        _share(parts["hot"]),
        _share(parts["lukewarm"]),
        _share(parts["cold"]),
        _restored_bytes(files),
    )


def _part(group: CompressedGroup, basis: Basis) -> str:
    match group.temperature:
        case Temperature.NATIVE if basis == "imports":
            return "lukewarm"
        case Temperature.NATIVE | Temperature.HOT:
            return "modules" if group.is_bytecode else "hot"
        case Temperature.LUKEWARM:
            return "lukewarm"
        case Temperature.COLD:
            return "cold"


def weigh_raw(name: str, arranged: Arranged) -> Weight:
    """Return what a distribution weighs, and would compressed if it is as most are."""
    return Weight(
        name,
        _estimate([file for file in arranged.hot if file.kind is Kind.BYTECODE]),
        _estimate([file for file in arranged.hot if file.kind is not Kind.BYTECODE]),
        _estimate(arranged.lukewarm),
        _estimate(arranged.cold),
        _restored_bytes([*arranged.hot, *arranged.lukewarm, *arranged.cold]),
    )


def _share(groups: Sequence[CompressedGroup]) -> Share:
    sizes = [file.size for group in groups for file, _ in group.files]
    return Share(len(sizes), sum(sizes), sum(group.packed_bytes for group in groups))


def _estimate(files: Sequence[File]) -> Share:
    raw_bytes = sum(file.size for file in files)
    return Share(len(files), raw_bytes, round(raw_bytes * _TYPICAL))


def _restored_bytes(files: Iterable[File]) -> int:
    return sum(-(-file.size // _BLOCK) * _BLOCK for file in files)
