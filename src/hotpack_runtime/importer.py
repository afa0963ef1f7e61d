"""Imports from the tree: finds modules without looking at the disk, and takes bytecode from packs.

`TreeFinder` answers for the folders of the tree as `FileFinder` would, in the standard place, a
path hook: namespace packages, `pkgutil` and `importlib.resources` work as they do for files.
"""

from __future__ import annotations

import _imp
import marshal
import sys
from _frozen_importlib_external import MAGIC_NUMBER, spec_from_file_location
from _imp import _fix_co_filename  # type: ignore[attr-defined]
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType
    from typing import Any

    from hotpack_runtime.packs import Buffer
    from hotpack_runtime.restorer import Restorer
    from hotpack_runtime.tree import Tree

_UNCHECKED = b"\x01\x00\x00\x00"
"""The flags of bytecode that is valid whatever its source is (PEP 552)."""

_HEADER_BYTES = 16


stores: list[Callable[[str], Buffer | None]] = []
"""Who has bytecode in memory: they return what is in a source's bytecode file, None for others."""


class StoredLoader(SourceFileLoader):
    """Loads a module of a source; its bytecode may be in memory alone."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code, of its bytecode where there is some."""
        if not sys.flags.optimize and _imp.check_hash_based_pycs == "default":
            for bytecode_of in stores:
                content = bytecode_of(self.path)
                if content is not None and bytes(content[:8]) == MAGIC_NUMBER + _UNCHECKED:
                    code: CodeType = marshal.loads(content[_HEADER_BYTES:])  # noqa: S302 - ours
                    _fix_co_filename(code, self.path)  # as importlib does for what it reads
                    return code
        return super().get_code(fullname)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write no bytecode: where a full install is, on Lambda, nothing can be written."""


LOADERS: dict[str, Any] = {
    **dict.fromkeys(EXTENSION_SUFFIXES, ExtensionFileLoader),
    **dict.fromkeys(SOURCE_SUFFIXES, StoredLoader),
    **dict.fromkeys(BYTECODE_SUFFIXES, SourcelessFileLoader),
}
"""What loads a module by the suffix of its file, in Python's own order."""


def spec_of(
    suffix: str, fullname: str, path: str, locations: list[str] | None
) -> ModuleSpec | None:
    """Return the spec of a module that is there; a package has its folder as `locations`."""
    return spec_from_file_location(
        fullname,
        path,
        loader=LOADERS[suffix](fullname, path),
        submodule_search_locations=locations,
    )


class FolderFinder(FileFinder):
    """Finds the modules in a folder, with loaders that may have their bytecode in memory."""

    def __init__(self, path: str) -> None:
        details = ((loader, [suffix]) for suffix, loader in LOADERS.items())
        super().__init__(path.rstrip("/") or "/", *details)


def path_hook(tree: Tree, restorer: Restorer) -> Callable[[str], TreeFinder]:
    """Return what makes finders for the tree's folders."""
    tag = f".{sys.implementation.cache_tag}.pyc"

    def bytecode_of(path: str) -> Buffer | None:
        below = tree.inside(path)
        if below is None:
            return None
        folder, _, name = below.rpartition("/")
        cached = tree.files_in(f"{folder}/__pycache__" if folder else "__pycache__")
        row = cached.get(name.removesuffix(".py") + tag)
        if row is None or not restorer.units[row[0]].group.is_bytecode:
            return None
        if restorer.units[row[0]].is_cold:
            restorer.catch_up()
        return restorer.bytecode(*row[:3])

    def finder(path: str) -> TreeFinder:
        if tree.inside(path) not in tree.folders:
            raise ImportError("not a folder of the tree")
        return TreeFinder(path, tree)

    stores.append(bytecode_of)
    return finder


class TreeFinder(FolderFinder):
    """Finds the modules in one folder of the tree."""

    def __init__(self, path: str, tree: Tree) -> None:
        super().__init__(path)
        self._tree = tree
        self._below = tree.inside(path) or ""

    def find_spec(
        self,
        fullname: str,
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        """Return the spec of a module in this folder, or of a part of a namespace package."""
        name = fullname.rpartition(".")[2]
        base = f"{self.path}/{name}"
        below = f"{self._below}/{name}" if self._below else name
        is_folder = below in self._tree.folders
        if is_folder:
            package = self._tree.files_in(below)
            for suffix in LOADERS:
                if f"__init__{suffix}" in package:
                    return spec_of(suffix, fullname, f"{base}/__init__{suffix}", [base])
        files = self._tree.files_in(self._below)
        for suffix in LOADERS:
            if name + suffix in files:
                return spec_of(suffix, fullname, base + suffix, None)
        if not is_folder:
            return None
        spec = ModuleSpec(fullname, None)
        spec.submodule_search_locations = [base]
        return spec
