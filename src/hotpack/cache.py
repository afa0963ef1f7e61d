"""The user's cache: what was made of the same input before. Deleting it is always safe."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Cache:
    """A folder of results, each under its kind and the digest of all that decides it.

    An entry appears complete or not at all: it is written beside its place and renamed, so two
    builds at once, or one that is interrupted, never show a half entry to anyone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Return where the entry is, whether or not it exists yet."""
        return self.root / kind / key[:2] / key

    def put(self, kind: str, key: str, content: bytes) -> Path:
        """Store one file and return its path."""
        path = self.path(kind, key)
        write_atomic(path, content)
        return path

    def copy(self, kind: str, key: str, source: Path) -> Path:
        """Store a copy of a file, however large, unless there is one; return its path."""
        path = self.path(kind, key)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{key[:8]}-", dir=path.parent) as beside:
                shutil.copyfile(source, Path(beside, "copy")).replace(path)
        return path

    @contextmanager
    def folder(self, kind: str, key: str) -> Iterator[Path]:
        """Yield an empty folder beside the entry's place, which becomes the entry on success."""
        path = self.path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{key[:8]}-", dir=path.parent))
        try:
            yield beside
            try:
                beside.rename(path)
            except OSError:
                if not path.is_dir():
                    raise  # otherwise another build made the same entry first
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name[:8]}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def digest_of(*parts: object) -> str:
    """Return the SHA-256 of the parts' texts, as a key: the same parts, the same key."""
    joined = hashlib.sha256()
    for part in parts:
        text = part if isinstance(part, bytes) else str(part).encode()
        joined.update(len(text).to_bytes(8, "big") + text)
    return joined.hexdigest()
