"""The starter: makes a handler start sooner than a bare import does (docs/performance.md).

`start.json` says which tricks are used; none of them changes what the handler sees. What is raw in
the function has its bytecode in one file, so that a module is found and read without the disk.
"""

from __future__ import annotations

import gc
import json
import os
import sys

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.importer import LOADERS, FolderFinder, spec_of, stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, TypeVar

    T = TypeVar("T")

    Known = dict[str, tuple[str, int, int]]
    """Module of a folder to its file there, and where its bytecode is: start, size."""

FORMAT = 1

ONE_PIECE_SLOTS = 65_536
"""Python keeps the frames of what it calls in pieces of 16 KB and gives a piece back at once when
its last frame ends, so a loop at the edge of one maps and unmaps memory with every call: spaCy's
import does it 4,000 times. A piece is a power of two and holds its first frame: one of half a
megabyte leaves the other half to all that is called from it."""


class Start:
    """What `start.json` says."""

    def __init__(self, document: dict[str, Any], here: str) -> None:
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}, and this runtime reads {FORMAT}")
        self.handler: str = document["handler"]
        self._here = here
        self._folder = os.path.dirname(here)
        self._tricks: list[str] = document["tricks"]
        self._modules: dict[str, str] = document["modules"]

    @classmethod
    def read(cls, here: str) -> Start:
        """Return what the file in the folder `here` says; raises RestoreError for a wrong one."""
        path = f"{here}/start.json"
        try:
            with open(path, "rb") as file:
                return cls(json.loads(file.read()), here)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RestoreError(
                f"hotpack: {path} is damaged ({error!r}): build and deploy the function again"
            ) from None

    def run(self, load: Callable[[], T]) -> T:
        """Return what `load` returns, which imports the handler."""
        if self._modules:
            self._know_modules()
        if "stack" in self._tricks:
            load = _in_one_piece(load)
        return _without_collections(load) if "collector" in self._tricks else load()

    def _know_modules(self) -> None:
        """Find what is raw in the function without looking, and take its bytecode from one file."""
        from mmap import ACCESS_READ, mmap

        path = f"{self._here}/start.bytecode"
        try:
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
                content = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
        except (OSError, ValueError) as error:
            raise RestoreError(
                f"hotpack: {path} cannot be read ({error}): deploy the function again"
            ) from None
        runs: dict[str, tuple[int, int]] = {}

        def bytecode_of(path: str) -> memoryview | None:
            run = runs.get(path)
            return None if run is None else content[run[0] : run[0] + run[1]]

        root = self._folder

        def finder(path: str) -> _KnowingFinder:
            text = None
            if path == root or path.startswith(f"{root}/"):
                text = self._modules.get(path[len(root) + 1 :])
            if text is None:
                raise ImportError("nothing in it is known")
            known = _known(text)
            found = _KnowingFinder(path, known)
            for file, start, size in known.values():
                if size:
                    runs[f"{found.path}/{file}"] = start, size
            return found

        stores.append(bytecode_of)
        sys.path_hooks.insert(0, finder)
        sys.path_importer_cache.pop(root, None)


def _known(text: str) -> Known:
    known: Known = {}
    for line in text.split("\n"):
        start, size, file = line.split(" ", 2)
        known[file.partition("/")[0].partition(".")[0]] = file, int(start), int(size)
    return known


class _KnowingFinder(FolderFinder):
    """Finds what it knows of a folder without looking there, and all else as ever."""

    def __init__(self, path: str, known: Known) -> None:
        super().__init__(path)
        self._known = known

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a module in this folder, or of a part of a namespace package."""
        name = fullname.rpartition(".")[2]
        file = self._known[name][0] if name in self._known else ""
        suffix = file.removeprefix(f"{name}/__init__").removeprefix(name)
        if suffix not in LOADERS:  # not known, or built for another Python
            return super().find_spec(fullname, target)
        locations = [f"{self.path}/{name}"] if "/" in file else None
        return spec_of(suffix, fullname, f"{self.path}/{file}", locations)


def _without_collections(load: Callable[[], T]) -> T:
    """Return what `load` returns; the collector would look through all that it makes, repeatedly.

    The collector is afterwards as it was, unless `load` has changed it.
    """
    collects = gc.get_threshold()
    gc.set_threshold(0)
    try:
        return load()
    finally:
        if gc.get_threshold()[0] == 0:  # else the handler has set another one
            if not gc.get_freeze_count():  # else the handler has frozen what it had made
                # All that was imported goes to the oldest generation, where it would be by now.
                # Left in the youngest, the next collection looks through it (docs/performance.md).
                gc.freeze()
                gc.unfreeze()
            gc.set_threshold(*collects)


def _in_one_piece(load: Callable[[], T]) -> Callable[[], T]:
    """Return `load` with room for the frames of all that it calls."""
    if sys.version_info < (3, 11):  # frames were objects
        return load

    def call() -> T:
        return load()

    call.__code__ = call.__code__.replace(co_stacksize=ONE_PIECE_SLOTS)
    return call
