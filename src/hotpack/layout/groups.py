"""Finds the distributions that must live under one root."""

from typing import Final

from hotpack.install import Tree

_SHARED_BY_CHANCE: Final = frozenset(
    {"__pycache__", "bin", "share", "etc", "include", "lib", "man"}
)
"""Folders that bytecode, scripts and wheels' data land in; no code looks for neighbours there."""


def placed_together(tree: Tree) -> tuple[frozenset[str], ...]:
    """Return the distributions in groups that share no top-level folder or module.

    Python finds a package in the first place on its path that has it, and never looks further (a
    namespace package aside): two distributions that fill the same folder need the same root.
    """
    group_of = {item.name: {item.name} for item in tree.distributions}
    first_in: dict[str, str] = {}
    for file in tree.files:
        top = file.path.split("/", 1)[0]
        if top in _SHARED_BY_CHANCE:
            continue
        neighbour = first_in.setdefault(top, file.distribution)
        if group_of[neighbour] is not group_of[file.distribution]:
            merged = group_of[neighbour] | group_of[file.distribution]
            group_of.update(dict.fromkeys(merged, merged))
    groups = {frozenset(group) for group in group_of.values()}
    return tuple(sorted(groups, key=min))
