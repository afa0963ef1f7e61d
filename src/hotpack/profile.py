"""What a cold start and the sample events touched: recorded by `trace`, used by `layout`.

A profile is a file of the project that can be committed: it names paths of the tree, not of the
machine, in the order of first use.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar, get_args

from hotpack.errors import ConfigError

PROFILE_NAME: Final = "hotpack.profile.json"
_FORMAT: Final = 2
_Item = TypeVar("_Item")

Way = Literal["accessed", "executed", "listed", "mapped", "opened", "statted"]
"""How a path was touched: access(2), execve(2), getdents(2), mmap(2) as a library, open(2),
stat(2)."""

WAYS: Final[tuple[Way, ...]] = get_args(Way)


@dataclass(frozen=True, slots=True)
class Touch:
    """A file or folder of the tree that was touched."""

    path: str
    """Relative to the tree's root, which is `.`, with forward slashes."""

    ways: tuple[Way, ...]
    """Sorted."""

    native: bool = False
    """Whether code in C touched it without Python's knowing: no audit event, no import of it."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was imported from the tree."""

    name: str
    self_ms: float
    """Without the modules that it imported itself."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One cold start and the sample events, merged."""

    runtime: str
    architecture: str
    distributions: Mapping[str, str]
    """Canonical name to version, of the tree that was traced."""

    recorder: str
    """What recorded it, which says what it cannot see (docs/trace.md)."""

    touches: tuple[Touch, ...]
    """In the order of first use."""

    modules: tuple[Module, ...]
    """In the order in which their imports ended."""

    init_ms: float
    peak_memory_mb: int
    events: tuple[str, ...]
    """Names of the sample events."""

    def stale(self, versions: Mapping[str, str]) -> tuple[str, ...]:
        """Return the distributions whose version is not the traced one, sorted; new ones too."""
        names = self.distributions.keys() | versions.keys()
        return tuple(sorted(n for n in names if self.distributions.get(n) != versions.get(n)))

    def unfit(self, runtime: str, architecture: str, versions: Mapping[str, str]) -> str | None:
        """Return why it says little of what is built now, None where it fits, for people."""
        if (self.runtime, self.architecture) != (runtime, architecture):
            return (
                f"{PROFILE_NAME} was recorded for {self.runtime} on {self.architecture}, and this "
                f"is {runtime} on {architecture}"
            )
        stale = self.stale(versions)
        if not stale:
            return None
        named = ", ".join(stale[:3]) + (f" and {len(stale) - 3} more" if stale[3:] else "")
        verb = "has" if len(stale) == 1 else "have"
        return f"{PROFILE_NAME} is stale: {named} {verb} another version, came or went since"

    def in_order_of(self, earlier: "Profile | None") -> Self:
        """Return it in the order of an earlier one that has touched the same.

        Threads may change the order from run to run, and a change that is none should not show in
        a diff.
        """
        if earlier is None:
            return self
        return replace(
            self,
            touches=_reordered(
                {t.path: t for t in self.touches}, [t.path for t in earlier.touches]
            ),
            modules=_reordered(
                {m.name: m for m in self.modules}, [m.name for m in earlier.modules]
            ),
        )

    def to_json(self) -> str:
        """Return the text of the file: a line for each touch, so that a diff can be read."""
        head = {
            "format": _FORMAT,
            "runtime": self.runtime,
            "architecture": self.architecture,
            "recorder": self.recorder,
            "events": list(self.events),
            "init_ms": self.init_ms,
            "peak_memory_mb": self.peak_memory_mb,
            "distributions": dict(sorted(self.distributions.items())),
        }
        touches = ([t.path, *t.ways, *(["native"] if t.native else [])] for t in self.touches)
        modules = ([m.name, m.self_ms] for m in self.modules)
        text = json.dumps(head, indent=1).removesuffix("\n}")
        return f'{text},\n "touches": [{_lines(touches)}],\n "modules": [{_lines(modules)}]\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the profile that `to_json` wrote. Raises ValueError or KeyError for others."""
        document: dict[str, Any] = json.loads(text)
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']}")
        return cls(
            runtime=document["runtime"],
            architecture=document["architecture"],
            distributions=document["distributions"],
            recorder=document["recorder"],
            touches=tuple(_touch(*row) for row in document["touches"]),
            modules=tuple(Module(*row) for row in document["modules"]),
            init_ms=document["init_ms"],
            peak_memory_mb=document["peak_memory_mb"],
            events=tuple(document["events"]),
        )


def read_profile(root: Path) -> Profile | None:
    """Return the profile in a project's folder, None where there is none.

    Raises ConfigError for a file that is no profile.
    """
    path = root / PROFILE_NAME
    try:
        return Profile.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no profile that this version of hotpack reads: {error!r}",
            hint="record it anew with `hotpack trace`, or delete it",
        ) from None


def _reordered(items: Mapping[str, _Item], order: Sequence[str]) -> tuple[_Item, ...]:
    same = items.keys() == set(order)
    return tuple(items[name] for name in (order if same else items))


def _touch(path: str, *words: Any) -> Touch:
    ways = tuple(word for word in words if word != "native")
    if unknown := set(ways).difference(WAYS):
        raise ValueError(f"{path} was {unknown.pop()}")
    return Touch(path, ways, "native" in words)


def _lines(rows: Iterable[object]) -> str:
    return ",".join(f"\n  {json.dumps(row, ensure_ascii=False)}" for row in rows)
