"""The proof that nothing is lost: what a full install shows, a function shows that restores it.

Every file, folder, module, library and distribution of a tree is visited in a way drawn by chance,
in a random order that the seed says. Most of it is dealt out in small parts to sandboxes that are
fresh, where most files are not restored yet; the rest goes to two. What is found must be the same
as in the full install.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hotpack import local
from hotpack.errors import HotpackError
from hotpack.install import Tree
from hotpack.measure.folders import folder_of
from hotpack.measure.operations import Deal, Event, Operation, deal, operations
from hotpack.measure.walker import TOO_LONG
from hotpack.pack import Entry, Release
from hotpack.pipeline import Tools, build, prepare
from hotpack.project import Placement, Project
from hotpack.project.config import EVERY_DISTRIBUTION
from hotpack.sandbox import Function, LocalLambda, Settings
from hotpack.target import Target
from hotpack.target.limits import EPHEMERAL_STORAGE_MB, MEMORY_MB

_WALKER: Final = Path(__file__).with_name("walker.py")
_MODULE: Final = "_hotpack_walker"
_TIMEOUT_S: Final = 900


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a function shows otherwise than the full install."""

    what: str
    full: str
    restored: str

    def __str__(self) -> str:
        return f"{self.what}\n  full install: {self.full}\n  restored:     {self.restored}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of it."""

    seed: int
    starts: int
    """Sandboxes that the operations were dealt to."""

    incomplete: int
    """How many operations surely met a tree that was not restored whole: after them, it was not."""

    counts: Mapping[str, int]
    """How often each kind of operation was done; every import counts."""

    unsteady: tuple[str, ...]
    """What the full install itself shows differently from time to time, or takes too long for."""

    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """A function that visits its tree."""

    function: Function
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    results: list[Any]
    missing: int
    """Groups that are not restored yet."""


def prove(
    project: Project, tools: Tools, placement: Placement, *, seed: int, fresh: int = 12
) -> Proof:
    """Visit the project's tree where all of it is restored from packs, and in a full install.

    The full install is the slimmed tree, raw. The function is built as the project's own, with its
    profile, but for the handler, which is the walker.
    """
    with tempfile.TemporaryDirectory() as folder:
        walking = _walking(project, Path(folder), placement)
        prepared = prepare(walking, tools)
        release = build(walking, tools).release
        restored = Walk(local.function_of(release, "restored"), release)
        deals = deal(operations(prepared.slimmed, seed), seed, fresh)
        full = full_install(prepared.slimmed, walking.config.target, tools)
        return compare(full, restored, deals, seed, tools)


def full_install(tree: Tree, target: Target, tools: Tools) -> Walk:
    """Return the walker over a tree that is raw in the function, whatever it weighs."""
    walker = Entry.of_path(f"{_MODULE}.py", _WALKER)
    return Walk(
        Function(
            name="full",
            handler=f"{_MODULE}.handler",
            runtime=target.runtime,
            architecture=target.architecture,
            code=folder_of([*map(Entry.of_file, tree.files), walker], tools.cache),
            memory_mb=MEMORY_MB[1],
            timeout_s=_TIMEOUT_S,
            ephemeral_storage_mb=EPHEMERAL_STORAGE_MB[1],
        )
    )


def _walking(project: Project, folder: Path, placement: Placement) -> Project:
    """Return the project with the walker in place of its own code, in a folder of links to it."""
    for entry in project.root.resolve().iterdir():
        if not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    shutil.copyfile(_WALKER, folder / f"{_MODULE}.py")
    config = replace(
        project.config,
        handler=f"{_MODULE}.handler",
        include=(f"{_MODULE}.py",),
        place={EVERY_DISTRIBUTION: placement},
        memory_mb=MEMORY_MB[1],
        timeout_s=_TIMEOUT_S,
        ephemeral_storage_mb=EPHEMERAL_STORAGE_MB[1],
        budget_mb=None,
    )
    return replace(project, root=folder, config=config)


def compare(full: Walk, restored: Walk, deals: Sequence[Deal], seed: int, tools: Tools) -> Proof:
    """Return the proof of what both functions show where they are asked for the same."""
    counts: Counter[str] = Counter()
    differing: list[Operation] = []
    found: dict[str, tuple[Any, Any]] = {}
    incomplete = 0
    events = [event for deal in deals for event in deal]
    with tools.progress.task("visit both trees", 2 * sum(map(len, events)), "files") as advance:
        before = _visit(full, events, tools, advance)  # fresh or not, it is the same
        after = [answer for deal in deals for answer in _visit(restored, deal, tools, advance)]
    for event, one, other in zip(events, before, after, strict=True):
        incomplete += len(event) if other.missing else 0
        for operation, *results in zip(event, one.results, other.results, strict=True):
            parts = list(_parts(operation, *results))
            counts[operation[0]] += len(parts)
            different = {what: pair for what, *pair in parts if pair[0] != pair[1]}
            if different:
                differing.append(operation)
                found |= {what: (pair[0], pair[1]) for what, pair in different.items()}
    unsteady = _unsteady(full, differing, found, tools)
    return Proof(
        seed,
        len(deals),
        incomplete,
        dict(sorted(counts.items())),
        tuple(sorted(unsteady)),
        tuple(
            Difference(what, *_shown(*pair)) for what, pair in found.items() if what not in unsteady
        ),
    )


def _unsteady(
    full: Walk, operations: Sequence[Operation], found: Mapping[str, tuple[Any, Any]], tools: Tools
) -> set[str]:
    """Return what the full install itself shows differently the second time, of what differs."""
    if not operations:
        return set()
    [again] = _visit(full, [list(operations)], tools, lambda _: None)
    second = {
        what: one
        for operation, result in zip(operations, again.results, strict=True)
        for what, one, _ in _parts(operation, result, result)
    }
    return {
        what
        for what, pair in found.items()
        if second.get(what) != pair[0] or any(_took_too_long(item) for item in pair)
    }


def _took_too_long(result: Any) -> bool:
    return isinstance(result, dict) and result.get("error") in {TOO_LONG, "TimeoutExpired"}


def _parts(operation: Operation, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what an operation did, with both results; every module that it imported for itself."""
    if operation[0] == "import":
        for name in operation[1]:
            yield f"import {name}", one.get(name), other.get(name)
    else:
        yield " ".join(map(str, operation)), one, other


def _visit(
    walk: Walk, events: Sequence[Event], tools: Tools, advance: Callable[[int], None]
) -> list[_Answer]:
    """Return what a fresh sandbox answers to the events, one after the other."""
    settings = Settings(enforce_package_size=False)
    with local.run(walk.function, tools, release=walk.release, settings=settings) as running:
        return [_ask(running.function, event, advance) for event in events]


def _ask(function: LocalLambda, event: Event, advance: Callable[[int], None]) -> _Answer:
    """Return the answer to an event, in as many invocations as it takes."""
    answer = _Answer([], 0)
    while len(answer.results) < len(event):
        part = event[len(answer.results) :]
        invocation = function.invoke(json.dumps({"operations": part}).encode())
        if invocation.status != "success":
            raise HotpackError(
                f"the visit ended at {part[0]}: {invocation.payload.decode()}",
                hint="\n".join(invocation.log[-5:]),
            )
        document = json.loads(invocation.payload)
        advance(len(document["results"]))
        answer = _Answer([*answer.results, *document["results"]], document["missing"])
    return answer


def _shown(one: Any, other: Any) -> tuple[str, str]:
    """Return two results as texts that show the first thing in which they differ."""
    failed = any(isinstance(item, dict) and "error" in item for item in (one, other))
    if isinstance(one, dict) and isinstance(other, dict) and not failed:
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                texts = _shown(one.get(key), other.get(key))
                return f"{key}: {texts[0]}", f"{key}: {texts[1]}"
    if isinstance(one, list) and isinstance(other, list) and len(one) + len(other) > 8:
        return _short([item for item in one if item not in other]), _short(
            [item for item in other if item not in one]
        )
    return _short(one), _short(other)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else f"{text[:300]} …"
