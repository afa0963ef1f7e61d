"""Whose touches they are, of which paths, in which order."""

from pathlib import Path

import pytest

from hotpack.audit import Libraries
from hotpack.binaries import Library
from hotpack.errors import HotpackError
from hotpack.install import File, Kind
from hotpack.profile import Touch
from hotpack.trace.calls import Call
from hotpack.trace.recording import (
    Announced,
    Seen,
    Sighting,
    python_touches,
    sightings_of_calls,
    touches,
)

NONE = Libraries({})


def libraries(**needs: tuple[str, ...]) -> Libraries:
    """Return libraries `p/NAME.so`, each with the names that it needs."""
    return Libraries(
        {
            f"p/{name}.so": (
                File(f"p/{name}.so", 1, "", Kind.LIBRARY, "p", False, Path()),
                Library("x86_64", f"{name}.so", needed, ("$ORIGIN/../p.libs",), ()),
            )
            for name, needed in needs.items()
        }
    )


def test_calls_below_the_root_in_their_order() -> None:
    """The observer's marks are calls too; what is not there, or elsewhere, was not touched."""
    calls = [
        Call("opened", "/t/before.py"),
        Call("accessed", "/hotpack-trace/root/t", "ENOENT"),
        Call("accessed", "/hotpack-trace/opened/p/a.py", "ENOENT"),
        Call("opened", "/t/p/a.py"),
        Call("opened", "/tree/p/a.py"),
        Call("statted", "/t/p/missing", "ENOENT"),
        Call("statted", "/t/p/a.py/x", "ENOTDIR"),
        Call("opened", "/t/p/b", "ERESTARTSYS"),
        Call("opened", "/t/p/c", "EROFS"),
        Call("statted", "/t/p/d", "EINVAL"),
        Call("listed", "/t"),
    ]
    assert list(sightings_of_calls(calls)) == [
        Announced("opened", "p/a.py"),
        Seen("opened", "p/a.py"),
        Seen("statted", "p/c"),
        Seen("statted", "p/d"),
        Seen("listed", "."),
    ]


def test_a_recording_without_an_observer_is_refused() -> None:
    """It would make a profile in which nothing is hot."""
    with pytest.raises(HotpackError, match="never heard of"):
        list(sightings_of_calls([Call("opened", "/t/p/a.py")]))


def test_files_and_folders_of_the_tree_alone() -> None:
    """What is no file of the tree, nor a folder that holds one, is the project's own."""
    seen = [
        Seen("opened", "app.py"),
        Seen("listed", "p"),
        Seen("opened", "p/q/a"),
        Seen("opened", "z"),
    ]
    found = touches([Announced("listed", "p"), *seen], ["p/q/a", "p/q/b"], NONE)
    assert [touch.path for touch in found] == ["p", "p/q/a"]


def test_native_is_what_python_had_not_announced() -> None:
    """A word that means as much is needed: to look is not to open; later is too late."""
    sightings: list[Sighting] = [
        Announced("opened", "p/python"),
        Seen("opened", "p/python"),
        Announced("statted", "p/looked"),
        Seen("statted", "p/looked"),
        Seen("opened", "p/looked"),
        Seen("opened", "p/late"),
        Announced("opened", "p/late"),
        Announced("opened", "p/python again"),
        Seen("statted", "p/python again"),
        Seen("mapped", "p/python again"),
        Announced("statted", "p/folder"),
        Seen("listed", "p/folder"),
    ]
    files = [
        "p/python", "p/looked", "p/late", "p/python again", "p/folder/file",
    ]  # fmt: skip
    assert touches(sightings, files, NONE) == (
        Touch("p/python", ("opened",)),
        Touch("p/looked", ("opened", "statted"), native=True),
        Touch("p/late", ("opened",), native=True),
        Touch("p/python again", ("mapped", "statted")),
        Touch("p/folder", ("listed",), native=True),
    )


def test_what_only_the_import_system_looks_at_is_not_touched() -> None:
    """It looks at every source and lists every package; what others ask for afterwards counts."""
    sightings: list[Sighting] = [
        Announced("searched", "p"),
        Seen("listed", "p"),
        Announced("searched", "p/found.py"),
        Seen("statted", "p/found.py"),
        Announced("searched", "p/asked.py"),
        Seen("statted", "p/asked.py"),
        Announced("statted", "p/asked.py"),
        Seen("statted", "p/asked.py"),
        Announced("searched", "p/read.py"),
        Seen("statted", "p/read.py"),
        Seen("opened", "p/read.py"),
    ]
    files = ["p/found.py", "p/asked.py", "p/read.py"]
    assert touches(sightings, files, NONE) == (
        Touch("p/asked.py", ("statted",)),
        Touch("p/read.py", ("opened",), native=True),
    )
    said = [sighting for sighting in sightings if isinstance(sighting, Announced)]
    assert python_touches(said, files, NONE) == (Touch("p/asked.py", ("statted",)),)


def test_entries_of_scandir_are_stat_ed_for_python() -> None:
    """Python announces the folder; what C then asks of its entries is Python's doing."""
    sightings: list[Sighting] = [
        Announced("scanned", "p"),
        Seen("listed", "p"),
        Seen("statted", "p/a"),
        Seen("statted", "p/q/b"),
    ]
    found = touches(sightings, ["p/a", "p/q/b"], NONE)
    assert [touch.path for touch in found if touch.native] == ["p/q/b"]


def test_libraries_that_a_library_of_pythons_needs_are_not_native() -> None:
    """DT_NEEDED is followed however far, and so are the folders where the loader looks; what a
    library opens by itself is native."""
    sightings: list[Sighting] = [
        Announced("mapped", "p/extension.so"),
        Seen("statted", "p.libs"),
        *(
            Seen(way, f"p/{name}.so")
            for name in ("extension", "blas", "fortran", "plugin", "part")
            for way in ("opened", "mapped")
        ),
    ]
    there = libraries(
        extension=("blas.so", "libc.so.6"), blas=("fortran.so",), fortran=(), plugin=("part.so",),
        part=(),
    )  # fmt: skip
    found = touches(sightings, (*there.by_path, "p.libs/other.so"), there)
    assert found[0] == Touch("p.libs", ("statted",))
    assert [touch.path for touch in found if touch.native] == ["p/plugin.so", "p/part.so"]


def test_a_library_that_ctypes_names_without_a_folder() -> None:
    """The loader finds it, at Python's word."""
    sightings: list[Sighting] = [
        Announced("mapped", "blas.so"),
        Seen("opened", "p/blas.so"),
        Seen("mapped", "p/blas.so"),
    ]
    [touch] = touches(sightings, ["p/blas.so"], libraries(blas=()))
    assert not touch.native


def test_python_alone_is_taken_at_its_word() -> None:
    """What exists of what it announced counts, and what its libraries need."""
    sightings: list[Sighting] = [
        Announced("scanned", "p"),
        Announced("opened", "p/missing"),
        Announced("mapped", "p/extension.so"),
        Announced("statted", "p/extension.so"),
    ]
    there = libraries(extension=("blas.so",), blas=(), plugin=())
    assert python_touches(sightings, tuple(there.by_path), there) == (
        Touch("p", ("listed",)),
        Touch("p/extension.so", ("mapped", "statted")),
        Touch("p/blas.so", ("mapped",)),
    )
