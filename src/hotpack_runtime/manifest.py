"""Reads the manifest (docs/pack-format.md): which frames there are, and which files they hold."""

from __future__ import annotations

import json

from hotpack_runtime.errors import RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    FileRow = tuple[str, int, int, bool]
    """Path, start in the stream, size in bytes, whether it is executable."""

FORMAT = 1


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
    """One frame: where it is in its pack, and the run of the stream that it decompresses to."""

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


class Manifest:
    """What a function's packs hold.

    Attributes: tree, handler, bucket, packs, frames in the order to restore them, and files as
    rows of path, start, size, executable, sorted by start.

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
        self.packs = [Pack(p["name"], p["size"], p["key"], p["holds"]) for p in document["packs"]]
        self.frames = []
        start = 0
        for pack, offset, size, raw_size, sha256 in document["frames"]:
            self.frames.append(Frame(self.packs[pack], offset, size, raw_size, sha256, start))
            start += raw_size
        self.files: list[FileRow] = document["files"]
        self._check(start)

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

    def _check(self, stream_size: int) -> None:
        """Raise ValueError for files that overlap, that repeat, or that leave tree or stream."""
        reached, last = 0, (0, 0)
        for path, start, size, _executable in self.files:
            same = (start, size) == last
            if size < 0 or not (start >= reached or same) or start + size > stream_size:
                raise ValueError(f"{path!r} is not a run of its own in the stream")
            if path.startswith("/") or not all(p not in ("", ".", "..") for p in path.split("/")):
                raise ValueError(f"{path!r} leaves the tree")
            reached, last = start + size, (start, size)
        if len({row[0] for row in self.files}) != len(self.files):
            raise ValueError("a path stands in it twice")
