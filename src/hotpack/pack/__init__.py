"""Writes what is deployed: packs, the manifest, the function's zip. This room owns the format."""

from hotpack.pack.artifacts import Contents, Release, in_use, read_release, write_artifacts
from hotpack.pack.entries import Entry
from hotpack.pack.frames import CompressedDistribution, compress
from hotpack.pack.packs import Packing
from hotpack.pack.runtime import runtime_distributions, runtime_entries

__all__ = [
    "CompressedDistribution",
    "Contents",
    "Entry",
    "Packing",
    "Release",
    "compress",
    "in_use",
    "read_release",
    "runtime_distributions",
    "runtime_entries",
    "write_artifacts",
]
