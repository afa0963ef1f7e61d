"""Zips that are put together of parts."""

import zipfile
from pathlib import Path

import pytest

from hotpack.cache import Cache
from hotpack.errors import ArtifactError
from hotpack.pack.entries import Entry
from hotpack.pack.zips import write_zip
from hotpack.progress import Silent


class Counting(Silent):
    """Knows what was deflated."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []

    def task(self, description: str, total: int | None, unit: object):  # type: ignore[no-untyped-def]
        self.totals.append(total)
        return super().task(description, total, "bytes")


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    """Two folders and a file at the top, one executable, one stored, in no order."""
    contents = {
        "b/x.so": b"\x7fELF" * 5000,
        "a/one.py": b"import os\n" * 1000,
        "packs/p.pack": bytes(range(256)) * 9000,
        "a/empty": b"",
        "a/\N{LATIN SMALL LETTER U WITH DIAERESIS}.txt": b"text",
        "top.py": b"x = 1\n",
    }
    found = []
    for number, (path, content) in enumerate(contents.items()):
        source = tmp_path / str(number)
        source.write_bytes(content)
        entry = Entry.of_path(path, source, stored=path.endswith(".pack"))
        executable = path.endswith(".so")
        found.append(Entry(path, source, entry.size, entry.sha256, executable, entry.stored))
    return found


def test_a_zip_of_parts_is_a_zip(tmp_path: Path, entries: list[Entry]) -> None:
    """Every reader finds each file at its place, whole, with its mode, and stored where asked."""
    path = tmp_path / "function.zip"
    write_zip(path, entries[:-1], entries[-1:], Cache(tmp_path / "cache"), Silent())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(entry.path for entry in entries)
        for entry in entries:
            info = archive.getinfo(entry.path)
            assert archive.read(info) == entry.source.read_bytes()
            assert info.external_attr >> 16 == (0o100755 if entry.executable else 0o100644)
            stored = zipfile.ZIP_STORED if entry.stored else zipfile.ZIP_DEFLATED
            assert info.compress_type == stored
    # No byte between the entries or in front of them: some readers look for the first at 0.
    assert path.read_bytes()[:4] == b"PK\x03\x04"


def test_only_a_folder_that_changed_is_deflated_again(tmp_path: Path, entries: list[Entry]) -> None:
    """With another file in one folder, the others come from the cache, and packs are not in it."""
    cache, path = Cache(tmp_path / "cache"), tmp_path / "function.zip"
    write_zip(path, entries, [], cache, Silent())
    changed = tmp_path / "changed"
    changed.write_bytes(b"new")
    progress = Counting()
    write_zip(path, [*entries, Entry.of_path("c/new.py", changed)], [], cache, progress)
    assert progress.totals == [3]
    kept = sum(file.stat().st_size for file in cache.root.rglob("part.zip"))
    assert kept < next(entry.size for entry in entries if entry.stored)


def test_the_same_entries_give_the_same_bytes(tmp_path: Path, entries: list[Entry]) -> None:
    """With an empty cache and with a full one, and another handler in between."""
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    cache = Cache(tmp_path / "cache")
    write_zip(one, entries[:-1], entries[-1:], cache, Silent())
    write_zip(two, entries[:-1], [], cache, Silent())
    write_zip(two, entries[:-1], entries[-1:], cache, Silent())
    assert one.read_bytes() == two.read_bytes()
    write_zip(two, entries[:-1], entries[-1:], Cache(tmp_path / "other"), Silent())
    assert one.read_bytes() == two.read_bytes()


def test_a_path_that_stands_twice(tmp_path: Path, entries: list[Entry]) -> None:
    """Which of two files of one name counts is up to the reader, so it is an error."""
    with pytest.raises(ArtifactError, match="b/x.so would be in the function 2 times"):
        write_zip(tmp_path / "z", entries, entries[:1], Cache(tmp_path / "cache"), Silent())
