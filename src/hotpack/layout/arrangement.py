"""What a cold start needs of every distribution, in which order: hot, lukewarm, cold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hotpack.install import File, Tree
from hotpack.layout.use import REACHED_BY_C, Basis, Use


@dataclass(frozen=True, slots=True)
class Arranged:
    """A distribution's files."""

    hot: tuple[File, ...]
    """What a cold start needs, in the order of first use."""

    lukewarm: tuple[File, ...]
    """What code in C could reach without Python's knowing: restored behind the hot ones."""

    cold: tuple[File, ...]
    """What only Python reaches: restored on first touch."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Every distribution's files, and what holds for all of them."""

    by_distribution: Mapping[str, Arranged]

    order: Mapping[str, int]
    """Path of a hot file to its place in the order of restoring, over all distributions: those of
    `native` first, as nothing is imported before they are there, then by first use."""

    native: frozenset[str]
    """Hot files that code in C touches without Python's knowing, what loaders find by DT_NEEDED
    aside: they are restored before anything is imported."""

    needs: Mapping[str, tuple[str, ...]]
    """Path of a library or extension module to the libraries of the tree that a loader loads with
    it, theirs included."""

    basis: Basis = "imports"


def arrange(tree: Tree, use: Use, needs: Mapping[str, tuple[str, ...]]) -> Arrangement:
    """Return the tree's files by what a cold start needs of them: what it uses, what that needs."""
    hot = dict.fromkeys(path for used in use.paths for path in (*needs.get(used, ()), used))
    order = {path: i for i, path in enumerate(sorted(hot, key=lambda path: path not in use.native))}
    lukewarm = set(_lukewarm(tree, order, needs))
    by_distribution = {
        name: Arranged(
            tuple(sorted((f for f in files if f.path in order), key=lambda f: order[f.path])),
            tuple(f for f in files if f.path in lukewarm),
            tuple(f for f in files if f.path not in order and f.path not in lukewarm),
        )
        for name, files in tree.by_distribution().items()
    }
    return Arrangement(by_distribution, order, use.native, needs, use.basis)


def _lukewarm(
    tree: Tree, hot: Mapping[str, int], needs: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield what is not hot and code in C could reach, and what a loader loads with it."""
    for file in tree.files:
        if file.kind in REACHED_BY_C and file.path not in hot:
            yield file.path
            yield from (path for path in needs.get(file.path, ()) if path not in hot)
