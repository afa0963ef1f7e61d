"""Which distributions must live under one root."""

from pathlib import Path

from hotpack.install import Distribution, File, Kind, Tree
from hotpack.layout import placed_together


def tree(**files: list[str]) -> Tree:
    return Tree(
        tuple(Distribution(name, "1") for name in sorted(files)),
        tuple(
            File(path, 1, "", Kind.SOURCE, name, False, Path(path))
            for name, paths in files.items()
            for path in paths
        ),
    )


def test_shared_folder() -> None:
    """Distributions that fill the same top-level folder stay together, over a third one too."""
    groups = placed_together(
        tree(a=["one/a.py"], b=["one/b.py", "two/b.py"], c=["two/c.py"], d=["three/d.py"])
    )
    assert groups == (frozenset("abc"), frozenset("d"))


def test_shared_by_chance() -> None:
    """Bytecode, scripts and data folders at the top couple nobody."""
    groups = placed_together(
        tree(a=["a.py", "__pycache__/a.pyc", "bin/a"], b=["b.py", "__pycache__/b.pyc", "bin/b"])
    )
    assert groups == (frozenset("a"), frozenset("b"))


def test_empty_distribution() -> None:
    """A distribution without files is a group of its own."""
    assert placed_together(tree(a=[])) == (frozenset("a"),)


def test_libraries_that_load_each_other() -> None:
    """A distribution whose library needs another's stays with it."""
    two = tree(a=["one/a.py"], b=["two/b.py"], c=["three/c.py"])
    assert placed_together(two, [("a", "b")]) == (frozenset("ab"), frozenset("c"))
