"""Puts files into the folder of a tree: each whole or not at all, and notes what is there.

A file is written beside the tree and renamed into it, so that two may write the same one. A journal
says which groups are there, so that a reset sandbox, or another process, goes on from there.
"""

from __future__ import annotations

import itertools
import os
import stat

from hotpack_runtime.errors import RestoreError

_lstat = os.lstat  # before it is watched

COPY_BYTES = 4 * 1024 * 1024


class OwnPath(str):
    """A path that is touched here, which is not to be watched."""

    __slots__ = ()


class TreeFolder:
    """The folder `path`, with a journal and a place for what is half-written beside it.

    Raises OSError where something cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._journal = f"{path}.restored"
        self._beside = os.path.join(os.path.dirname(path), "partial")
        self._folders: set[str] = set()
        self._numbers = itertools.count()
        self._mine = os.urandom(4).hex()
        """In names: another container with the same /tmp may have the same process ids."""

    def open(self) -> None:
        """Make the folder, and remove what processes that are gone left half-written."""
        os.makedirs(self._beside, exist_ok=True)
        for name in os.listdir(self._beside):
            pid = name.partition("-")[0]
            if pid == str(os.getpid()) or not os.path.exists(f"/proc/{pid}"):
                self.remove(f"{self._beside}/{name}")
        if not os.path.isdir(self.path):
            self.remove(self._journal)  # of a tree that somebody removed
        os.makedirs(self.path, exist_ok=True)

    def noted(self) -> list[int]:
        """Return the groups that are there, also by other processes; some may stand twice."""
        try:
            journal = os.open(self._journal, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        try:
            done = b"".join(iter(lambda: os.read(journal, 65536), b""))
        finally:
            os.close(journal)
        entries = range(0, len(done) - 3, 4)
        return [int.from_bytes(done[place : place + 4], "little") for place in entries]

    def holds(self, files: list[tuple[str, int, int, bool]]) -> bool:
        """Return whether files are there, as `Manifest.files_of` lists them.

        They came whole, and may have been changed since; but whoever clears the folder may leave
        the journal.
        """
        return all(_kind(OwnPath(f"{self.path}/{path}")) == stat.S_IFREG for path, *_ in files)

    def note(self, index: int) -> None:
        """Note that a group is there.

        The journal is not kept open: whoever forks may close what it does not know, and open
        something else in its place.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        journal = os.open(self._journal, flags, 0o644)
        try:
            # Where a disk was full, an entry may have been cut short: it is made one of no group.
            torn = -os.fstat(journal).st_size % 4
            os.write(journal, b"\xff" * torn + index.to_bytes(4, "little"))
        finally:
            os.close(journal)

    def write(self, path: str, content: memoryview, executable: bool) -> None:
        """Put a file into the tree."""
        beside = self.new_path()
        try:
            handle = self.create(beside, executable)
            try:
                write_at(handle, content, 0)
            finally:
                os.close(handle)
            self.move(beside, path)
        except BaseException:
            self.remove(beside)  # it takes space where there may be none
            raise

    def copy(self, source: str, path: str, executable: bool) -> None:
        """Put a copy of a file into the tree."""
        beside = self.new_path()
        try:
            with open(source, "rb", buffering=0) as content:
                handle = self.create(beside, executable)
                try:
                    while os.sendfile(handle, content.fileno(), None, COPY_BYTES):
                        pass
                finally:
                    os.close(handle)
            self.move(beside, path)
        except BaseException:
            self.remove(beside)
            raise

    def new_path(self) -> str:
        """Return where a file can be written beside the tree."""
        return f"{self._beside}/{os.getpid()}-{self._mine}-{next(self._numbers)}"

    def create(self, path: str, executable: bool) -> int:
        """Return the handle of a new file."""
        mode = 0o755 if executable else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            handle = os.open(path, flags, mode)
        except FileNotFoundError:  # somebody removed the folder
            os.makedirs(self._beside, exist_ok=True)
            handle = os.open(path, flags, mode)
        os.fchmod(handle, mode)  # whatever the process's mask is
        return handle

    def move(self, beside: str, path: str) -> None:
        """Move a file that is whole to its place in the tree."""
        folder = path.rpartition("/")[0]
        self.make(folder)
        try:
            os.rename(OwnPath(beside), f"{self.path}/{path}")
        except FileNotFoundError:  # somebody removed the folder
            self._folders.clear()
            self.make(folder)
            os.rename(OwnPath(beside), f"{self.path}/{path}")

    def make(self, folder: str) -> None:
        """Make a folder of the tree, and those that it is in, if it is not there."""
        if not folder or folder in self._folders:
            return
        parent, _, name = folder.rpartition("/")
        if name in ("", ".", ".."):
            raise RestoreError(f"hotpack: the manifest is damaged ({folder!r} leaves the tree)")
        self.make(parent)
        path = OwnPath(f"{self.path}/{folder}")
        try:
            os.mkdir(path, 0o755)
            os.chmod(path, 0o755)  # noqa: S103 - whatever the process's mask is
        except FileExistsError:
            if _kind(path) == stat.S_IFLNK:
                raise RestoreError(
                    f"hotpack: {path} is a link that somebody put there, and leads elsewhere: "
                    "remove it, or all of the tree"
                ) from None
        self._folders.add(folder)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return


def _kind(path: OwnPath) -> int:
    """Return what a path is, as `stat` has it; 0 where nothing is there."""
    try:
        return stat.S_IFMT(_lstat(path).st_mode)
    except OSError:
        return 0


def free_bytes(folder: str) -> int:
    """Return how much can be written to a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def write_at(handle: int, content: memoryview, offset: int) -> None:
    """Write all of the content from an offset on."""
    while content:
        written = os.pwrite(handle, content, offset)
        content, offset = content[written:], offset + written
