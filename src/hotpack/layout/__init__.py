"""Decides where every distribution's files live: raw in the function, in its packs, or on S3."""

from hotpack.layout.groups import placed_together
from hotpack.layout.plan import Layout, Placed, Weight, plan

__all__ = ["Layout", "Placed", "Weight", "placed_together", "plan"]
