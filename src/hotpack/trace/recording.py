"""Makes touches of what was recorded: whose they are, of the tree, in order of first use."""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hotpack.audit import Libraries
from hotpack.errors import HotpackError
from hotpack.profile import Touch, Way
from hotpack.trace.calls import Call
from hotpack.trace.observer import MARK

_NOT_THERE: Final = frozenset({"ENOENT", "ENOTDIR"})
_INTERRUPTED: Final = "ERESTART"
_LOOKS: Final = frozenset({"accessed", "listed", "scanned", "statted"})
_LOADED: Final = frozenset({"opened", "mapped", "executed"})


@dataclass(frozen=True, slots=True)
class Announced:
    """Python is about to touch a path, as `observer.py` says."""

    way: Way | Literal["scanned", "searched"]
    path: str
    """Relative to the root, which is `.`; a library's bare name where the loader has to find it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The kernel was asked for a path that exists."""

    way: Way
    path: str
    """Relative to the root."""


Sighting = Announced | Seen


def announcement(way: str, path: str) -> Announced:
    """Return what an observer has said. Raises ValueError for a way that there is not."""
    match way:
        case (
            "accessed"
            | "executed"
            | "listed"
            | "mapped"
            | "opened"
            | "scanned"
            | "searched"
            | "statted"
        ):
            return Announced(way, path)
        case _:
            raise ValueError(f"an observer says that {path} will be {way}")


def sightings_of_calls(calls: Iterable[Call]) -> Iterator[Sighting]:
    """Yield what happened below the root, which the observer's first announcement names.

    A call that fails because there is no such path has touched nothing. One that fails otherwise
    has found it: `readlink` of what is no link is how realpath(3) asks whether something exists.

    Raises HotpackError where no observer has said a word, as then nothing is known.
    """
    root = ""
    for call in calls:
        if call.path.startswith(f"{MARK}/"):
            way, _, path = call.path.removeprefix(f"{MARK}/").partition("/")
            if way == "root":
                root = f"/{path}/"
            else:
                yield announcement(way, path)
        elif root and f"{call.path}/".startswith(root):
            path = call.path.removeprefix(root) if call.path.startswith(root) else "."
            if call.error is None:
                yield Seen(call.way, path)
            elif call.error not in _NOT_THERE and not call.error.startswith(_INTERRUPTED):
                yield Seen("statted", path)
    if not root:
        raise HotpackError(
            "strace looked on, and the observer in the sandbox was never heard of",
            hint="`hotpack trace --recorder python` does without strace",
        )


def touches(
    sightings: Iterable[Sighting], files: Collection[str], libraries: Libraries
) -> tuple[Touch, ...]:
    """Return what was touched of the tree that has these files, in order of first use.

    Native is what was touched when Python had not yet said a word of it that means as much: to load
    it, to look at it, to list it. Libraries that the loader brings because one that Python loads
    needs them are not: that can be read from them. What only the import system has looked at is
    not touched.
    """
    there = {*files, *_folders(files)}
    announced: dict[str, set[str]] = {}
    ways: dict[str, set[Way]] = {}
    unannounced: dict[str, set[Way]] = {}
    for sighting in sightings:
        match sighting:
            case Announced(way, path):
                announced.setdefault(path, set()).add(way)
            case Seen(way, path) if path in there and not _is_searched(way, path, announced):
                ways.setdefault(path, set()).add(way)
                if not _is_announced(way, path, announced):
                    unannounced.setdefault(path, set()).add(way)
    mapped = [path for path, how in ways.items() if "mapped" in how]
    loaded = [path for path, how in announced.items() if how & {"mapped", "executed"}]
    brought = _brought_along(loaded, mapped, libraries)
    searched = _searched(brought, libraries)
    native = {
        path
        for path, how in unannounced.items()
        if path not in brought and not (path in searched and how == {"statted"})
    }
    return tuple(Touch(path, tuple(sorted(how)), path in native) for path, how in ways.items())


def python_touches(
    sightings: Iterable[Sighting], files: Collection[str], libraries: Libraries
) -> tuple[Touch, ...]:
    """Return what Python said that it would touch, where nobody else looked on.

    What a library that it loads needs (DT_NEEDED) is mapped too, all that has the name.
    """
    there = {*files, *_folders(files)}
    loadable = [path for path in libraries.by_path if path in there]
    ways: dict[str, set[Way]] = {}
    for sighting in sightings:
        if sighting.way == "searched":
            continue
        way: Way = "listed" if sighting.way == "scanned" else sighting.way
        if sighting.path in there:
            ways.setdefault(sighting.path, set()).add(way)
        if way == "mapped":
            for path in sorted(_brought_along([sighting.path], loadable, libraries)):
                ways.setdefault(path, set()).add(way)
    return tuple(Touch(path, tuple(sorted(how))) for path, how in ways.items())


def _is_searched(way: Way, path: str, announced: Mapping[str, Collection[str]]) -> bool:
    """Return whether only the import system has looked there so far, to find what is imported."""
    words = announced.get(path, ())
    return way in {"listed", "statted"} and "searched" in words and _LOOKS.isdisjoint(words)


def _is_announced(way: Way, path: str, announced: Mapping[str, Collection[str]]) -> bool:
    words = announced.get(path, ())
    if way == "listed":
        return "listed" in words or "scanned" in words
    if way in _LOADED:
        return not _LOADED.isdisjoint(words)
    # An entry of scandir is stat'ed in C on Python's behalf.
    return bool(words) or "scanned" in announced.get(posixpath.dirname(path), ())


def _brought_along(
    loaded: Iterable[str], mapped: Iterable[str], libraries: Libraries
) -> frozenset[str]:
    """Return the mapped libraries that those which Python loads need, however far (DT_NEEDED)."""
    named: dict[str, list[str]] = {}
    for path in mapped:
        _, library = libraries.by_path.get(path, (None, None))
        for name in {posixpath.basename(path), library.soname if library else None} - {None}:
            named.setdefault(str(name), []).append(path)
    found: set[str] = set()
    waiting = [path for item in loaded for path in (item, *named.get(item, ()))]
    while waiting:
        path = waiting.pop()
        if path not in found and path in libraries.by_path:
            found.add(path)
            _, library = libraries.by_path[path]
            waiting += [other for name in library.needed for other in named.get(name, ())]
    return frozenset(found)


def _searched(paths: Iterable[str], libraries: Libraries) -> set[str]:
    """Return the folders that the loader asks for on the libraries' behalf (DT_RUNPATH)."""
    return {
        posixpath.normpath(
            entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", posixpath.dirname(path) or ".")
        )
        for path in paths
        for entry in libraries.by_path[path][1].search
    }


def _folders(files: Iterable[str]) -> set[str]:
    found = {"."}
    for path in files:
        folder = posixpath.dirname(path)
        while folder and folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return found
