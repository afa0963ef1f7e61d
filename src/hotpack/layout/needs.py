"""Which libraries a loader loads with a library: what DT_NEEDED names, found within the tree."""

import posixpath
from collections.abc import Collection, Iterable, Mapping

from hotpack.audit import Libraries
from hotpack.binaries import Library
from hotpack.install import File


def find_needs(libraries: Libraries, paths: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return for every library of `paths` that needs others there all of those, its needs' too.

    Each stands behind those that it needs itself. The loader looks where the library's RPATH says;
    a name that is not there it takes from what is loaded already, which then may be any library of
    that file name or soname: the distribution's own, else everybody's.
    """
    there = {path: item for path, item in libraries.by_path.items() if path in paths}
    named: dict[str, list[File]] = {}
    for path, (file, library) in sorted(there.items()):
        for name in {posixpath.basename(path), library.soname} - {None}:
            named.setdefault(str(name), []).append(file)
    direct = {
        path: tuple(
            found
            for name in library.needed
            for found in _find(name, file, library, named.get(name, ()), there)
        )
        for path, (file, library) in there.items()
    }
    needs = {path: tuple(_behind(path, direct, {path})) for path in sorted(there)}
    return {path: needed for path, needed in needs.items() if needed}


def _find(
    name: str, file: File, library: Library, named: Iterable[File], there: Collection[str]
) -> list[str]:
    """Return the paths of what a loader may take for a name that a library needs."""
    folder = posixpath.dirname(file.path)
    for entry in library.search:
        expanded = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", folder or ".")
        path = posixpath.normpath(posixpath.join(expanded, name))
        if path in there:
            return [path]
    own = [other.path for other in named if other.distribution == file.distribution]
    return own or [other.path for other in named]


def _behind(path: str, direct: Mapping[str, tuple[str, ...]], seen: set[str]) -> Iterable[str]:
    """Yield what a library needs and was not seen, each behind its own needs."""
    for needed in direct[path]:
        if needed not in seen:
            seen.add(needed)
            yield from _behind(needed, direct, seen)
            yield needed
