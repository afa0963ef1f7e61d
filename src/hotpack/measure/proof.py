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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hotpack import local
from hotpack.errors import HotpackError
from hotpack.install import Tree
from hotpack.measure.folders import folder_of
from hotpack.measure.operations import OF_MODULES, Deal, Event, deal, operations
from hotpack.measure.walker.children import TOO_LONG
from hotpack.pack import Entry, Release
from hotpack.pipeline import Tools, build, prepare
from hotpack.project import Placement, Project
from hotpack.project.config import EVERY_DISTRIBUTION
from hotpack.sandbox import Function, LocalLambda, Settings
from hotpack.target import Target
from hotpack.target.limits import EPHEMERAL_STORAGE_MB, MEMORY_MB

_WALKER: Final = Path(__file__).with_name("walker")
_MODULE: Final = "_hotpack_walker"
_TIMEOUT_S: Final = 900
_SEVERAL: Final = OF_MODULES | {"suite"}
"""Kinds of operations with a result for each of several names."""


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
    """How often each kind of operation was done, every import counted; of a suite, how many of its
    tests had each outcome."""

    unsteady: tuple[str, ...]
    """What the full install itself shows otherwise the second time, or takes too long for."""

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
    with _both(project, tools, placement) as (tree, full, restored):
        deals = deal(operations(tree, seed), seed, fresh)
        return compare(full, restored, deals, seed, tools)


def prove_suites(
    project: Project, tools: Tools, placement: Placement, suites: Mapping[str, Sequence[str]]
) -> dict[str, Proof]:
    """Run tests that packages of the tree bring, each suite in a sandbox of its own, in both trees.

    `suites` are packages with tests, with options of pytest, which has to be in the tree.
    """
    with _both(project, tools, placement) as (_, full, restored):
        return {
            package: compare(full, restored, [[[["suite", package, [*options]]]]], 0, tools)
            for package, options in suites.items()
        }


@contextmanager
def _both(
    project: Project, tools: Tools, placement: Placement
) -> Iterator[tuple[Tree, Walk, Walk]]:
    """Yield the slimmed tree, and the walker over it: raw, and restored from packs."""
    with tempfile.TemporaryDirectory() as folder:
        walking = _walking(project, Path(folder), placement)
        tree = prepare(walking, tools).slimmed
        release = build(walking, tools).release
        restored = Walk(local.function_of(release, "restored"), release)
        yield tree, full_install(tree, walking.config.target, tools), restored


def full_install(tree: Tree, target: Target, tools: Tools) -> Walk:
    """Return the walker over a tree that is raw in the function, whatever it weighs."""
    walker = [Entry.of_path(f"{_MODULE}/{path.name}", path) for path in _WALKER.glob("*.py")]
    return Walk(
        Function(
            name="full",
            handler=f"{_MODULE}.handler",
            runtime=target.runtime,
            architecture=target.architecture,
            code=folder_of([*map(Entry.of_file, tree.files), *walker], tools.cache),
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
    shutil.copytree(_WALKER, folder / _MODULE, ignore=shutil.ignore_patterns("__pycache__"))
    config = replace(
        project.config,
        handler=f"{_MODULE}.handler",
        include=(_MODULE,),
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
    differences: list[Difference] = []
    unsteady: list[str] = []
    incomplete = 0
    total = 2 * sum(len(event) for deal in deals for event in deal)
    with tools.progress.task("visit both trees", total, "files") as advance:
        for deal in deals:
            before, after = (_visit(walk, deal, tools, advance) for walk in (full, restored))
            incomplete += sum(
                len(event) for event, answer in zip(deal, after, strict=True) if answer.missing
            )
            shown, restored_shows = _by_name(deal, before), _by_name(deal, after)
            counts.update(
                str(result) if kind == "suite" else kind for (kind, *_), result in shown.items()
            )
            different = {
                name: (shown.get(name), restored_shows.get(name))
                for name in sorted(shown.keys() | restored_shows.keys())
                if shown.get(name) != restored_shows.get(name)
            }
            again = _by_name(deal, _visit(full, deal, tools, lambda _: None)) if different else {}
            for name, pair in different.items():
                if again.get(name) != pair[0] or _took_too_long(pair[0]):
                    unsteady.append(" ".join(name))
                else:
                    differences.append(Difference(" ".join(name), *_shown(*pair)))
    return Proof(
        seed,
        len(deals),
        incomplete,
        dict(sorted(counts.items())),
        tuple(sorted(unsteady)),
        tuple(differences),
    )


def _took_too_long(result: Any) -> bool:
    return _failed(result) and result["error"] in {TOO_LONG, "TimeoutExpired"}


def _failed(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("error"), str)


def _by_name(deal: Deal, answers: Sequence[_Answer]) -> dict[tuple[str, ...], Any]:
    """Return each result by what was done; every module or test of several by its own name."""
    found: dict[tuple[str, ...], Any] = {}
    for event, answer in zip(deal, answers, strict=True):
        for (kind, *arguments), result in zip(event, answer.results, strict=True):
            if kind in _SEVERAL and not _failed(result):
                found |= {(kind, name): each for name, each in result.items()}
            else:
                found[kind, *map(str, arguments)] = result
    return found


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
        if invocation.status == "success":
            document = json.loads(invocation.payload)
        elif len(part) == 1:
            document = {"results": [{"error": str(invocation.error_type)}], "missing": 0}
        else:
            raise HotpackError(
                f"the visit ended at {part[0]} or later: {invocation.payload.decode()}",
                hint="\n".join(invocation.log[-5:]),
            )
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
