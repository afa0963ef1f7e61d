"""What the stages need of the world: uv, the cache, where to report."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

from hotpack.cache import Cache
from hotpack.install import Uv
from hotpack.progress import Progress, Silent


@dataclass(frozen=True, slots=True)
class Tools:
    """What the stages need of the world."""

    uv: Uv
    cache: Cache
    progress: Progress

    @classmethod
    def of_this_machine(cls, progress: Progress | None = None) -> Self:
        """Return uv with the user's settings, the user's cache, and a place to report to.

        The cache is where HOTPACK_CACHE_DIR says, or the system's folder for caches.
        """
        folder = os.environ.get("HOTPACK_CACHE_DIR") or platformdirs.user_cache_dir("hotpack")
        return cls(Uv(os.environ), Cache(Path(folder).resolve()), progress or Silent())
