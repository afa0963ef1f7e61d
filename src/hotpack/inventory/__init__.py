"""What is shipped: what it weighs, and who requires it."""

from hotpack.inventory.difference import Change, Difference, compare
from hotpack.inventory.direct import direct_requirements
from hotpack.inventory.metadata import Metadata, read_metadata
from hotpack.inventory.requirements import Requirements, find_requirements
from hotpack.inventory.sbom import SBOM, can_make_sbom, make_sbom, require_sbom
from hotpack.inventory.sizes import RECORD, DistributionSizes, Sizes, read_sizes

__all__ = [
    "RECORD",
    "SBOM",
    "Change",
    "Difference",
    "DistributionSizes",
    "Metadata",
    "Requirements",
    "Sizes",
    "can_make_sbom",
    "compare",
    "direct_requirements",
    "find_requirements",
    "make_sbom",
    "read_metadata",
    "read_sizes",
    "require_sbom",
]
