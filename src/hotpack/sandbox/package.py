"""A deployment package: its size against Lambda's limit, and its files on disk."""

import calendar
import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hotpack.errors import ArtifactError, LimitError
from hotpack.sandbox.function import Function
from hotpack.target import limits

_UNREADABLE = (
    OSError,
    ValueError,  # names and links that no filesystem takes
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # encrypted
)

_FORMAT = "2"
"""Raised when unpacking changes what it writes, so that older folders are not found again."""

_THROUGH_S3 = (
    "over 50 MB of zip (that number, in base64) must go through S3; here it runs all the same"
)

_FILES, _SEAL = "files", "seal"
"""What a package's folder holds: itself, and how to see whether somebody wrote into it."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where a function's files are."""

    task: Path
    """What is at /var/task."""

    opt: Path
    """What is at /opt: all layers, later ones over earlier ones."""


def unzipped_bytes(function: Function) -> int:
    """Return the size that Lambda counts: all files of the function and its layers, unpacked."""
    return sum(_size_bytes(path) for path in (function.code, *function.layers))


def check_size(function: Function) -> None:
    """Raise LimitError, in Lambda's words, if the package is over the limit."""
    size_bytes = unzipped_bytes(function)
    if size_bytes > limits.UNZIPPED_BYTES:
        raise LimitError(
            limits.over_size_message(size_bytes, layers=bool(function.layers)),
            hint="`hotpack sizes` shows what weighs what",
        )


def check_direct_upload(function: Function, operation: str = "UpdateFunctionCode") -> None:
    """Raise LimitError, in Lambda's words, if the zip is too large to be uploaded without S3."""
    if function.code.is_file() and function.code.stat().st_size > limits.DIRECT_UPLOAD_BYTES:
        raise LimitError(
            limits.direct_upload_message(operation),
            hint=_THROUGH_S3,
        )


class Unpacked:
    """A function's files, unpacked below `state_dir`, where they stay for the next time.

    A folder given as code is used where it is. Raises ArtifactError for what is no zip, or for
    one that would write outside of its folder.
    """

    def __init__(self, function: Function, state_dir: Path) -> None:
        code = function.code
        self._task = code.resolve() if code.is_dir() else _Zips((code,), state_dir)
        self._opt = _Zips(function.layers, state_dir)

    def package(self) -> Package:
        """Return it as it is in the zips, also where a function wrote into it."""
        task = self._task if isinstance(self._task, Path) else self._task.folder()
        return Package(task=task, opt=self._opt.folder())

    def close(self) -> None:
        """Let go of the folders: whoever prunes the cache may remove them."""
        for unpacked in (self._task, self._opt):
            if isinstance(unpacked, _Zips):
                unpacked.close()


def _size_bytes(path: Path) -> int:
    if path.is_dir():
        return sum(
            (Path(folder) / name).lstat().st_size
            for folder, _, names in os.walk(path)
            for name in names
        )
    with _opened(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} does not exist", hint="hotpack build") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{path} cannot be read as a zip: {error}") from error


class _Zips:
    """Zips, unpacked over each other into one folder for each content."""

    def __init__(self, archives: Iterable[Path], state_dir: Path) -> None:
        self._archives = tuple(archives)
        self._folder = state_dir / "packages" / _key(self._archives)
        self._let_go: Callable[[], object] | None = None

    def folder(self) -> Path:
        """Return it; what is not as it was unpacked is unpacked again.

        In plain folders a function can write into it, and nobody else is to be served that. The
        folder is locked until `close`: who prunes the cache leaves it alone.
        """
        if not _is_untouched(self._folder):
            parent = self._folder.parent
            parent.mkdir(parents=True, exist_ok=True)
            # Beside, then in one step: a folder under its name is always whole.
            with tempfile.TemporaryDirectory(
                prefix="unpacking-", dir=parent, ignore_cleanup_errors=True
            ) as beside:
                _put_in_place(_unpack_beside(Path(beside), self._archives), self._folder)
        self._hold()
        return (self._folder / _FILES).resolve()

    def close(self) -> None:
        """Let go of the folder."""
        if self._let_go is not None:
            self._let_go()

    def _hold(self) -> None:
        """Lock the folder, which may be another one than before, and mark it as used now."""
        handle = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.utime(self._folder)
        self.close()
        self._let_go = weakref.finalize(self, os.close, handle)


def _unpack_beside(beside: Path, archives: Iterable[Path]) -> Path:
    unpacked = beside / "new"
    files = unpacked / _FILES
    files.mkdir(parents=True)
    unpacked.chmod(0o755)
    files.chmod(0o755)
    for archive in archives:
        with _opened(archive) as opened:
            _extract(opened, files, archive)
    (unpacked / _SEAL).write_text(_seal(files), encoding="ascii")
    return unpacked


def _put_in_place(unpacked: Path, folder: Path) -> None:
    """Give a folder its name, unless another process was faster; away with a touched one."""
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_untouched(folder):
            with contextlib.suppress(FileNotFoundError):
                folder.rename(unpacked.parent / "touched")
            unpacked.rename(folder)


def _is_untouched(folder: Path) -> bool:
    try:
        return (folder / _SEAL).read_text(encoding="ascii") == _seal(folder / _FILES)
    except FileNotFoundError:
        return False


def _seal(root: Path) -> str:
    """Return a digest of what changes when anybody writes below a folder, contents unread.

    The time of the last change of status cannot be set back, as that of the last writing can.
    """
    seal = hashlib.sha256()
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in (*folders, *sorted(names)):
            path = f"{folder}/{name}"
            found = os.lstat(path)  # thousands of them at each start
            seal.update(f"{path[len(str(root)) :]}\0".encode(errors="surrogateescape"))
            seal.update(f"{found.st_ino} {found.st_size} {found.st_ctime_ns}\0".encode())
    return seal.hexdigest()


def _key(archives: tuple[Path, ...]) -> str:
    key = hashlib.sha256(_FORMAT.encode())
    for archive in archives:
        _opened(archive).close()  # the error for what cannot be opened
        with archive.open("rb") as file:
            key.update(hashlib.file_digest(file, "sha256").digest())
    return key.hexdigest()


def _extract(archive: zipfile.ZipFile, root: Path, path: Path) -> None:
    for entry in archive.infolist():
        target = _target(entry, root, path)
        try:
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # a layer's file over an earlier layer's
            with archive.open(entry) as source:
                _write(source, target, entry, root)
        except _UNREADABLE as error:
            raise ArtifactError(f"{path}: {entry.filename} cannot be unpacked: {error}") from error


def _target(entry: zipfile.ZipInfo, root: Path, path: Path) -> Path:
    """Return where an entry goes. A symbolic link on the way counts as what it points to."""
    target = root / entry.filename
    parent = target.parent.resolve()
    if ".." in Path(entry.filename).parts or not parent.is_relative_to(root.resolve()):
        raise ArtifactError(f"{path}: {entry.filename} would be written outside of the package")
    return target


def _write(source: IO[bytes], target: Path, entry: zipfile.ZipInfo, root: Path) -> None:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        points_to = source.read().decode()
        if not (target.parent / points_to).resolve().is_relative_to(root.resolve()):
            raise ValueError(f"it points outside of the package, to {points_to}")
        target.symlink_to(points_to)
        return
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1024 * 1024)
    # Zips made without modes are common; unzip leaves those readable too.
    target.chmod(0o755 if mode & 0o111 else 0o644)
    # Lambda keeps the dates of the zip, and timestamp .pyc are valid or stale by them. Its clock
    # is UTC. Month and day may be 0 where a tool wrote no date.
    year, month, day, *clock = entry.date_time
    modified = calendar.timegm((year, max(1, month), max(1, day), *clock))
    os.utime(target, (modified, modified))
