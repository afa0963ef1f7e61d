"""Plans the layout: sizes, pins and limits in, the placement of every distribution out. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hotpack.errors import ConfigError, LimitError
from hotpack.progress import mb
from hotpack.project import Placement
from hotpack.project.config import EVERY_DISTRIBUTION
from hotpack.target.limits import EPHEMERAL_STORAGE_MB, MIB, UNZIPPED_BYTES, over_size_message

MANIFEST_RESERVE_BYTES: Final = 2 * MIB
"""Kept free for the manifest, whose size is only known once the packs are written. tensorflow's
19,000 files take 1.6 MB; the finished package is measured again, exactly."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one distribution weighs."""

    distribution: str
    raw_bytes: int
    packed_bytes: int
    """Compressed, in packs."""

    restored_bytes: int
    """In `/tmp`, where every file takes whole blocks."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one distribution goes and why."""

    distribution: str
    placement: Placement
    raw_bytes: int
    packed_bytes: int | None
    """None where it is inline, as it is not compressed into a pack."""

    reason: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The placement of every distribution, sorted by name."""

    placed: tuple[Placed, ...]

    def names(self, *placements: Placement) -> tuple[str, ...]:
        """Return the distributions that have one of the placements."""
        return tuple(p.distribution for p in self.placed if p.placement in placements)

    @property
    def is_packed(self) -> bool:
        """Whether anything has to be restored, so that the function needs the runtime."""
        return bool(self.names("bundled", "remote"))


@dataclass(frozen=True, slots=True)
class _Group:
    """Distributions that are placed alike."""

    weights: tuple[Weight, ...]
    pin: Placement | None

    def total(self, size: Callable[[Weight], int]) -> int:
        return sum(map(size, self.weights))

    @property
    def name(self) -> str:
        return " + ".join(weight.distribution for weight in self.weights)


def plan(
    weights: Sequence[Weight],
    together: Iterable[frozenset[str]],
    pins: Mapping[str, Placement],
    *,
    beside_code: Collection[str] = (),
    code_bytes: int,
    runtime_bytes: int,
    ephemeral_storage_mb: int,
    has_bucket: bool,
) -> Layout:
    """Return the layout that fits and moves as little as it can out of the raw function.

    Everything is inline where that fits. Otherwise the smallest group of distributions that saves
    enough is bundled; where no single one does, the one that saves most, and so on. What does not
    fit even then goes to S3 by the same rule. Distributions that fill a folder of the project's,
    `beside_code`, stay inline with it. `code_bytes` is the project's own code,
    `runtime_bytes` what restoring adds to the function.

    Raises LimitError with the largest distributions and the bytes that are too many, and
    ConfigError for a pin of what is not there or of two neighbours to different places.
    """
    groups = _group(weights, together, pins, beside_code)
    plan_ = _Plan(groups, code_bytes, runtime_bytes + MANIFEST_RESERVE_BYTES)
    plan_.move("bundled", _saving, "does not fit raw, fits packed")
    if has_bucket:
        plan_.move("remote", plan_.size_in_function, "does not fit even packed")
    if plan_.excess() > 0:
        raise _over_limit(plan_.excess(), plan_.placements, code_bytes, has_bucket)
    _check_tmp(plan_.placements, ephemeral_storage_mb)
    return _layout(plan_.placements, plan_.reasons)


class _Plan:
    """Placements in the making."""

    def __init__(self, groups: Iterable[_Group], code_bytes: int, runtime_bytes: int) -> None:
        self.placements: dict[_Group, Placement] = {
            group: group.pin or "inline" for group in groups
        }
        self.reasons = {group: "pinned" if group.pin else "fits raw" for group in self.placements}
        self._code_bytes = code_bytes
        self._runtime_bytes = runtime_bytes

    def size_in_function(self, group: _Group) -> int:
        """Return the bytes that a group takes in the function, where it is placed now."""
        match self.placements[group]:
            case "inline":
                return _raw(group)
            case "bundled":
                return _packed(group)
            case "remote":
                return 0

    def excess(self, *, packed: bool = False) -> int:
        """Return the bytes over the limit; `packed` if something will be in packs at any rate."""
        size = self._code_bytes + sum(map(self.size_in_function, self.placements))
        if packed or set(self.placements.values()) & {"bundled", "remote"}:
            size += self._runtime_bytes
        return size - UNZIPPED_BYTES

    def move(self, to: Placement, gain: Callable[[_Group], int], reason: str) -> None:
        """Move groups without a pin until it fits, or until there is nothing left to gain."""
        while self.excess() > 0:
            needed = self.excess(packed=True)
            useful = [
                group
                for group, placement in self.placements.items()
                if group.pin is None and placement != to and gain(group) > 0
            ]
            enough = [group for group in useful if gain(group) >= needed]
            if not useful:
                return
            chosen = min(enough, key=_raw) if enough else max(useful, key=gain)
            self.placements[chosen] = to
            self.reasons[chosen] = reason


def _group(
    weights: Sequence[Weight],
    together: Iterable[frozenset[str]],
    pins: Mapping[str, Placement],
    beside_code: Collection[str],
) -> list[_Group]:
    by_name = {weight.distribution: weight for weight in weights}
    for name in pins:
        if name != EVERY_DISTRIBUTION and name not in by_name:
            raise ConfigError(
                f"[tool.hotpack.place] pins {name}, which is not among the dependencies",
                hint="`hotpack sizes` lists them",
            )
    groups = []
    for names in together:
        asked = {pins[name] for name in names if name in pins}
        if len(asked) > 1:
            raise ConfigError(
                f"{', '.join(sorted(names))} share a folder and cannot be placed apart",
                hint="pin all of them to the same placement in [tool.hotpack.place]",
            )
        pin = asked.pop() if asked else pins.get(EVERY_DISTRIBUTION)
        if names.intersection(beside_code):
            if pin != "inline" and names.intersection(pins):
                raise ConfigError(
                    f"{', '.join(sorted(names))}: fills a folder of the project's and stays inline",
                    hint="rename the project's folder, or take the pin away",
                )
            pin = "inline"
        groups.append(_Group(tuple(by_name[name] for name in sorted(names)), pin))
    return groups


def _raw(group: _Group) -> int:
    return group.total(lambda weight: weight.raw_bytes)


def _packed(group: _Group) -> int:
    return group.total(lambda weight: weight.packed_bytes)


def _saving(group: _Group) -> int:
    return _raw(group) - _packed(group)


def _over_limit(
    excess: int, placements: Mapping[_Group, Placement], code_bytes: int, has_bucket: bool
) -> LimitError:
    weights = [(code_bytes, "the project's own files")] + [
        (0 if placement == "remote" else _raw(group) if placement == "inline" else _packed(group),
         f"{group.name} ({placement})")
        for group, placement in placements.items()
    ]  # fmt: skip
    largest = ", ".join(f"{name} {mb(size)}" for size, name in sorted(weights, reverse=True)[:5])
    if code_bytes > UNZIPPED_BYTES or (has_bucket and not any(group.pin for group in placements)):
        hint = "the project's own files are too large: see `include` in [tool.hotpack]"
    elif any(group.pin for group in placements):
        hint = (
            "loosen --place or the pins in [tool.hotpack.place]: bundled is compressed, remote is "
            "on S3"
        )
    else:
        hint = "name a `bucket` in [tool.hotpack], so that the largest can be on S3"
    return LimitError(
        f"{over_size_message(UNZIPPED_BYTES + excess, layers=False)}: "
        f"it is {excess:,} bytes over. Largest: {largest}",
        hint=hint,
    )


def _check_tmp(placements: Mapping[_Group, Placement], ephemeral_storage_mb: int) -> None:
    restored = sum(
        group.total(lambda weight: weight.restored_bytes)
        for group, placement in placements.items()
        if placement != "inline"
    )
    needed_mb = -(-restored // MIB)
    if needed_mb > ephemeral_storage_mb:
        most = EPHEMERAL_STORAGE_MB[1]
        raise LimitError(
            f"the packed distributions take {needed_mb} MB in /tmp and "
            f"ephemeral_storage_mb is {ephemeral_storage_mb}",
            hint=f"set ephemeral_storage_mb = {needed_mb} or more in [tool.hotpack]"
            if needed_mb <= most
            else f"Lambda's most is {most} MB: leave a dependency out",
        )


def _layout(placements: Mapping[_Group, Placement], reasons: Mapping[_Group, str]) -> Layout:
    placed = [
        Placed(
            weight.distribution,
            placement,
            weight.raw_bytes,
            None if placement == "inline" else weight.packed_bytes,
            reasons[group],
        )
        for group, placement in placements.items()
        for weight in group.weights
    ]
    return Layout(tuple(sorted(placed, key=lambda item: item.distribution)))
