"""What a cold start costs, by a small model: where its milliseconds go for each placement.

The constants are what benchmarks/reading.py measured on two cores with a local disk, in a cold page
cache, as a fresh environment's is. How fast the real Lambda reads is published nowhere: what counts
is how the ways compare.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from hotpack.project import Placement
from hotpack.target.limits import INIT_VCPUS, vcpus

START_MS: Final = 50.0
"""From spawning awslambdaric to its first call, with an empty handler: measured 33 to 52."""

RUNTIME_MS: Final = 40.0
"""What restoring costs before its first byte: importing the runtime, reading the manifest."""

IMPORT_MS_PER_MB: Final = 45.0
"""Executing modules, per megabyte of their bytecode, the libraries' own set-up included: tensorflow
39 to 60, spacy 60, scikit-learn and pandas 39, warm. The same for every placement."""

FILE_MS: Final = 0.35
"""Finding, opening and reading a raw file that is not in the page cache, by the number of files."""

RAW_MS_PER_MB: Final = 0.3
"""The same, by what they weigh: of a large library a loader only maps what it touches."""

PACK_MS_PER_MB: Final = 0.9
"""Reading a pack in one sweep, per megabyte of it."""

DECOMPRESS_MS_PER_MB: Final = 2.0
"""Checking and decompressing, per megabyte that comes out, on one core."""

WRITE_MS_PER_MB: Final = 1.2
"""Writing that to files, on one core."""

WRITE_FILE_MS: Final = 0.06
"""Creating a file and putting it in its place."""

FIRST_BYTE_MS: Final = 30.0
"""Until S3's first byte: p50 18 to 41 ms from inside functions [Skyrise]."""

NETWORK_MS_PER_MB: Final = 1.8
"""By eight connections of 50 to 90 MB/s each, while the burst of 300 MB lasts [Skyrise]."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a distribution."""

    files: int = 0
    raw_bytes: int = 0
    packed_bytes: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.files + other.files,
            self.raw_bytes + other.raw_bytes,
            self.packed_bytes + other.packed_bytes,
        )

    @property
    def raw_mb(self) -> float:
        """In 10^6 bytes."""
        return self.raw_bytes / 1e6


@dataclass(frozen=True, slots=True)
class Weight:
    """What one distribution weighs, by what a cold start needs of it."""

    distribution: str
    modules: Share = Share()
    """Hot bytecode, which the runtime imports from memory."""

    hot: Share = Share()
    """The other hot files."""

    lukewarm: Share = Share()
    cold: Share = Share()
    restored_bytes: int = 0
    """In `/tmp`, where every file takes whole blocks."""

    @property
    def warm(self) -> Share:
        """What is restored at every cold start."""
        return self.modules + self.hot + self.lukewarm

    @property
    def raw_bytes(self) -> int:
        """All of it, raw."""
        return (self.warm + self.cold).raw_bytes

    @property
    def packed_bytes(self) -> int:
        """All of it, in packs."""
        return (self.warm + self.cold).packed_bytes


@dataclass(frozen=True, slots=True)
class Model:
    """How long things take in the init phase of a function."""

    cores: float
    gathers_bytecode: bool = False
    """Whether the starter has the hot bytecode of what is raw in one file too."""

    reading: float = 1.0
    """What a cold page cache costs, as a part of what was measured."""

    @classmethod
    def of_memory(cls, memory_mb: int, *, gathers_bytecode: bool = False) -> Self:
        """Return the model for a function of this memory: the init phase has two vCPUs at least."""
        return cls(max(INIT_VCPUS, vcpus(memory_mb)), gathers_bytecode)

    def doubting(self, reading: float) -> Self:
        """Return the model with another cost of reading."""
        return replace(self, reading=reading)

    def inline_bytes(self, weight: Weight) -> int:
        """Return what a distribution takes of the function where it is raw."""
        gathered = weight.modules.raw_bytes if self.gathers_bytecode else 0
        return weight.raw_bytes + gathered

    def start_ms(self, weight: Weight, placement: Placement) -> float:
        """Return what a distribution adds to a cold start."""
        importing = weight.modules.raw_mb * IMPORT_MS_PER_MB
        if placement == "inline":
            swept = weight.modules if self.gathers_bytecode else Share()
            opened = weight.hot if self.gathers_bytecode else weight.modules + weight.hot
            reading = (
                swept.raw_mb * PACK_MS_PER_MB
                + opened.files * FILE_MS
                + opened.raw_mb * RAW_MS_PER_MB
            )
            return importing + self.reading * reading
        written = weight.hot + weight.lukewarm
        restoring = (
            weight.warm.raw_mb * DECOMPRESS_MS_PER_MB
            + written.raw_mb * WRITE_MS_PER_MB
            + written.files * WRITE_FILE_MS
        )
        packed_mb = weight.warm.packed_bytes / 1e6
        if placement == "bundled":
            fetching = self.reading * packed_mb * PACK_MS_PER_MB
        else:
            fetching = packed_mb * NETWORK_MS_PER_MB
        return importing + restoring / self.cores + fetching
