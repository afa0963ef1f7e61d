"""Finds the distributions that must live under one root."""

from collections.abc import Iterable, Iterator
from typing import Final

from hotpack.install import Kind, Tree

_SHARED_BY_CHANCE: Final = frozenset(
    {"__pycache__", "bin", "share", "etc", "include", "lib", "man"}
)
"""Folders that bytecode, scripts and wheels' data land in. Only libraries look for each other
there, as those of mkl and tbb do in lib/."""


def placed_together(
    tree: Tree, needs: Iterable[tuple[str, str]] = ()
) -> tuple[frozenset[str], ...]:
    """Return the distributions in groups that need nothing of each other's root.

    Python finds a package in the first place on its path that has it, and never looks further (a
    namespace package aside): two distributions that fill the same folder need the same root. So do
    those of `needs`, pairs of which one's libraries load the other's, found from where they are.
    """
    group_of = {item.name: {item.name} for item in tree.distributions}
    for one, other in [*_neighbours(tree), *needs]:
        if group_of[one] is not group_of[other]:
            merged = group_of[one] | group_of[other]
            group_of.update(dict.fromkeys(merged, merged))
    groups = {frozenset(group) for group in group_of.values()}
    return tuple(sorted(groups, key=min))


def _neighbours(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield pairs of distributions that fill the same top-level folder."""
    first_in: dict[str, str] = {}
    for file in tree.files:
        top = file.path.split("/", 1)[0]
        if top not in _SHARED_BY_CHANCE or file.kind is Kind.LIBRARY:
            yield first_in.setdefault(top, file.distribution), file.distribution
