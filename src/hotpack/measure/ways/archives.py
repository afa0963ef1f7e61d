"""Zips as people make them of installed packages."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from hotpack.cache import digest_of
from hotpack.install import File
from hotpack.pipeline import Tools

LEVEL = 9


def zip_of(files: Sequence[File], tools: Tools) -> Path:
    """Return `zip -9` of the files, made once for the same contents."""
    key = digest_of("zip", LEVEL, *(f"{file.path}\0{file.sha256}" for file in files))
    if not cached(tools, key).is_file():
        total = sum(file.size for file in files)
        with (
            tools.cache.folder("archives", key) as beside,
            tools.progress.task("zip -9", total, "bytes") as advance,
            zipfile.ZipFile(
                beside / "archive.zip",
                "w",
                zipfile.ZIP_DEFLATED,
                compresslevel=LEVEL,
                strict_timestamps=False,
            ) as archive,
        ):
            for file in files:
                archive.write(file.source, file.path)
                advance(file.size)
    return cached(tools, key)


def cached(tools: Tools, key: str) -> Path:
    """Return where an archive is kept."""
    return tools.cache.path("archives", key) / "archive.zip"
