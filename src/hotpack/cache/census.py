"""What is in the cache: every entry with its size and when it was used last."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hotpack.cache.store import write_atomic

_SIZES: Final = "sizes.json"
"""What folders weigh, so that a hundred thousand files are not counted at every build."""

_PACKAGES: Final = Path("local", "packages")
"""Packages that the local Lambda has unpacked: entries without the folder of first letters."""

_BLOCK: Final = 4096
"""What a file's size is rounded up to on disk."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: a file or a folder."""

    kind: str
    path: Path
    size_bytes: int
    used_s: float
    """When it was used last, in seconds since the epoch."""

    @property
    def is_left_over(self) -> bool:
        """Whether it was never finished: whoever wrote it was killed, or is still writing."""
        return self.path.name.startswith((".", "unpacking-"))


@dataclass(frozen=True, slots=True)
class Holding:
    """All entries of one kind together."""

    kind: str
    entries: int
    size_bytes: int
    oldest_s: float
    """When that entry was used last which has not been used for the longest time."""

    newest_s: float

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> list[Self]:
        """Return what there is of every kind, the heaviest first."""
        kinds: dict[str, list[Entry]] = {}
        for entry in entries:
            kinds.setdefault(entry.kind, []).append(entry)
        holdings = [
            cls(
                kind,
                len(mine),
                sum(entry.size_bytes for entry in mine),
                min(entry.used_s for entry in mine),
                max(entry.used_s for entry in mine),
            )
            for kind, mine in kinds.items()
        ]
        return sorted(holdings, key=lambda holding: -holding.size_bytes)


def census(root: Path) -> list[Entry]:
    """Return every entry. Those that appear or go in the meantime may be in it or not."""
    known = _known_sizes(root)
    sizes: dict[str, int] = {}
    entries = []
    for kind, found in _found(root):
        try:
            status = found.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        size = _on_disk(status.st_size)
        if found.is_dir(follow_symlinks=False):
            name = os.path.relpath(found.path, root)
            size = known[name] if name in known else _weigh(found.path)
            sizes[name] = size
        entries.append(Entry(kind, Path(found.path), size, status.st_mtime))
    finished = {os.path.relpath(entry.path, root) for entry in entries if not entry.is_left_over}
    sizes = {name: size for name, size in sizes.items() if name in finished}
    if sizes != known and root.is_dir():
        write_atomic(root / _SIZES, json.dumps(sizes).encode())
    return entries


def _found(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for kind in _scan(root):
        if kind.name == _PACKAGES.parts[0]:
            packages = root / _PACKAGES
            yield from ((_PACKAGES.name, item) for item in _scan(packages) if item.is_dir())
        elif kind.is_dir(follow_symlinks=False) and not kind.name.startswith("."):
            for letters in _scan(kind.path):
                yield from ((kind.name, item) for item in _scan(letters.path))


def _scan(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _known_sizes(root: Path) -> dict[str, int]:
    try:
        return dict(json.loads((root / _SIZES).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def _weigh(folder: str) -> int:
    """Return what all files below a folder weigh on disk."""
    total = 0
    waiting = [folder]
    while waiting:
        for item in _scan(waiting.pop()):
            if item.is_dir(follow_symlinks=False):
                waiting.append(item.path)
            else:
                total += _on_disk(item.stat(follow_symlinks=False).st_size)
    return total


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
