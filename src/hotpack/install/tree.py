"""The installed files of all distributions, listed."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from packaging.utils import canonicalize_name

from hotpack.errors import DependencyError
from hotpack.install.wheels import NO_WHEELS, Wheel, Wheels


class Kind(StrEnum):
    """What a file is for, told from its name (and, for data, its first bytes)."""

    SOURCE = "source"
    BYTECODE = "bytecode"
    EXTENSION = "extension"
    """An extension module: a shared library that Python imports."""

    LIBRARY = "library"
    """A shared library that another library or ctypes loads."""

    EXECUTABLE = "executable"
    DATA = "data"
    METADATA = "metadata"
    """In a `.dist-info`: `importlib.metadata` reads it at run time."""

    STUB = "stub"
    HEADER = "header"
    STATIC = "static"
    """A static library or an object file: only a linker wants it."""

    TEST = "test"

    @property
    def is_cold(self) -> bool:
        """Whether a cold start has no use for files of this kind, as a rule."""
        return self in _COLD


_COLD: Final = frozenset({Kind.STUB, Kind.HEADER, Kind.STATIC, Kind.TEST})


@dataclass(frozen=True, slots=True)
class File:
    """One installed file."""

    path: str
    """Relative to the tree's root, with forward slashes."""

    size: int
    """In bytes."""

    sha256: str
    kind: Kind
    distribution: str
    """Canonical name of the distribution whose RECORD lists it."""

    executable: bool
    source: Path
    """Where the content is on this machine."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed package."""

    name: str
    """Canonical, e.g. `typing-extensions`."""

    version: str

    wheel: Wheel | None = None
    """What it was installed from; None where that is not known for sure."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All files, sorted by path, and the distributions that they belong to, sorted by name."""

    distributions: tuple[Distribution, ...]
    files: tuple[File, ...]

    @property
    def size_bytes(self) -> int:
        """Sum of the files' sizes, which is how Lambda counts."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 over every path, content and mode."""
        listing = hashlib.sha256()
        for file in self.files:
            listing.update(f"{file.path}\0{file.sha256}\0{file.executable}\n".encode())
        return listing.hexdigest()

    def by_distribution(self) -> dict[str, tuple[File, ...]]:
        """Return every distribution's files, in the order of the tree; empty ones included."""
        groups: dict[str, list[File]] = {item.name: [] for item in self.distributions}
        for file in self.files:
            groups[file.distribution].append(file)
        return {name: tuple(files) for name, files in groups.items()}

    def bytes_by_distribution(self) -> dict[str, int]:
        """Return what every distribution weighs."""
        groups = self.by_distribution()
        return {name: sum(file.size for file in files) for name, files in groups.items()}

    def replaced(self, files: Iterable[File]) -> Self:
        """Return a tree of the same distributions with other files."""
        return type(self)(self.distributions, tuple(sorted(files, key=lambda file: file.path)))

    def to_json(self, root: Path) -> str:
        """Return the listing as text, with sources relative to `root`, for the cache."""
        rows = [
            [f.path, f.size, f.sha256, f.kind, f.distribution, f.executable, _below(root, f.source)]
            for f in self.files
        ]
        distributions = [
            [d.name, d.version, [d.wheel.name, d.wheel.sha256] if d.wheel else None]
            for d in self.distributions
        ]
        return json.dumps({"distributions": distributions, "files": rows})

    @classmethod
    def from_json(cls, text: str, root: Path) -> Self:
        """Return the tree that `to_json` wrote."""
        document = json.loads(text)
        return cls(
            tuple(
                Distribution(name, version, Wheel(*wheel) if wheel else None)
                for name, version, wheel in document["distributions"]
            ),
            tuple(
                File(path, size, sha256, Kind(kind), distribution, executable, root / source)
                for path, size, sha256, kind, distribution, executable, source in document["files"]
            ),
        )


EMPTY_TREE: Final = Tree((), ())


def list_tree(root: Path, extension_suffix: str, wheels: Wheels = NO_WHEELS) -> Tree:
    """Return the listing of the distributions installed in the folder `root`.

    Files count that a RECORD lists; what an installer leaves beside them does not.
    `extension_suffix` is the target's, e.g. `.cpython-313-`; `wheels` are those it may come from.

    Raises DependencyError for an editable install, which points to files outside of the tree.
    """
    owners: dict[str, str] = {}
    distributions = []
    for info in sorted(root.glob("*.dist-info")):
        name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
        _refuse_editable(info)
        distributions.append(Distribution(canonicalize_name(name), version, wheels.installed(info)))
        owners |= dict.fromkeys(_recorded(root, info), canonicalize_name(name))
    with ThreadPoolExecutor() as pool:
        files = pool.map(
            lambda item: _list_file(root, *item, extension_suffix=extension_suffix),
            sorted(owners.items()),
        )
        return Tree(tuple(sorted(distributions, key=lambda item: item.name)), tuple(files))


def _recorded(root: Path, info: Path) -> Iterable[str]:
    """Yield the paths that exist of those a RECORD lists; it may name files that uv left out."""
    with (info / "RECORD").open(newline="", encoding="utf-8") as record:
        for row in csv.reader(record):
            path = os.path.normpath(row[0]) if row else ""
            inside = path and path != ".." and not path.startswith(("../", "/"))
            if inside and not _of_this_machine(root / path) and (root / path).is_file():
                yield path


def _of_this_machine(path: Path) -> bool:
    """Return whether uv wrote there when and from which folder it installed a local wheel."""
    if not path.parent.name.endswith(".dist-info"):
        return False
    is_origin = path.name == "direct_url.json" and b"file://" in path.read_bytes()
    return is_origin or path.name == "uv_cache.json"


def _refuse_editable(info: Path) -> None:
    origin = info / "direct_url.json"
    if origin.is_file() and json.loads(origin.read_text()).get("dir_info", {}).get("editable"):
        raise DependencyError(
            f"{info.name.split('-')[0]} is an editable install, which a function cannot hold",
            hint="build a wheel of it (`uv build --wheel`) and name that; the project's own code "
            "is added by itself",
        )


def _list_file(root: Path, path: str, distribution: str, *, extension_suffix: str) -> File:
    source = root / path
    with source.open("rb") as content:
        magic = content.read(4)
        content.seek(0)
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
    return File(
        path,
        size,
        digest,
        _kind(path, magic, extension_suffix),
        distribution,
        os.access(source, os.X_OK),
        source,
    )


_TEST_FOLDERS: Final = frozenset({"tests", "test", "testing_data", "_tests"})
_LIBRARY: Final = re.compile(r"\.so(\.[0-9]+)*$")
_SUFFIXES: Final = {
    ".py": Kind.SOURCE,
    ".pyc": Kind.BYTECODE,
    ".pyi": Kind.STUB,
    ".h": Kind.HEADER,
    ".hh": Kind.HEADER,
    ".hpp": Kind.HEADER,
    ".cuh": Kind.HEADER,
    ".inc": Kind.HEADER,
    ".pxd": Kind.HEADER,
    ".a": Kind.STATIC,
    ".o": Kind.STATIC,
    ".lib": Kind.STATIC,
}


def _kind(path: str, magic: bytes, extension_suffix: str) -> Kind:
    folders, _, name = path.rpartition("/")
    parts = folders.split("/")
    if parts[0].endswith(".dist-info"):
        return Kind.METADATA
    if _TEST_FOLDERS.intersection(parts):
        return Kind.TEST
    if _LIBRARY.search(name):
        is_extension = extension_suffix in name or name.endswith(".abi3.so")
        return Kind.EXTENSION if is_extension else Kind.LIBRARY
    if magic == b"\x7fELF":
        return Kind.EXECUTABLE
    return _SUFFIXES.get(Path(name).suffix, Kind.DATA)


def _below(root: Path, path: Path) -> str:
    return os.path.relpath(path, root)
