"""Removes entries, the least recently used first, while nobody uses the cache.

Entries are renamed into a folder of waste first, which nobody looks into: a removal that is
interrupted leaves no half entry. The waste goes once the lock is free again.
"""

import contextlib
import fcntl
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack.cache.census import Entry, census
from hotpack.cache.store import open_lock
from hotpack.errors import CacheInUseError, ConfigError

DEFAULT_MAX_GB: Final = 10.0
"""tensorflow's tree, stripped libraries, frames and zip are 2.5 GB; its copies for trace and bench
as much again."""

MAX_GB_VARIABLE: Final = "HOTPACK_CACHE_MAX_GB"

_WASTE: Final = ".waste-"
_LOOKED: Final = "looked"
"""Modified when the cache was last looked at to see whether it is over its cap."""

_LOOK_EVERY_S: Final = 600
_REST_S: Final = 3600
"""What was used within an hour stays when hotpack tidies by itself."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, and what is left."""

    removed_entries: int
    removed_bytes: int
    size_bytes: int
    """What is left."""


def max_bytes_of(environment: Mapping[str, str]) -> int:
    """Return the cap that the environment sets, else the default.

    Raises ConfigError for what is no number of gigabytes.
    """
    text = environment.get(MAX_GB_VARIABLE) or str(DEFAULT_MAX_GB)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise ConfigError(
            f"{MAX_GB_VARIABLE} is {text!r}, which is no number of gigabytes",
            hint=f"for example {MAX_GB_VARIABLE}={DEFAULT_MAX_GB:.0f}",
        )
    return round(gigabytes * 1e9)


def prune(root: Path, max_bytes: int, *, unused_since_s: float = math.inf) -> Pruned:
    """Remove what was used least recently until the rest is within the cap.

    Only entries count that were used last before `unused_since_s`. What was never finished goes
    always, packages that a local Lambda runs never.

    Raises CacheInUseError where another process uses the cache; nothing is removed then.
    """
    if not root.is_dir():
        return Pruned(0, 0, 0)
    with _nobody_else(root):
        entries = census(root)
        left = sum(entry.size_bytes for entry in entries)
        waste = Path(tempfile.mkdtemp(prefix=_WASTE, dir=root))
        removed: list[Entry] = []
        for entry in sorted(entries, key=lambda each: (not each.is_left_over, each.used_s)):
            over = left > max_bytes and entry.used_s < unused_since_s
            if (over or _is_waste(entry)) and _remove(entry, waste / str(len(removed))):
                removed.append(entry)
                left -= entry.size_bytes
    for folder in root.glob(f"{_WASTE}*"):
        shutil.rmtree(folder, ignore_errors=True)
    return Pruned(len(removed), sum(entry.size_bytes for entry in removed), left)


def tidy(root: Path, max_bytes: int, *, now_s: float | None = None) -> Pruned | None:
    """Prune after a command: only what nobody used lately, seldom, and not while others build.

    Returns None where it was not the time for it.
    """
    now_s = time.time() if now_s is None else now_s
    looked = root / _LOOKED
    try:
        if now_s - looked.stat().st_mtime < _LOOK_EVERY_S:
            return None
    except FileNotFoundError:
        pass
    try:
        looked.touch()
        if sum(entry.size_bytes for entry in census(root)) <= max_bytes:
            return None
        return prune(root, max_bytes, unused_since_s=now_s - _REST_S)
    except (CacheInUseError, OSError):
        return None  # the next command tries again


@contextlib.contextmanager
def _nobody_else(root: Path) -> Iterator[None]:
    lock = open_lock(root)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CacheInUseError(
                "another hotpack command is using the cache; nothing was removed",
                hint="try again when it has ended",
            ) from None
        yield
    finally:
        os.close(lock)


def _is_waste(entry: Entry) -> bool:
    """Return whether nobody can be writing it any more.

    A local Lambda that unpacks a package again does so without the lock.
    """
    rests = entry.kind != "packages" or entry.used_s < time.time() - _REST_S
    return entry.is_left_over and rests


def _remove(entry: Entry, place: Path) -> bool:
    """Rename an entry to a place in the waste; return whether it was there and nobody holds it."""
    try:
        handle = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        entry.path.rename(place)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
