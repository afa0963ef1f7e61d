"""What goes into the function: one entry a file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hotpack.install import File


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the function: its path there, its content here."""

    path: str
    source: Path
    size: int
    sha256: str
    executable: bool = False
    stored: bool = False
    """Whether it is compressed already, so that the zip does not try again."""

    @classmethod
    def of_file(cls, file: File) -> Self:
        """Return the entry of a file of the tree."""
        return cls(file.path, file.source, file.size, file.sha256, file.executable)

    @classmethod
    def of_path(cls, path: str, source: Path, *, stored: bool = False) -> Self:
        """Return the entry of a file on disk."""
        with source.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return cls(path, source, source.stat().st_size, digest, stored=stored)
