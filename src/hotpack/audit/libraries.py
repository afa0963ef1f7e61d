"""All libraries of a tree, and which of them need which."""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from hotpack.binaries import Library, read_library
from hotpack.cache import Cache, digest_of
from hotpack.install import File, Kind, Tree

_VERSION: Final = 1
_BINARIES: Final = frozenset({Kind.EXTENSION, Kind.LIBRARY, Kind.EXECUTABLE})


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries and executables of a tree, by path, each with its file."""

    by_path: Mapping[str, tuple[File, Library]]

    def providers(self) -> dict[str, frozenset[str]]:
        """Return who has a library of that name: file name or soname to distributions."""
        found: dict[str, set[str]] = {}
        for path, (file, library) in self.by_path.items():
            for name in {PurePosixPath(path).name, library.soname}:
                if name:
                    found.setdefault(name, set()).add(file.distribution)
        return {name: frozenset(owners) for name, owners in found.items()}

    def loaded_by(self, files: Iterable[File]) -> set[str]:
        """Return the paths of the libraries that loading these files loads, and so on."""
        paths: dict[str, list[str]] = {}
        for path, (_, library) in self.by_path.items():
            for name in {PurePosixPath(path).name, library.soname}:
                paths.setdefault(name or "", []).append(path)
        waiting = [file.path for file in files if file.path in self.by_path]
        loaded: set[str] = set()
        while waiting:
            for name in self.by_path[waiting.pop()][1].needed:
                new = set(paths.get(name, ())) - loaded
                loaded |= new
                waiting += new
        return loaded

    def needs_between(self) -> Iterator[tuple[File, str, str]]:
        """Yield every need that crosses distributions: file, library's name, who has it.

        A library that the file's own distribution has too is found there.
        """
        providers = self.providers()
        for file, library in self.by_path.values():
            for name in library.needed:
                owners = providers.get(name, frozenset())
                if file.distribution not in owners:
                    for owner in sorted(owners):
                        yield file, name, owner


def read_libraries(tree: Tree, cache: Cache) -> Libraries:
    """Return the tree's libraries; what was read of the same content before is not read again."""
    files = [file for file in tree.files if file.kind in _BINARIES]
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda file: _read(file, cache), files)
        return Libraries(
            {
                file.path: (file, library)
                for file, library in zip(files, read, strict=True)
                if library
            }
        )


def _read(file: File, cache: Cache) -> Library | None:
    key = digest_of("library", _VERSION, file.sha256)
    path = cache.path("libraries", key)
    if not path.is_file():
        library = read_library(file.source)
        document = json.dumps(asdict(library) if library else None)
        cache.put("libraries", key, document.encode())
    return _from_json(json.loads(path.read_bytes()))


def _from_json(document: dict[str, Any] | None) -> Library | None:
    if document is None:
        return None
    return Library(
        document["machine"],
        document["soname"],
        tuple(document["needed"]),
        tuple(document["search"]),
        tuple((library, version) for library, version in document["versions"]),
    )
