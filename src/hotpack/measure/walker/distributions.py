"""What distributions say of themselves."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from .place import Json


def _metadata(name: str) -> Json:
    found = importlib.metadata.distribution(name)
    return {
        "version": found.version,
        "name": found.metadata["Name"],
        "requires": found.requires,
        "entry points": sorted([item.group, item.name, item.value] for item in found.entry_points),
        "files": sorted(
            [str(file), file.size, file.hash and file.hash.value] for file in found.files or ()
        ),
        "there": sum(Path(str(file.locate())).exists() for file in found.files or ()),
    }


def _all_entry_points() -> Json:
    groups = sorted(importlib.metadata.entry_points().groups)
    found = (importlib.metadata.entry_points(group=group) for group in groups)
    return sorted([item.group, item.name, item.value] for points in found for item in points)


def _all_distributions() -> Json:
    found = importlib.metadata.distributions()
    return sorted([item.metadata["Name"], item.version] for item in found)


def _packages() -> Json:
    found = importlib.metadata.packages_distributions()
    return sorted([name, sorted(set(owners))] for name, owners in found.items())


OPERATIONS: dict[str, Callable[..., Json]] = {
    "all distributions": _all_distributions,
    "all entry points": _all_entry_points,
    "all packages": _packages,
    "metadata": _metadata,
}
