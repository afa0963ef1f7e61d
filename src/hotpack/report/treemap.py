"""The boxes of a treemap: everything, by distribution, kind of file, folder and file. Pure."""

import heapq
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from hotpack.install import File, Kind, Tree

MOST_BOXES: Final = 1500
"""A browser redraws so many at once; tensorflow has 19,000 files."""

_MOST_IN_ONE: Final = 40
"""Boxes in a box: what is smaller is not seen, and is one box of its own."""

ROOT: Final = "all"


@dataclass(frozen=True, slots=True)
class Box:
    """One box. A box's size is the sum of those in it, where there are any."""

    id: str
    parent: str
    """The id of the box that it is in; empty for the first one."""

    label: str
    size: int
    kind: Kind | None
    """None for what holds several kinds."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A box and the files in it, which can be told apart further."""

    box: Box
    files: tuple[File, ...]
    is_whole: bool = False
    """Whether it is one box whatever is in it."""


def boxes(tree: Tree, most: int = MOST_BOXES) -> list[Box]:
    """Return at most about `most` boxes of the tree, each before those in it.

    The largest box is divided first, so what stays whole is the smallest; boxes of no bytes are
    left out.
    """
    whole = _Part(Box(ROOT, "", ROOT, tree.size_bytes, None), tree.files)
    found = [whole.box]
    order = count()  # of two boxes of one size, the one that was found first
    largest = [(-whole.box.size, next(order), whole)]
    while largest and len(found) < most:
        _, _, part = heapq.heappop(largest)
        for child in _few(part, list(_divide(part))):
            found.append(child.box)
            heapq.heappush(largest, (-child.box.size, next(order), child))
    return found


def _divide(part: _Part) -> Iterator[_Part]:
    """Yield what is in a box: distributions, then kinds, then folders and files."""
    if part.is_whole:
        return
    if not part.box.parent:
        for name, files in _grouped((file.distribution, file) for file in part.files):
            yield _part(part.box, name, files, None)
    elif part.box.kind is None:
        for kind, files in _grouped((file.kind.value, file) for file in part.files):
            yield _part(part.box, kind, files, Kind(kind))
    elif len(part.files) > 1:
        start = len(os.path.commonpath([f.path.rpartition("/")[0] for f in part.files]))
        start += 1 if start else 0
        for name, files in _grouped(
            (file.path[start:].partition("/")[0], file) for file in part.files
        ):
            label = files[0].path[start:] if len(files) == 1 else f"{name}/"
            yield _part(part.box, label, files, part.box.kind)


def _few(parent: _Part, parts: list[_Part]) -> list[_Part]:
    """Return the largest of the parts, and one for all others."""
    parts.sort(key=lambda part: (-part.box.size, part.box.id))
    shown, rest = parts[:_MOST_IN_ONE], parts[_MOST_IN_ONE:]
    if rest:
        files = tuple(file for part in rest for file in part.files)
        label = f"{len(files)} more files"
        shown.append(_part(parent.box, label, files, parent.box.kind, is_whole=True))
    return [part for part in shown if part.box.size]


def _part(
    parent: Box, label: str, files: tuple[File, ...], kind: Kind | None, *, is_whole: bool = False
) -> _Part:
    box = Box(f"{parent.id}|{label}", parent.id, label, sum(file.size for file in files), kind)
    return _Part(box, files, is_whole)


def _grouped(items: Iterable[tuple[str, File]]) -> list[tuple[str, tuple[File, ...]]]:
    groups: defaultdict[str, list[File]] = defaultdict(list)
    for name, file in items:
        groups[name].append(file)
    return [(name, tuple(files)) for name, files in groups.items()]
