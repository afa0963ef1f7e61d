"""Decides where every distribution's files live: raw in the function, in its packs, or on S3."""

from hotpack.layout.arrangement import Arranged, Arrangement, arrange
from hotpack.layout.groups import placed_together
from hotpack.layout.plan import Layout, Placed, Weight, plan

__all__ = [
    "Arranged",
    "Arrangement",
    "Layout",
    "Placed",
    "Weight",
    "arrange",
    "placed_together",
    "plan",
]
