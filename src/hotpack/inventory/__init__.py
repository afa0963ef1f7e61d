"""What is shipped: what it weighs, and who requires it."""

from hotpack.inventory.direct import direct_requirements
from hotpack.inventory.metadata import Metadata, read_metadata
from hotpack.inventory.requirements import Requirements, find_requirements

__all__ = [
    "Metadata",
    "Requirements",
    "direct_requirements",
    "find_requirements",
    "read_metadata",
]
