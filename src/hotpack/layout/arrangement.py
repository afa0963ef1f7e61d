"""What a cold start needs of every distribution, in which order: hot, lukewarm, cold."""

from collections.abc import Mapping
from dataclasses import dataclass

from hotpack.install import File, Tree


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
    """Path of a hot file to its place in the order of first use, over all distributions."""

    native: frozenset[str]
    """Hot files that code in C touches without Python's knowing, what loaders find by DT_NEEDED
    aside: they are restored before anything is imported."""

    needs: Mapping[str, tuple[str, ...]]
    """Path of a library or extension module to the libraries of the tree that a loader loads with
    it, theirs included."""


def arrange(tree: Tree) -> Arrangement:
    """Return the tree's files by what a cold start needs of them."""
    arranged = {
        name: Arranged(
            tuple(file for file in files if not file.kind.is_cold),
            (),
            tuple(file for file in files if file.kind.is_cold),
        )
        for name, files in tree.by_distribution().items()
    }
    hot = [file.path for item in arranged.values() for file in item.hot]
    return Arrangement(arranged, {path: i for i, path in enumerate(hot)}, frozenset(), {})
