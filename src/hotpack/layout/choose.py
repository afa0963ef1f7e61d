"""Chooses one of several ways for each of many things: the least time within a room. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hotpack.project import Placement

_KEPT: Final = 512
"""Partial choices that are kept. Up to so many the result is the best there is; of more the best of
each part of the room is, and the small groups, which come last, even that out."""


@dataclass(frozen=True, slots=True)
class Option:
    """A way to place a group, and what it takes."""

    placement: Placement
    cold: Literal["bundled", "remote"] | None
    """Where its cold pack is; None where it has none, as all is inline."""

    function_bytes: int
    tmp_bytes: int
    start_ms: float


@dataclass(frozen=True, slots=True)
class _Partial:
    """Options for the groups so far, and what they take together."""

    function_bytes: int
    cost: float
    last: Option | None
    before: "_Partial | None"

    def options(self) -> list[Option]:
        """Return the options, the last group's first."""
        chosen = []
        here: _Partial | None = self
        while here is not None and here.last is not None:
            chosen.append(here.last)
            here = here.before
        return chosen


def choose(
    groups: Sequence[Sequence[Option]], room_bytes: int, *, tmp_ms_per_mb: float = 0.0
) -> list[Option] | None:
    """Return an option for each of the groups that fit the room together, None where none do.

    They are those of the least time, where a megabyte of `/tmp` counts as so many milliseconds.
    """
    by_size = sorted(range(len(groups)), key=lambda i: (-_most(groups[i]), i))
    left = smallest(groups)
    if left > room_bytes:
        return None
    frontier = [_Partial(0, 0.0, None, None)]
    for index in by_size:
        left -= _least(groups[index])
        steps = [
            _Partial(
                partial.function_bytes + option.function_bytes,
                partial.cost + option.start_ms + option.tmp_bytes / 1e6 * tmp_ms_per_mb,
                option,
                partial,
            )
            for option in groups[index]
            for partial in frontier
            if partial.function_bytes + option.function_bytes + left <= room_bytes
        ]
        frontier = _thinned(list(_undominated(steps)))
    chosen = reversed(frontier[-1].options())
    by_index = dict(zip(by_size, chosen, strict=True))
    return [by_index[index] for index in range(len(groups))]


def smallest(groups: Sequence[Sequence[Option]]) -> int:
    """Return the least room that the groups fit."""
    return sum(map(_least, groups))


def _undominated(partials: Iterable[_Partial]) -> Iterable[_Partial]:
    """Yield, the smallest first, those that are faster than every smaller one."""
    best = float("inf")
    for partial in sorted(partials, key=lambda item: (item.function_bytes, item.cost)):
        if partial.cost < best:
            best = partial.cost
            yield partial


def _thinned(frontier: list[_Partial]) -> list[_Partial]:
    """Return the smallest, and the fastest of each part of the room."""
    if len(frontier) <= _KEPT:
        return frontier
    smallest, largest = frontier[0].function_bytes, frontier[-1].function_bytes
    width = (largest - smallest) / _KEPT
    kept = {int((partial.function_bytes - smallest) / width): partial for partial in frontier}
    return [frontier[0], *(partial for partial in kept.values() if partial is not frontier[0])]


def _least(options: Iterable[Option]) -> int:
    return min(option.function_bytes for option in options)


def _most(options: Iterable[Option]) -> int:
    return max(option.function_bytes for option in options)
