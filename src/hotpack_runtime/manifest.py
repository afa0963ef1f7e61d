"""Reads the manifest (docs/pack-format.md): which groups there are, and which files they hold."""

from __future__ import annotations

import hashlib
import json
import os

from hotpack_runtime.errors import RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = tuple[int, int, int, bool]
    """Group, start in the group's bytes, size in bytes, whether it is executable."""

FORMAT = 4
FRAME_RAW_BYTES = 4 * 1024 * 1024
"""What a frame decompresses to at most: who reads one has to have room for it."""

_SEAL = b',"sha256":"'
"""Before the manifest's own digest, which is over all that stands before it."""

_COLDS = ("background", "eager", "touch")


class Pack:
    """One pack: where it is and whose files it holds."""

    def __init__(self, name: str, size: int, key: str | None, holds: list[str]) -> None:
        if not _is_digest(name) or not _is_size(size):
            raise ValueError(f"{name!r} of {size!r} bytes is no pack")
        self.name = name
        self.size = size
        self.key = key
        self.holds = holds

    def __str__(self) -> str:
        shown = ", ".join(self.holds[:3]) + (", ..." if len(self.holds) > 3 else "")
        return f"pack {self.name} ({shown}; {self.size} bytes)"


class Frame:
    """One frame: where it is in its pack, and the run of its group that it decompresses to."""

    __slots__ = ("offset", "pack", "raw_size", "sha256", "size", "start")

    def __init__(
        self, pack: Pack, offset: int, size: int, raw_size: int, sha256: str, start: int
    ) -> None:
        self.pack = pack
        self.offset = offset
        self.size = size
        self.raw_size = raw_size
        self.sha256 = sha256
        self.start = start


class Group:
    """What is restored together: frames that follow each other in a pack, and their files."""

    __slots__ = ("folders", "frames", "is_bytecode", "raw_size")

    def __init__(
        self, pack: Pack, offset: int, frames: list[Any], is_bytecode: bool, folders: list[str]
    ) -> None:
        self.is_bytecode = is_bytecode
        self.folders = folders
        """Where its files are."""

        self.frames: list[Frame] = []
        start = 0
        for size, raw_size, sha256 in frames:
            if not (type(size) is type(raw_size) is int and 0 < size <= raw_size):
                raise ValueError(f"a frame of {size!r} bytes that become {raw_size!r}")
            if raw_size > FRAME_RAW_BYTES:
                raise ValueError(f"a frame of {raw_size} bytes, of which {FRAME_RAW_BYTES} are few")
            self.frames.append(Frame(pack, offset, size, raw_size, sha256, start))
            offset += size
            start += raw_size
        self.raw_size = start
        if offset > pack.size:
            raise ValueError(f"a group that ends at byte {offset} of {pack.size}")
        if is_bytecode and len(frames) > 1:
            raise ValueError("a group of bytecode is one frame")


class Manifest:
    """What a function's packs hold.

    Attributes: tree, bucket, cold, disk_bytes, variables, packs; groups in the order to
    restore them, of which the first `hot` ones are needed before the handler is imported and the
    first `lukewarm` ones, those included, before it is called; folders, by name; needs, the
    libraries that are loaded with a library.

    """

    def __init__(self, document: dict[str, Any]) -> None:
        """Check the document, as json reads it; raises ValueError or its like for a wrong one.

        What a folder holds is checked when it is asked for.
        """
        self.tree: str = document["tree"]
        self.bucket: str | None = document["bucket"]
        self.cold: str = document["cold"]
        self.disk_bytes: int = document["disk_bytes"]
        self.variables: dict[str, str] = document["variables"]
        self.packs = [Pack(p["name"], p["size"], p["key"], p["holds"]) for p in document["packs"]]
        self.folders: dict[str, str] = document["folders"]
        self.needs: dict[str, list[str]] = document["needs"]
        self.hot: int
        self.lukewarm: int
        self.hot, self.lukewarm = document["counts"]
        if not (_is_digest(self.tree) and self.cold in _COLDS and _is_size(self.disk_bytes)):
            raise ValueError(f"tree {self.tree!r}, cold {self.cold!r}, {self.disk_bytes!r} bytes")
        names = list(self.folders)
        for _, offset, _, _, folders in document["groups"]:
            if not _is_size(offset) or min(folders, default=0) < 0:
                raise ValueError(f"a group at byte {offset!r} with files in folders {folders!r}")
        self.groups = [
            Group(
                self.packs[_not_from_behind(pack)],
                offset,
                frames,
                bool(is_bytecode),
                [names[i] for i in folders],
            )
            for pack, offset, is_bytecode, frames, folders in document["groups"]
        ]
        if not 0 <= self.hot <= self.lukewarm <= len(self.groups):
            raise ValueError(f"{self.hot} and {self.lukewarm} of {len(self.groups)} groups")
        self._files: dict[str, dict[str, Row]] = {}

    @classmethod
    def read(cls, path: str) -> Manifest:
        """Return the manifest in a file; raises RestoreError where it is no manifest."""
        try:
            with open(path, "rb") as file:
                text = file.read()
            document = json.loads(text)
            version = document["format"]
            if version == FORMAT:
                _check_seal(text)
                return cls(document)
        except (
            *(OSError, ValueError, LookupError, TypeError, AttributeError),
            RecursionError,  # brackets in brackets
        ) as error:
            raise RestoreError(
                f"hotpack: {path} is no manifest ({error!r}): build and deploy the function again"
            ) from None
        raise RestoreError(
            f"hotpack: the manifest has format {version!r} and this runtime reads {FORMAT}: build "
            "the function again"
        )

    def files_in(self, folder: str) -> dict[str, Row]:
        """Return a folder's files by name; none where there is no such folder.

        Read when it is asked for: tensorflow has 20,000 files, and a start looks at 400 folders.
        """
        files = self._files.get(folder)
        if files is None:
            try:
                files = self._read(folder, self.folders.get(folder, ""))
            except (ValueError, IndexError, TypeError, AttributeError) as error:
                raise _damaged(str(error)) from None
            self._files[folder] = files
        return files

    def files_of(self, index: int) -> list[tuple[str, int, int, bool]]:
        """Return the files of a group: path, start, size, whether it is executable."""
        group = self.groups[index]
        found = [
            (f"{folder}/{name}" if folder else name, start, size, executable)
            for folder in group.folders
            for name, (of, start, size, executable) in self.files_in(folder).items()
            if of == index
        ]
        if len(group.frames) > 1 and {f[1:3] for f in found} != {(0, group.raw_size)}:
            raise _damaged("a group of several frames holds one file")
        if max((start + size for _, start, size, _ in found), default=0) != group.raw_size:
            raise _damaged("a group's folders do not hold all of its files")
        return found

    def _read(self, folder: str, text: str) -> dict[str, Row]:
        """Return a folder's files; raises ValueError for what leaves the tree or its group."""
        if folder and not all(part not in ("", ".", "..") for part in folder.split("/")):
            raise ValueError(f"{folder!r} leaves the tree")
        if not (text.isascii() and folder.isascii()):
            os.fsencode(text), os.fsencode(folder)  # or no file can have that name
        if "\0" in text or "\0" in folder:
            raise ValueError(f"{folder!r} holds a name that no file can have")
        files: dict[str, Row] = {}
        for line in text.split("\n") if text else ():
            index, start, size, executable, name = line.split(" ", 4)
            row = int(index), int(start), int(size), executable == "1"
            if row[0] < 0 or not 0 <= row[1] <= row[1] + row[2] <= self.groups[row[0]].raw_size:
                raise ValueError(f"{folder}/{name} is no run of its group's bytes")
            if name in files or "/" in name or name in ("", ".", ".."):
                raise ValueError(f"{folder}/{name!r} is no name of its own in its folder")
            files[name] = row
        return files


def _damaged(what: str) -> RestoreError:
    return RestoreError(
        f"hotpack: the manifest is damaged ({what}): build and deploy the function again"
    )


def _check_seal(text: bytes) -> None:
    """Raise ValueError where a byte of a manifest is another than when it was written."""
    content, _, digest = text.rpartition(_SEAL)
    if digest != hashlib.sha256(content).hexdigest().encode() + b'"}':
        raise ValueError("it does not have the SHA-256 at its end")


def _is_digest(text: object) -> bool:
    return type(text) is str and len(text) == 64 and not text.strip("0123456789abcdef")


def _is_size(number: object) -> bool:
    return type(number) is int and number >= 0


def _not_from_behind(index: int) -> int:
    """Return a place in a list, which Python would count from its end where it is negative."""
    if index < 0:
        raise IndexError(index)
    return index
