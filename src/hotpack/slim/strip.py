"""Rule `strip`: symbols and debug sections of shared libraries go.

Lossless: see `binaries/cut.py`; every byte that a loader maps is the same, at the same place.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from threading import Lock
from typing import Final

from hotpack.binaries import cut
from hotpack.cache import Cache, digest_of
from hotpack.install import File, Kind, Tree
from hotpack.progress import Progress
from hotpack.slim.rules import RuleReport
from hotpack.target.limits import MIB

_VERSION: Final = 3
_LARGE_BYTES: Final = 64 * MIB
_ONE_LARGE: Final = Lock()
"""tensorflow has a library of 751 MB, which is in memory twice while it is cut."""

_BINARIES: Final = frozenset({Kind.EXTENSION, Kind.LIBRARY, Kind.EXECUTABLE})


def strip(tree: Tree, cache: Cache, progress: Progress) -> tuple[Tree, RuleReport]:
    """Return the tree with its libraries and executables cut to what a loader reads."""
    binaries = [file for file in tree.files if file.kind in _BINARIES]
    total = sum(file.size for file in binaries)
    stripped, kept = {}, []
    with progress.task("strip", total, "bytes") as advance, ThreadPoolExecutor() as pool:
        for before, (after, reason) in zip(
            binaries, pool.map(lambda file: _strip(file, cache), binaries), strict=True
        ):
            stripped[before.path] = after
            kept += [f"{before.path}: {reason}"] if reason else []
            advance(before.size)
    slimmed = tree.replaced(stripped.get(file.path, file) for file in tree.files)
    note = f"kept as they were: {'; '.join(kept)}" if kept else None
    return slimmed, RuleReport.between("strip", tree, slimmed, note)


def _strip(file: File, cache: Cache) -> tuple[File, str | None]:
    """Return the file cut, or as it is and why; from the cache if it can."""
    key = digest_of("strip", _VERSION, file.sha256)
    path = cache.path("stripped", key)
    if not path.is_file():
        with _ONE_LARGE if file.size > _LARGE_BYTES else nullcontext():
            result = cut(file.source.read_bytes())
        # An entry that is no ELF file says why the file is kept, or nothing.
        cache.put("stripped", key, result.content or (result.reason or "").encode())
    content = path.read_bytes()
    if content[:4] != b"\x7fELF":
        return file, content.decode() or None
    digest = hashlib.sha256(content).hexdigest()
    return replace(file, size=len(content), sha256=digest, source=path), None
