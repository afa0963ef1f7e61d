"""Stores results by kind and key, and keeps what a process uses from being pruned meanwhile."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK: Final = "lock"
"""Shared by who uses the cache, exclusive for who removes something from it."""

_NOT_OURS: Final = frozenset({errno.EACCES, errno.ENOENT, errno.EPERM, errno.EROFS})

_PARTS: Final = 3
"""Of an entry's path below the root: its kind, the first letters of its key, its key."""


class Cache:
    """A folder of results, each under its kind and the digest of all that decides it.

    An entry appears complete or not at all: it is written beside its place and renamed, so two
    builds at once, or one that is interrupted, never show a half entry to anyone.

    From the first entry that is asked for on, nothing is pruned until the process ends or calls
    `release`. When an entry was last used is when it was last modified.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._guard = threading.Lock()
        self._let_go: Callable[[], object] | None = None

    def path(self, kind: str, key: str) -> Path:
        """Return where the entry is, whether or not it exists yet; it counts as used now."""
        self._use()
        path = self.root / kind / key[:2] / key
        _mark(path)
        return path

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

    def has(self, files: Iterable[Path]) -> bool:
        """Return whether the entries of these files in the cache are there; they count as used.

        An entry that names others' files, as the listing of a slimmed tree does, is only as good
        as those.
        """
        self._use()
        root = f"{self.root}{os.sep}"
        below = (str(file).removeprefix(root).split(os.sep, _PARTS)[:_PARTS] for file in files)
        return all(_mark(Path(root, *parts)) for parts in set(map(tuple, below)))

    @contextmanager
    def hold(self, folder: Path) -> Iterator[None]:
        """Keep an entry that is a folder while the context is open, also after a `release`."""
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)

    def release(self) -> None:
        """Let others prune: what was asked for before is not used any more, or held."""
        with self._guard:
            if self._let_go is not None:
                self._let_go()
                self._let_go = None

    def _use(self) -> None:
        """Share the lock, unless the cache is another user's: it cannot be written then either."""
        if self._let_go is not None:
            return
        with self._guard:
            if self._let_go is None:
                try:
                    lock = open_lock(self.root)
                except OSError as error:
                    if error.errno not in _NOT_OURS:
                        raise
                    return
                fcntl.flock(lock, fcntl.LOCK_SH)
                self._let_go = weakref.finalize(self, os.close, lock)


def open_lock(root: Path) -> int:
    """Open the file whose lock decides between using and removing."""
    with contextlib.suppress(OSError):  # opening says it better than a folder that is not made
        root.mkdir(parents=True, exist_ok=True)
    return os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _mark(path: Path) -> bool:
    """Mark an entry as used now; return whether it is there."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError:
        return path.exists()  # another user's
    return True


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
