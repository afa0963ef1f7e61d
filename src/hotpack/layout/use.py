"""Which files a cold start uses, in which order: by a profile, else by the project's imports."""

import importlib.util
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

from hotpack.install import File, Kind, Tree
from hotpack.layout.imports import Imports
from hotpack.layout.modules import Modules
from hotpack.profile import Profile, Touch
from hotpack.target import Target

Basis = Literal["profile", "stale profile", "imports"]
"""What says which files are used: a profile, one of other versions, or what imports reach."""

REACHED_BY_C: Final = frozenset({Kind.DATA, Kind.LIBRARY, Kind.EXECUTABLE})
"""What code in C could open without Python's knowing."""

_LOOKS: Final = frozenset({"accessed", "statted"})

_TAG: Final = re.compile(r"\.cpython-[\w-]+(?=\.(?:pyc|so)$)")
"""The part of a file's name that other runtimes and processors have other words for."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a cold start uses."""

    paths: tuple[str, ...]
    """In the order of first use."""

    native: frozenset[str]
    """Those that code in C may touch without Python's knowing, with what a loader loads for them
    that is not there already."""

    basis: Basis


def changed_since(profile: Profile, tree: Tree, target: Target) -> tuple[str, ...]:
    """Return the distributions that the profile is not of: all of them on another target."""
    versions = {item.name: item.version for item in tree.distributions}
    if (profile.runtime, profile.architecture) != (target.runtime.name, target.architecture):
        return tuple(sorted(versions))
    return profile.stale(versions)


def traced(
    profile: Profile, tree: Tree, needs: Mapping[str, Collection[str]], changed: Collection[str]
) -> Use:
    """Return what a profile says is used, as far as it is there.

    A library that code in C touched is not native where a loader only came for it because of an
    extension module or a library that Python loads: it is there when that one is. Of the `changed`
    distributions a profile does not tell what C opens: all that it could counts as native.
    """
    find = _Finder.of(tree)
    paths = {file.path: None for file in tree.files if _is_in_reach_of_c(file, changed)}
    native = _with_needs(paths, needs)
    loaded: set[str] = set()
    for touch in profile.touches:
        found = find.used(touch)
        paths.update(dict.fromkeys(found))
        if touch.native:
            native |= _with_needs(found, needs) - loaded
        else:
            loaded.update(needed for path in found for needed in needs.get(path, ()))
    basis: Basis = "stale profile" if changed else "profile"
    return Use(tuple(paths), frozenset(native), basis)


def imported(
    tree: Tree,
    names: Iterable[str],
    imports_of: Callable[[File], Imports],
    needs: Mapping[str, Collection[str]],
) -> Use:
    """Return what importing the names uses, as far as that can be told without running anything.

    Of the distributions that are reached, and of those without modules, which only C can use, all
    that C could open counts as native.
    """
    modules = Modules.of(tree.files)
    reached = modules.reached(names, imports_of)
    without = {item.name for item in tree.distributions}
    without -= {file.distribution for file in modules.by_name.values()}
    owners = without | {file.distribution for file in reached}
    native = [file.path for file in tree.files if _is_in_reach_of_c(file, owners)]
    bytecode = _bytecode_by_source(tree)
    used = [bytecode.get(file.path, file.path) for file in reached]
    used += [file.path for file in tree.files if _is_read_as_metadata(file, owners)]
    return Use((*native, *used), frozenset(_with_needs(native, needs)), "imports")


def _with_needs(paths: Iterable[str], needs: Mapping[str, Collection[str]]) -> set[str]:
    return {needed for path in paths for needed in (path, *needs.get(path, ()))}


def _is_in_reach_of_c(file: File, owners: Collection[str]) -> bool:
    return file.kind in REACHED_BY_C and file.distribution in owners


def _is_read_as_metadata(file: File, owners: Collection[str]) -> bool:
    name = posixpath.basename(file.path)
    return file.kind is Kind.METADATA and (
        name == "entry_points.txt" or (name == "METADATA" and file.distribution in owners)
    )


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds the files of a tree that a profile's touches are of."""

    files: Mapping[str, File]
    bytecode: Mapping[str, str]
    """By the path of its source."""

    untagged: Mapping[str, str]
    """Bytecode and extension modules by their path without the target's tag."""

    folders: Mapping[str, list[str]]
    """What is directly in a folder."""

    @classmethod
    def of(cls, tree: Tree) -> Self:
        folders: dict[str, list[str]] = defaultdict(list)
        for file in tree.files:
            folders[posixpath.dirname(file.path) or "."].append(file.path)
        untagged = {_TAG.sub("", f.path): f.path for f in tree.files if _TAG.search(f.path)}
        files = {file.path: file for file in tree.files}
        return cls(files, _bytecode_by_source(tree), untagged, folders)

    def used(self, touch: Touch) -> list[str]:
        """Return the paths of the files that are used where a touch was recorded."""
        if "listed" in touch.ways:
            return self.folders.get(touch.path, [])
        path = touch.path if touch.path in self.files else self._renamed(touch.path)
        if path is None:
            return []
        if self.files[path].kind is Kind.SOURCE:
            is_read = not _LOOKS.issuperset(touch.ways)
            if is_read and path in self.bytecode:
                return [self.bytecode[path], path]  # perhaps traced without bytecode
        return [path]

    def _renamed(self, path: str) -> str | None:
        """Return what has the place of a file on this target; a source where bytecode is not."""
        if (tagged := self.untagged.get(_TAG.sub("", path))) is not None:
            return tagged
        source = _source_of(path)
        return source if source in self.files else None


def _bytecode_by_source(tree: Tree) -> dict[str, str]:
    found = ((_source_of(f.path), f.path) for f in tree.files if f.kind is Kind.BYTECODE)
    return {source: path for source, path in found if source is not None}


def _source_of(path: str) -> str | None:
    """Return the source that bytecode in a `__pycache__` is of, None for all other paths."""
    try:
        return importlib.util.source_from_cache(path)
    except ValueError:
        return None
