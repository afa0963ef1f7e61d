"""Writes zips: the same bytes for the same files, on all cores, and what did not change once."""

import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.errors import ArtifactError
from hotpack.pack.entries import Entry
from hotpack.progress import Progress

_VERSION: Final = 3
_PIECE_BYTES: Final = 1024 * 1024
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold. Unchecked-hash bytecode does not mind."""


def write_zip(
    path: Path, stable: Sequence[Entry], changing: Sequence[Entry], cache: Cache, progress: Progress
) -> None:
    """Write a zip of both lists of entries, `stable` ones first, stored ones of them last.

    The stable entries of a folder at the top are deflated together, each folder on a core of its
    own and once: what is deflated is cached, so a change to others costs a copy.
    """
    _refuse_repeats([*stable, *changing])
    folders: dict[str, list[Entry]] = {}
    for entry in stable:
        if not entry.stored:
            folders.setdefault(entry.path.split("/")[0], []).append(entry)
    parts = _deflated(list(folders.values()), cache, progress)
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            _append(archive, part)
        for item in [*(entry for entry in stable if entry.stored), *changing]:
            _add(archive, item)


def _deflated(parts: Sequence[Sequence[Entry]], cache: Cache, progress: Progress) -> list[Path]:
    """Return a zip of each part's entries."""
    keys = [digest_of(_VERSION, zlib.ZLIB_RUNTIME_VERSION, *map(_identity, part)) for part in parts]
    paths = [cache.path("zips", key) / "part.zip" for key in keys]
    missing = [index for index, path in enumerate(paths) if not path.is_file()]
    if missing:
        total = sum(entry.size for index in missing for entry in parts[index])
        with progress.task("zip", total, "bytes") as advance, ThreadPoolExecutor() as pool:

            def make(index: int) -> None:
                with (
                    cache.folder("zips", keys[index]) as beside,
                    zipfile.ZipFile(beside / "part.zip", "w") as archive,
                ):
                    for entry in parts[index]:
                        _add(archive, entry)
                        advance(entry.size)

            list(pool.map(make, missing))
    return paths


def _append(archive: zipfile.ZipFile, part: Path) -> None:
    """Put what is in a zip at the end of another as it is, without inflating it.

    zipfile has no word for that: these are its attributes that say what it has written.
    """
    place = archive.fp
    with zipfile.ZipFile(part) as made, part.open("rb") as content:
        if place is None:
            raise ValueError("the archive is closed")
        moved = place.tell()
        while left := made.start_dir - content.tell():
            place.write(content.read(min(left, _PIECE_BYTES)))
        for info in made.infolist():
            info.header_offset += moved
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
    archive.start_dir = place.tell()


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
        shutil.copyfileobj(content, place, _PIECE_BYTES)
