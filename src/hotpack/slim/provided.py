"""Rule `provided`: what Lambda's runtime brings anyway can be left out. Off unless asked for.

Not lossless by itself, as Lambda's versions are not the lock's: hence it only reports by default.
"""

from typing import Final

from hotpack.install import Tree
from hotpack.slim.rules import RuleReport

PROVIDED: Final = frozenset({"boto3", "botocore", "jmespath", "s3transfer"})
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html, "Runtime-included SDK versions".
Their own requirements (urllib3, python-dateutil, six) are there too, but other packages use those
and need the version of the lock, so they stay."""


def drop_provided(tree: Tree, *, drop: bool) -> tuple[Tree, RuleReport]:
    """Return the tree without what the runtime has, or with a note of what that weighs."""
    found = [item.name for item in tree.distributions if item.name in PROVIDED]
    kept = Tree(
        tuple(item for item in tree.distributions if item.name not in PROVIDED),
        tuple(file for file in tree.files if file.distribution not in PROVIDED),
    )
    names = ", ".join(found)
    if drop or not found:
        note = f"{names}: the runtime's own versions are used" if found else None
        return kept, RuleReport.between("provided", tree, kept, note)
    weight = (tree.size_bytes - kept.size_bytes) / 1e6
    note = f"the runtime has {names} ({weight:.1f} MB here): slim.provided = true leaves them out"
    return tree, RuleReport.between("provided", tree, tree, note)
