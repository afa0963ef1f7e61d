"""What a rule is: it takes a tree, and returns a tree that behaves the same and a report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from hotpack.install import Tree


@dataclass(frozen=True, slots=True)
class Caution:
    """What the user should look at, though the result is usable."""

    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule did."""

    rule: str
    saved_bytes: int
    """Negative for a rule that adds files."""

    saved_files: int
    note: str | None = None
    """One sentence where there is more to say: what was kept and why, or what could be had."""

    cautions: tuple[Caution, ...] = ()
    """Said at every build, also where the slimmed tree comes from the cache."""

    @classmethod
    def between(
        cls,
        rule: str,
        before: Tree,
        after: Tree,
        note: str | None = None,
        cautions: Sequence[Caution] = (),
    ) -> Self:
        """Return the report of a rule that made `after` of `before`."""
        return cls(
            rule,
            before.size_bytes - after.size_bytes,
            len(before.files) - len(after.files),
            note,
            tuple(cautions),
        )

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Return the report that `dataclasses.asdict` wrote."""
        cautions = tuple(Caution(**item) for item in document["cautions"])
        return cls(**{**document, "cautions": cautions})


Rule = Callable[[Tree], tuple[Tree, RuleReport]]
