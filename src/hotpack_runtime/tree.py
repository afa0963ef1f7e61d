"""The tree as Python sees it: what is touched and not there yet is restored first."""

from __future__ import annotations

import os
import sys

from hotpack_runtime.errors import RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from hotpack_runtime.manifest import Manifest, Row
    from hotpack_runtime.restorer import Restorer


class Tree:
    """The files of a manifest below the folder `root`, which may not be there yet."""

    def __init__(self, manifest: Manifest, restorer: Restorer, root: str) -> None:
        self.root = root
        self.folders = manifest.folders
        self.files_in = manifest.files_in
        self._mark = os.path.basename(root)
        """Stands in every path that leads here, but for those over links and folders' handles."""

        self._prefix = f"{root}/"
        self._needs = manifest.needs
        self._restorer = restorer
        self._children: dict[str, list[str]] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every file is there, so that nothing has to be watched."""
        return self._restorer.is_complete

    def inside(self, path: object, dir_fd: int | None = None) -> str | None:
        """Return where a path is below the root, None where it is elsewhere."""
        if type(path) is not str:
            path = _text(path)
            if path is None:
                return None
        if not path.startswith("/"):
            folder = _folder_of(dir_fd)
            if self._mark not in folder and self._mark not in path:
                return None
            path = f"{folder}/{path}"
        if self._mark not in path:
            return None
        if "/." in path or "//" in path or path.endswith("/"):
            path = self._normal(path)
        if path.startswith(self._prefix):
            return path[len(self._prefix) :]
        return "" if path == self.root else None

    def touch(self, path: object, dir_fd: int | None = None) -> None:
        """Return when what a path names is there, if it is in the tree."""
        if type(path) is int:
            return  # it is open
        below = self.inside(path, dir_fd)
        if below is None:
            return
        folder, _, name = below.rpartition("/")
        row = self.files_in(folder).get(name) if folder in self.folders else None
        if row is not None:
            self._restore(below, row)
        elif below in self.folders:
            self._restorer.make_folder(below)
        elif folder in self.folders:
            self._restorer.make_folder(folder)  # something new may be put there

    def load(self, path: str) -> None:
        """Return when an extension module is there that is about to be imported."""
        below = self.inside(path)
        folder, _, name = (below or "").rpartition("/")
        row = self.files_in(folder).get(name) if below and folder in self.folders else None
        if row is not None and self._restorer.units[row[0]].is_cold:
            self._restorer.catch_up()
        self.touch(path)

    def touch_all_in(self, path: object) -> None:
        """Return when what is directly in a folder is there, if it is in the tree."""
        if isinstance(path, int):
            path = _folder_of(path)
        below = self.inside("." if path is None else path)
        if below is None or below not in self.folders:
            return
        prefix = f"{below}/" if below else ""
        self._restorer.make_folder(below)
        for name in self._folders_in(below):
            self._restorer.make_folder(prefix + name)
        for name, row in self.files_in(below).items():
            self._restore(prefix + name, row)

    def holds_folder(self, path: object, dir_fd: int | None = None) -> bool:
        """Return whether a path is a folder of the tree."""
        return self.inside(path, dir_fd) in self.folders

    def is_below(self, path: object, dir_fd: int | None = None) -> bool:
        """Return whether a path is the folder that the tree is in, or one above that."""
        text = _text(path)
        if text is None:
            return False
        folder = os.path.realpath(os.path.join(_folder_of(dir_fd), text))
        return self._prefix.startswith(os.path.join(folder, ""))

    def touch_everything(self) -> None:
        """Return when every file and every folder is there."""
        self._restorer.everything()
        for folder in self.folders:
            self._restorer.make_folder(folder)

    def count_missing(self) -> int:
        """Return how many files are not there yet."""
        rows = (row for folder in self.folders for row in self.files_in(folder).values())
        return sum(not self._restorer.is_there(row[0]) for row in rows)

    def _restore(self, below: str, row: Row) -> None:
        try:
            self._restorer.ensure(row[0])
        except RestoreError:
            if not _is_for_a_traceback():
                raise
        for library in self._needs.get(below, ()):
            folder, _, name = library.rpartition("/")
            needed = self.files_in(folder).get(name)
            if needed is not None:
                self._restorer.ensure(needed[0])

    def _folders_in(self, below: str) -> list[str]:
        """Return the names of the folders directly in a folder."""
        if self._children is None:
            self._children = {}
            for folder in self.folders:
                parent, _, name = folder.rpartition("/")
                if name:
                    self._children.setdefault(parent, []).append(name)
        return self._children.get(below, [])

    def _normal(self, path: str) -> str:
        """Return a path without `.`, `..` and empty parts; each folder on the way is made."""
        parts: list[str] = []
        for part in path.split("/"):
            if part == "..":
                self.touch("/" + "/".join(parts))
                del parts[-1:]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)


def _is_for_a_traceback() -> bool:
    """Return whether a source is wanted to show lines of: an error is told without them."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - there is no other way to ask
    while frame is not None and frame.f_globals.get("__name__") != "linecache":
        frame = frame.f_back
    return frame is not None


def _text(path: object) -> str | None:
    try:
        return os.fsdecode(path)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None  # whoever gets it says what is wrong with it


def _folder_of(handle: int | None) -> str:
    """Return the folder that a handle is of; without one, that of the process."""
    try:
        if handle is None or handle < 0:
            return os.getcwd()  # each time: another thread may change it, at any moment
        return os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return ""  # it was removed
