"""Lays entries out as a folder that a function can run from."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from hotpack.cache import Cache, digest_of
from hotpack.pack import Entry


def folder_of(entries: Sequence[Entry], cache: Cache) -> Path:
    """Return a folder that holds the entries as copies, made once for the same contents.

    Copies, not links: a function may write where nothing forbids it.
    """
    listing = (f"{entry.path}\0{entry.sha256}\0{entry.executable}" for entry in entries)
    key = digest_of("folder", *listing)
    folder = cache.path("folders", key)
    if not folder.is_dir():
        with cache.folder("folders", key) as beside:
            beside.chmod(0o755)  # where root runs it, the function's user is another
            for entry in entries:
                path = beside / entry.path
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry.source, path)
                path.chmod(0o755 if entry.executable else 0o644)
    return folder
