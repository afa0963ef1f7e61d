"""Puts the project's assets into the tree: they are weighed, placed and packed like the rest."""

from collections.abc import Iterable

from hotpack.cache import Cache
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.project import Asset
from hotpack.target.environment import TASK_ROOT


def add_assets(tree: Tree, assets: Iterable[Asset], cache: Cache) -> Tree:
    """Return the tree with each asset as a distribution of data.

    The tree has copies in the cache: what the project does to its files later changes no tree, and
    no frame that was made of one.
    """
    assets = tuple(assets)
    distributions = [Distribution(asset.distribution, asset.version) for asset in assets]
    files = [
        File(
            file.path,
            file.size,
            file.sha256,
            Kind.DATA,
            asset.distribution,
            False,
            cache.copy("assets", file.sha256, file.source),
        )
        for asset in assets
        for file in asset.files
    ]
    together = sorted([*tree.distributions, *distributions], key=lambda item: item.name)
    return Tree(tuple(together), tree.files).replaced([*tree.files, *files])


def inline_variables(assets: Iterable[Asset]) -> dict[str, str]:
    """Return the variables of assets that are raw in the function."""
    return {asset.variable: f"{TASK_ROOT}/{asset.place}" for asset in assets}
