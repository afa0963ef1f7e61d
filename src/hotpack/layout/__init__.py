"""Decides where every distribution's files live: raw in the function, in its packs, or on S3.

A cold start's `Use` of the files, from a profile or from the project's imports, arranges them: hot,
lukewarm, cold. What they weigh and the limits then plan the layout.
"""

from hotpack.layout.arrangement import Arranged, Arrangement, arrange
from hotpack.layout.cost import Share, Weight
from hotpack.layout.explain import explain
from hotpack.layout.groups import placed_together
from hotpack.layout.imports import Imports, read_module, read_source
from hotpack.layout.needs import find_needs
from hotpack.layout.plan import Layout, Placed, plan
from hotpack.layout.use import Basis, Use, changed_since, imported, traced

__all__ = [
    "Arranged",
    "Arrangement",
    "Basis",
    "Imports",
    "Layout",
    "Placed",
    "Share",
    "Use",
    "Weight",
    "arrange",
    "changed_since",
    "explain",
    "find_needs",
    "imported",
    "placed_together",
    "plan",
    "read_module",
    "read_source",
    "traced",
]
