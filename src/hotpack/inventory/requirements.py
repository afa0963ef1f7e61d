"""Who requires whom, on the target."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hotpack.inventory.metadata import Metadata
from hotpack.target import Target


@dataclass(frozen=True, slots=True)
class Requirements:
    """Which distributions of a tree the project requires itself, and which each other."""

    direct: tuple[str, ...]
    """Canonical names, sorted."""

    requires: Mapping[str, tuple[str, ...]]
    """Each distribution to those that it requires, sorted; only what is in the tree."""

    def required_by(self, name: str) -> tuple[str, ...]:
        """Return the distributions that require this one, sorted."""
        return tuple(sorted(who for who, whom in self.requires.items() if name in whom))


def find_requirements(
    metadata: Mapping[str, Metadata], direct: Sequence[Requirement], target: Target
) -> Requirements:
    """Return who requires whom among the distributions of `metadata`.

    Markers are evaluated for the target. Extras count where somebody asks for them, through
    however many distributions (`uvicorn[standard]` requires what the extra names).
    """
    environment = target.markers
    asked = list(_wanted(direct, "", environment))
    own = {name for name, _ in asked}
    waiting = [*asked, *((name, "") for name in metadata)]
    done: set[tuple[str, str]] = set()
    edges: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done or name not in metadata:
            continue
        done.add((name, extra))
        wanted = list(_wanted(metadata[name].requires, extra, environment))
        edges |= {(name, whom) for whom, _ in wanted if whom in metadata and whom != name}
        waiting += wanted
    return Requirements(
        tuple(sorted(own & metadata.keys())),
        {name: tuple(sorted(b for a, b in edges if a == name)) for name in sorted(metadata)},
    )


def _wanted(
    requirements: Iterable[Requirement], extra: str, environment: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    """Yield what the requirements that apply want: a name with no extra, and with each extra."""
    for item in requirements:
        if item.marker is None or item.marker.evaluate({**environment, "extra": extra}):
            for wanted in ["", *item.extras]:
                yield canonicalize_name(item.name), wanted
