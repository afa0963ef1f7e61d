"""Rule `caches`: bytecode that was not made for the target goes.

Lossless: a `.pyc` in a `__pycache__` is only ever read in place of its source, which stays (PEP
3147: without its source it is not loaded). A `.pyc` that stands alone is a module and is kept.
"""

from hotpack.install import File, Tree
from hotpack.slim.rules import RuleReport


def drop_caches(tree: Tree) -> tuple[Tree, RuleReport]:
    """Return the tree without the contents of its `__pycache__` folders."""
    slimmed = tree.replaced(file for file in tree.files if not _is_cache(file))
    return slimmed, RuleReport.between("caches", tree, slimmed)


def _is_cache(file: File) -> bool:
    return "__pycache__" in file.path.split("/")[:-1] and file.path.endswith(".pyc")
