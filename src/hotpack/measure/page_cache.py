"""Makes files as cold as a new machine finds them: out of the kernel's page cache.

A real cold start reads its function from a disk that has not been read before. What belongs to the
runtime (interpreter, standard library, boto3) stays as it is, for all ways alike: it is on every
machine that Lambda starts, and nothing is published of how warm.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from hotpack.errors import HotpackError

PageCache = Literal["warm", "cold"]


def settle() -> None:
    """Write back what is not on disk yet: the kernel forgets no page that is to be written."""
    os.sync()


def forget(folders: Iterable[Path]) -> None:
    """Let the kernel forget what the files below the folders hold. It needs no root.

    Pages that a running process maps stay. Raises HotpackError on macOS.
    """
    if sys.platform == "darwin":
        raise HotpackError(
            "macOS has no call to let go of what was read of a file", hint="--page-cache warm"
        )
    for path in _files(folders):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue  # a link, or gone
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def _files(folders: Iterable[Path]) -> Iterator[str]:
    for root in folders:
        for folder, _, names in os.walk(root):
            for name in names:
                yield f"{folder}/{name}"
