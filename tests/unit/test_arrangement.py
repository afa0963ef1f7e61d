"""Which files are hot, lukewarm and cold, and in which order."""

from pathlib import Path

import pytest

from hotpack.audit import Libraries
from hotpack.binaries import Library
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.layout import Arrangement, arrange, changed_since, find_needs, imported, traced
from hotpack.layout.imports import Imports
from hotpack.profile import Profile, Touch, Way
from hotpack.target import RUNTIMES, Target

TARGET = Target(RUNTIMES["python3.13"], "x86_64")
EXTENSION = ".cpython-313-x86_64-linux-gnu.so"

KINDS = {
    ".py": Kind.SOURCE,
    ".pyc": Kind.BYTECODE,
    ".pyi": Kind.STUB,
    ".h": Kind.HEADER,
    ".a": Kind.STATIC,
    ".so": Kind.LIBRARY,
    "": Kind.EXECUTABLE,
}


def kind(path: str) -> Kind:
    if "/tests/" in path:
        return Kind.TEST
    if path.endswith(EXTENSION):
        return Kind.EXTENSION
    return Kind.METADATA if ".dist-info/" in path else KINDS.get(Path(path).suffix, Kind.DATA)


def make_tree(**distributions: list[str]) -> Tree:
    files = [
        File(path, 1, path, kind(path), name, False, Path(path))
        for name, paths in distributions.items()
        for path in paths
    ]
    names = tuple(Distribution(name, "1") for name in sorted(distributions))
    return Tree(names, ()).replaced(files)


def make_libraries(tree: Tree, **needed: list[str]) -> Libraries:
    """Return libraries of which those with a name of `needed` need others."""
    return Libraries(
        {
            file.path: (file, Library("x86_64", None, tuple(needs), (), ()))
            for file in tree.files
            if file.kind in {Kind.LIBRARY, Kind.EXTENSION, Kind.EXECUTABLE}
            for needs in [needed.get(Path(file.path).name.split(".")[0], [])]
        }
    )


def touch(path: str, *ways: Way, native: bool = False) -> Touch:
    return Touch(path, ways or ("opened",), native)


def make_profile(*touches: Touch, runtime: str = "python3.13", **versions: str) -> Profile:
    return Profile(runtime, "x86_64", versions or {"a": "1"}, "", touches, (), 0.0, 0, ())


def by_profile(tree: Tree, profile: Profile, **needed: list[str]) -> Arrangement:
    needs = find_needs(make_libraries(tree, **needed), {file.path for file in tree.files})
    return arrange(tree, traced(profile, tree, needs, changed_since(profile, tree, TARGET)), needs)


def by_imports(tree: Tree, *names: str, **imports: Imports) -> Arrangement:
    needs = find_needs(make_libraries(tree), {file.path for file in tree.files})
    use = imported(tree, names, lambda f: imports.get(Path(f.path).stem, Imports()), needs)
    return arrange(tree, use, needs)


def paths(files: tuple[File, ...]) -> list[str]:
    return [file.path for file in files]


def hot(arrangement: Arrangement) -> list[str]:
    return sorted(arrangement.order, key=arrangement.order.__getitem__)


EVERY_KIND = make_tree(
    a=[
        "a-1.dist-info/METADATA",
        "a/__pycache__/m.cpython-313.pyc",
        "a/data.txt",
        "a/lib.so",
        "a/m.py",
        "a/m.pyi",
        "a/static.a",
        "a/tests/data.txt",
        "a/tool",
        "a/x.h",
        f"a/x{EXTENSION}",
    ]
)


def test_what_is_not_used() -> None:
    """What C could reach unseen is lukewarm, what only Python reaches is cold."""
    arranged = by_profile(EVERY_KIND, make_profile()).by_distribution["a"]
    assert paths(arranged.lukewarm) == ["a/data.txt", "a/lib.so", "a/tool"]
    assert paths(arranged.cold) == [
        file.path for file in EVERY_KIND.files if file not in arranged.lukewarm
    ]


def test_metadata_without_a_profile() -> None:
    """What is imported may ask for its version, and for the entry points of all."""
    tree = make_tree(
        a=["a.py", "a-1.dist-info/METADATA", "a-1.dist-info/entry_points.txt"],
        b=["b.py", "b-1.dist-info/METADATA", "b-1.dist-info/entry_points.txt"],
    )
    assert hot(by_imports(tree, "a")) == [
        "a.py",
        "a-1.dist-info/METADATA",
        "a-1.dist-info/entry_points.txt",
        "b-1.dist-info/entry_points.txt",
    ]


def test_order_of_first_use() -> None:
    """Hot files of whatever kind stand in the order of first use."""
    listing = [file.path for file in EVERY_KIND.files]
    order = listing[6:] + listing[:6]
    arrangement = by_profile(EVERY_KIND, make_profile(*map(touch, order)))
    assert hot(arrangement) == order
    assert paths(arrangement.by_distribution["a"].hot) == order
    assert arrangement.basis == "profile"


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (touch("a/m.py", "statted"), ["a/m.py"]),
        (touch("a/m.py", "statted", native=True), ["a/m.py"]),
        (touch("a/m.py", "opened", "statted"), ["a/__pycache__/m.cpython-313.pyc", "a/m.py"]),
        (touch("a/tool", "statted"), ["a/tool"]),
        (touch("a/lib.so", "mapped"), ["a/lib.so"]),
        (touch("a/tests/data.txt"), ["a/tests/data.txt"]),
        (touch("a/tests", "listed"), ["a/tests/data.txt"]),
        (touch(".", "listed"), []),
        (touch("a", "opened", "statted", native=True), []),
        (touch("not/there"), []),
        # Recorded on another runtime or processor, or with bytecode that is not there now.
        (
            touch("a/__pycache__/m.cpython-310.pyc"),
            ["a/__pycache__/m.cpython-313.pyc"],
        ),
        (touch("a/x.cpython-310-aarch64-linux-gnu.so"), [f"a/x{EXTENSION}"]),
    ],
)
def test_ways_of_touching(recorded: Touch, expected: list[str]) -> None:
    """What counts as used, and as what file."""
    assert hot(by_profile(EVERY_KIND, make_profile(recorded))) == expected


def test_bytecode_that_is_not_there() -> None:
    """Without bytecode the source is what will be read."""
    profile = make_profile(touch("m.py", "statted"), touch("__pycache__/m.cpython-313.pyc"))
    assert hot(by_profile(make_tree(a=["m.py"]), profile)) == ["m.py"]


def test_native_first() -> None:
    """What C touches by itself is restored before anything else, as nothing can wait for it."""
    tree = make_tree(a=["a/m.py", "a/one.txt", "a/two.txt"])
    profile = make_profile(
        touch("a/m.py"), touch("a/two.txt", native=True), touch("a/one.txt", native=True)
    )
    arrangement = by_profile(tree, profile)
    assert hot(arrangement) == ["a/two.txt", "a/one.txt", "a/m.py"]
    assert arrangement.native == {"a/two.txt", "a/one.txt"}


def test_listed_by_c() -> None:
    """A folder that C lists has all its files; deeper ones are not in the list."""
    tree = make_tree(a=["a/m.py", "a/one.txt", "a/b/two.txt", "top.txt"])
    arrangement = by_profile(tree, make_profile(touch("a", "listed", native=True)))
    assert arrangement.native == {"a/m.py", "a/one.txt"} == set(hot(arrangement))
    arrangement = by_profile(tree, make_profile(touch(".", "listed", native=True)))
    assert arrangement.native == {"top.txt"}


def test_libraries_that_a_hot_one_needs() -> None:
    """The libraries that a loader loads come right before what needs them, and are not native."""
    tree = make_tree(a=["a.txt", f"x{EXTENSION}", "one.so", "two.so"])
    recorded = touch("a.txt"), touch(f"x{EXTENSION}"), touch("one.so", "mapped", native=True)
    arrangement = by_profile(tree, make_profile(*recorded), x=["one.so"], one=["two.so"])
    assert hot(arrangement) == ["a.txt", "two.so", "one.so", f"x{EXTENSION}"]
    assert arrangement.native == frozenset()
    assert arrangement.needs[f"x{EXTENSION}"] == ("two.so", "one.so")


def test_library_that_c_opens_first() -> None:
    """A library that C opened before anything that needs it is native, with all that it needs."""
    tree = make_tree(a=[f"x{EXTENSION}", "one.so", "two.so"])
    recorded = touch("one.so", "mapped", native=True), touch(f"x{EXTENSION}")
    arrangement = by_profile(tree, make_profile(*recorded), x=["one.so"], one=["two.so"])
    assert hot(arrangement) == ["two.so", "one.so", f"x{EXTENSION}"]
    assert arrangement.native == {"one.so", "two.so"}


def test_what_is_loaded_already() -> None:
    """What a native library needs is native, unless something that Python loads brought it."""
    tree = make_tree(a=["late.so", "one.so", "two.so", f"x{EXTENSION}"])
    recorded = touch(f"x{EXTENSION}"), touch("late.so", native=True)
    arrangement = by_profile(tree, make_profile(*recorded), x=["one.so"], late=["one.so", "two.so"])
    assert arrangement.native == {"late.so", "two.so"}
    assert hot(arrangement) == ["two.so", "late.so", "one.so", f"x{EXTENSION}"]


def test_what_a_lukewarm_library_needs() -> None:
    """An extension module that a lukewarm library needs is lukewarm too."""
    tree = make_tree(a=["one.so", f"x{EXTENSION}", f"y{EXTENSION}"])
    arranged = by_profile(tree, make_profile(), one=[f"x{EXTENSION}"]).by_distribution["a"]
    assert paths(arranged.lukewarm) == ["one.so", f"x{EXTENSION}"]
    assert paths(arranged.cold) == [f"y{EXTENSION}"]


def test_stale_profile() -> None:
    """A changed distribution's files are used as far as they are there; C may open any others."""
    tree = make_tree(a=["a.py", "a.txt"], b=["b.py", "b.txt", "b2.txt"])
    profile = make_profile(touch("a.py"), touch("b.py"), touch("b2.txt"), a="1", b="2")
    arrangement = by_profile(tree, profile)
    assert changed_since(profile, tree, TARGET) == ("b",)
    assert arrangement.basis == "stale profile"
    assert arrangement.native == {"b.txt", "b2.txt"}
    assert hot(arrangement) == ["b.txt", "b2.txt", "a.py", "b.py"]
    assert paths(arrangement.by_distribution["a"].lukewarm) == ["a.txt"]


def test_profile_of_another_target() -> None:
    """On another runtime every distribution counts as changed."""
    tree = make_tree(a=["a.txt"], b=["b.txt"])
    profile = make_profile(runtime="python3.12", a="1", b="1")
    assert changed_since(profile, tree, TARGET) == ("a", "b")
    assert by_profile(tree, profile).native == {"a.txt", "b.txt"}


def test_without_a_profile() -> None:
    """What imports reach is hot, as bytecode; and what C could open of the same distributions."""
    tree = make_tree(
        a=["a/__init__.py", "a/__pycache__/__init__.cpython-313.pyc", "a/d.txt", "a/never.py"],
        b=[f"b{EXTENSION}", "b.so", "b-1.dist-info/METADATA"],
        c=["c.py", "c.txt"],
        only_libraries=["lib/only.so"],
    )
    arrangement = by_imports(tree, "a", __init__=Imports(("b",)))
    assert hot(arrangement) == [
        "a/d.txt", "b.so", "lib/only.so", "a/__pycache__/__init__.cpython-313.pyc", f"b{EXTENSION}",
        "b-1.dist-info/METADATA",
    ]  # fmt: skip
    assert arrangement.native == {"a/d.txt", "b.so", "lib/only.so"}
    assert arrangement.basis == "imports"
    assert paths(arrangement.by_distribution["c"].lukewarm) == ["c.txt"]
    assert paths(arrangement.by_distribution["c"].cold) == ["c.py"]


def library(
    tree: Tree, path: str, *needed: str, search: str = "", soname: str | None = None
) -> dict[str, tuple[File, Library]]:
    file = next(file for file in tree.files if file.path == path)
    return {path: (file, Library("x86_64", soname, needed, tuple(filter(None, [search])), ()))}


def test_where_a_loader_looks() -> None:
    """RPATH says where; else a library is known by its file name or soname, the own one first."""
    tree = make_tree(a=["a/x.so", "a.libs/z.so", "a/y.so"], b=["b/y.so", "b/z.so", "b/w-1.so"])
    found = find_needs(
        Libraries(
            library(tree, "a/x.so", "z.so", "y.so", "w.so", "libc.so.6", search="$ORIGIN/../a.libs")
            | library(tree, "a.libs/z.so")
            | library(tree, "a/y.so", "z.so")
            | library(tree, "b/y.so", "x.so", "y.so")
            | library(tree, "b/z.so")
            | library(tree, "b/w-1.so", soname="w.so")
        ),
        {file.path for file in tree.files} - {"b/z.so"},
    )
    assert found == {
        "a/x.so": ("a.libs/z.so", "a/y.so", "b/w-1.so"),
        "a/y.so": ("a.libs/z.so",),
        "b/y.so": ("a.libs/z.so", "a/y.so", "b/w-1.so", "a/x.so"),
    }
