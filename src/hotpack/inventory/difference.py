"""What changed between two functions' weights."""

from dataclasses import dataclass

from hotpack.inventory.sizes import DistributionSizes, Sizes


@dataclass(frozen=True, slots=True)
class Change:
    """A distribution that is in both, with another version or another weight."""

    old: DistributionSizes
    new: DistributionSizes

    @property
    def change_bytes(self) -> int:
        """How many bytes more there are of it, slimmed; fewer are negative."""
        return self.new.slimmed_bytes - self.old.slimmed_bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changed, by name; `old` and `new` are what was compared."""

    old: Sizes
    new: Sizes
    added: tuple[DistributionSizes, ...]
    removed: tuple[DistributionSizes, ...]
    changed: tuple[Change, ...]

    @property
    def change_bytes(self) -> int:
        """How many bytes more a function of it has where all is raw; fewer are negative."""
        return self.new.total_bytes - self.old.total_bytes


def compare(old: Sizes, new: Sizes) -> Difference:
    """Return what is different in `new`. Where it is placed, or packed, makes no difference."""
    before = {item.distribution: item for item in old.distributions}
    after = {item.distribution: item for item in new.distributions}
    both = [Change(before[name], item) for name, item in after.items() if name in before]
    return Difference(
        old,
        new,
        added=tuple(item for name, item in after.items() if name not in before),
        removed=tuple(item for name, item in before.items() if name not in after),
        changed=tuple(item for item in both if _weight(item.old) != _weight(item.new)),
    )


def _weight(item: DistributionSizes) -> tuple[str, int, int]:
    return item.version, item.installed_bytes, item.slimmed_bytes
