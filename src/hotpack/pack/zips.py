"""Writes zips: the same bytes for the same files, and what did not change only once."""

import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.errors import ArtifactError
from hotpack.pack.entries import Entry
from hotpack.progress import Progress

_VERSION: Final = 2
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold. Unchecked-hash bytecode does not mind."""


def write_zip(
    path: Path, stable: Sequence[Entry], changing: Sequence[Entry], cache: Cache, progress: Progress
) -> None:
    """Write a zip of both lists of entries, `stable` ones first.

    The zip of the stable entries is cached, so a change to the others costs a copy.
    """
    key = digest_of(_VERSION, zlib.ZLIB_RUNTIME_VERSION, *map(_identity, stable))
    entry = cache.path("zips", key) / "stable.zip"
    if not entry.is_file():
        with (
            cache.folder("zips", key) as beside,
            progress.task("zip", sum(item.size for item in stable), "bytes") as advance,
            zipfile.ZipFile(beside / entry.name, "w") as archive,
        ):
            for item in stable:
                _add(archive, item)
                advance(item.size)
    _refuse_repeats([*stable, *changing])
    shutil.copyfile(entry, path)
    with zipfile.ZipFile(path, "a") as archive:
        for item in changing:
            _add(archive, item)


def _refuse_repeats(entries: Sequence[Entry]) -> None:
    """Raise ArtifactError for a path that stands twice: which file counts is up to the reader."""
    times = Counter(entry.path for entry in entries)
    path, count = times.most_common(1)[0] if times else ("", 0)
    if count > 1:
        raise ArtifactError(f"{path} would be in the function {count} times")


def unzipped_bytes(entries: Iterable[Entry]) -> int:
    """Return what Lambda counts: the sum of the files' sizes."""
    return sum(entry.size for entry in entries)


def _identity(entry: Entry) -> str:
    return f"{entry.path}\0{entry.sha256}\0{entry.executable}\0{entry.stored}"


def _add(archive: zipfile.ZipFile, entry: Entry) -> None:
    info = zipfile.ZipInfo(entry.path, _EPOCH)
    info.create_system = 3  # Unix, whatever the host is: the mode below is its
    info.external_attr = (0o100755 if entry.executable else 0o100644) << 16
    info.compress_type = zipfile.ZIP_STORED if entry.stored else zipfile.ZIP_DEFLATED
    info.file_size = entry.size
    with entry.source.open("rb") as content, archive.open(info, "w") as place:
        shutil.copyfileobj(content, place, 1024 * 1024)
