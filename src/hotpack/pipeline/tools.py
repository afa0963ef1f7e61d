"""What the stages need of the world: uv, the cache, where to report."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

from hotpack.cache import Cache
from hotpack.install import Uv
from hotpack.progress import Progress, Silent


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where the user's cache is: HOTPACK_CACHE_DIR, or in the system's folder for caches."""
    folder = environment.get("HOTPACK_CACHE_DIR") or platformdirs.user_cache_dir("hotpack")
    return Path(folder).resolve()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the stages need of the world."""

    uv: Uv
    cache: Cache
    progress: Progress

    @classmethod
    def of_this_machine(cls, progress: Progress | None = None) -> Self:
        """Return uv with the user's settings, the user's cache, and a place to report to."""
        return cls(Uv(os.environ), Cache(cache_folder(os.environ)), progress or Silent())
