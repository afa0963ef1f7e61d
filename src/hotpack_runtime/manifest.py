"""Reads the manifest (docs/pack-format.md): which groups there are, and which files they hold."""

from __future__ import annotations

import json

from hotpack_runtime.errors import RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = tuple[int, int, int, bool]
    """Group, start in the group's bytes, size in bytes, whether it is executable."""

FORMAT = 2


class Pack:
    """One pack: where it is and whose files it holds."""

    def __init__(self, name: str, size: int, key: str | None, holds: list[str]) -> None:
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

    __slots__ = ("files", "frames", "is_bytecode", "raw_size")

    def __init__(self, pack: Pack, offset: int, frames: list[list[Any]], is_bytecode: bool) -> None:
        self.is_bytecode = is_bytecode
        self.frames: list[Frame] = []
        self.files: list[tuple[str, int, int, bool]] = []
        """Path, start, size, whether it is executable."""
        start = 0
        for size, raw_size, sha256 in frames:
            self.frames.append(Frame(pack, offset, size, raw_size, sha256, start))
            offset += size
            start += raw_size
        self.raw_size = start
        if is_bytecode and len(frames) > 1:
            raise ValueError("a group of bytecode is one frame")


class Manifest:
    """What a function's packs hold.

    Attributes: tree, handler, bucket, cold, disk_bytes, variables, packs; groups in the order to
    restore them, of which the first `native`, `hot` and `lukewarm` ones (each count includes the
    one before) are needed that early; folders, their files by name; needs, the libraries that are
    loaded with a library.

    """

    def __init__(self, document: dict[str, Any]) -> None:
        if document["format"] != FORMAT:
            raise RestoreError(
                f"hotpack: the manifest has format {document['format']!r} and this runtime "
                f"reads {FORMAT}: build the function again"
            )
        self.tree: str = document["tree"]
        self.handler: str = document["handler"]
        self.bucket: str | None = document["bucket"]
        self.cold: str = document["cold"]
        self.disk_bytes: int = document["disk_bytes"]
        self.variables: dict[str, str] = document["variables"]
        self.packs = [Pack(p["name"], p["size"], p["key"], p["holds"]) for p in document["packs"]]
        self.groups = [
            Group(self.packs[pack], offset, frames, bool(is_bytecode))
            for pack, offset, is_bytecode, frames in document["groups"]
        ]
        self.native, self.hot, self.lukewarm = document["counts"]
        self.needs: dict[str, list[str]] = document["needs"]
        self.folders: dict[str, dict[str, Row]] = {
            folder: self._files(folder, rows) for folder, rows in document["folders"].items()
        }
        for group in self.groups:
            if len(group.frames) > 1 and {f[1:3] for f in group.files} != {(0, group.raw_size)}:
                raise ValueError("a group of several frames holds one file")

    @classmethod
    def read(cls, path: str) -> Manifest:
        """Return the manifest in a file; raises RestoreError where it is no manifest."""
        try:
            with open(path, "rb") as file:
                return cls(json.loads(file.read()))
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise RestoreError(
                f"hotpack: {path} is no manifest ({error!r}): build and deploy the function again"
            ) from None

    def _files(self, folder: str, rows: list[list[Any]]) -> dict[str, Row]:
        """Return a folder's files by name; raises ValueError for what leaves tree or group."""
        if folder and not all(part not in ("", ".", "..") for part in folder.split("/")):
            raise ValueError(f"{folder!r} leaves the tree")
        prefix = f"{folder}/" if folder else ""
        files: dict[str, Row] = {}
        groups = self.groups
        for name, index, start, size, executable in rows:
            group = groups[index]
            if not 0 <= start <= start + size <= group.raw_size:
                raise ValueError(f"{prefix}{name} is no run of its group's bytes")
            if name in files or "/" in name or name in ("", ".", ".."):
                raise ValueError(f"{prefix}{name!r} is no name of its own in its folder")
            group.files.append((prefix + name, start, size, bool(executable)))
            files[name] = (index, start, size, bool(executable))
        return files
