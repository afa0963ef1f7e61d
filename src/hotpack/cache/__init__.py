"""The user's cache: what was made of the same input before. Deleting it is always safe."""

from hotpack.cache.census import Entry, Holding, census
from hotpack.cache.prune import (
    DEFAULT_MAX_GB,
    MAX_GB_VARIABLE,
    Pruned,
    max_bytes_of,
    prune,
    tidy,
)
from hotpack.cache.store import Cache, digest_of, write_atomic

__all__ = [
    "DEFAULT_MAX_GB",
    "MAX_GB_VARIABLE",
    "Cache",
    "Entry",
    "Holding",
    "Pruned",
    "census",
    "digest_of",
    "max_bytes_of",
    "prune",
    "tidy",
    "write_atomic",
]
