"""The proof that nothing is lost: what a full install shows, a function shows that restores it.

Every file, folder, module, library and distribution of a tree is visited in a way drawn by chance,
in a random order that the seed says, dealt out to several fresh sandboxes. Each sandbox visits what
it was dealt in the full install and in the function, and what it finds must be the same.
"""

import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from hotpack import local
from hotpack.errors import HotpackError
from hotpack.install import File, Kind, Tree
from hotpack.measure.folders import folder_of
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
_AT_ONCE: Final = 4000
"""Operations in an event, which may have 6 MB."""

_MODULES_AT_ONCE: Final = 60
"""Modules of a package that one process imports, one after the other."""

READS: Final = (
    "by descriptor",
    "linecache",
    "read by io",
    "read by mmap",
    "read by open",
    "read by os",
    "read by pathlib",
    "read, copied",
)
FORKED_READS: Final = ("read in a fork", "read, relative")
LOOKS: Final = ("access", "exists", "lstat", "pathlib", "stat")
LISTS: Final = (
    "listdir",
    "listdir in a fork",
    "listdir of a descriptor",
    "listdir of bytes",
    "listdir, relative",
    "pathlib iterdir",
    "scandir",
)
BELOW: Final = ("glob below", "pathlib rglob")

_REACHED_BY_C: Final = frozenset({Kind.DATA, Kind.LIBRARY, Kind.EXECUTABLE})
"""What other programs read too: never cold."""

_T = TypeVar("_T")

Operation = list[Any]
"""Its kind and its arguments."""


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


def prove(
    project: Project, tools: Tools, placement: Placement, *, seed: int, starts: int = 8
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
        deals = deal(operations(prepared.slimmed, seed), seed, starts)
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


def operations(tree: Tree, seed: int) -> list[Operation]:
    """Return what to do with a tree: the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - for variety
    paths = {file.path for file in tree.files}
    folders = sorted({parent for file in tree.files for parent in _parents(file.path)})
    modules = sorted({name for file in tree.files for name in _module(file)})
    packages = sorted(
        folder.replace("/", ".")
        for folder in folders
        if f"{folder}/__init__.py" in paths
        and all(part.isidentifier() for part in folder.split("/"))
    )
    return [
        *_of_files(tree.files, chance),
        *_of_folders(folders, chance),
        *_of_modules(modules, packages, chance),
        *(["get_data", *item] for item in _some(chance, _data(tree.files, packages), 0.05, 100)),
        *(["metadata", item.name] for item in tree.distributions if ":" not in item.name),
        ["all distributions"],
        ["all entry points"],
        ["all packages"],
    ]  # fmt: skip


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _module(file: File) -> Iterator[str]:
    """Yield the name by which a file would be imported, if it can be."""
    if file.path.endswith(".py"):
        path = file.path.removesuffix(".py").removesuffix("/__init__")
    elif file.kind is Kind.EXTENSION:
        path = file.path.split(".")[0]
    else:
        return
    if all(part.isidentifier() for part in path.split("/")):
        yield path.replace("/", ".")


def _data(files: Iterable[File], packages: Sequence[str]) -> list[list[str]]:
    known = set(packages)
    split = (file.path.rpartition("/") for file in files if file.kind is Kind.DATA)
    pairs = ((folder.replace("/", "."), name) for folder, _, name in split)
    return [[package, name] for package, name in pairs if package in known]


def _of_files(files: Iterable[File], chance: random.Random) -> Iterator[Operation]:
    for file in files:
        yield [chance.choice(LOOKS), file.path]
        if chance.random() < 0.03:
            yield [chance.choice(FORKED_READS), file.path]
        else:
            yield [chance.choice(READS), file.path]
        if chance.random() < 0.02:
            yield [chance.choice([*LOOKS, *READS]), f"{file.path}.missing"]
        if file.kind in _REACHED_BY_C and chance.random() < 0.2:
            yield ["read by another program", file.path]
        if file.kind in {Kind.LIBRARY, Kind.EXTENSION}:
            yield ["dlopen", file.path]


def _of_folders(folders: Sequence[str], chance: random.Random) -> Iterator[Operation]:
    for folder in folders:
        yield [chance.choice(LISTS), folder]
        yield [chance.choice(LOOKS), folder]
        if chance.random() < 0.3:
            yield ["iter_modules", folder]
        if folder and chance.random() < 0.05:
            yield [chance.choice(("os.walk", "os.fwalk")), folder]
            yield [chance.choice(BELOW), folder, chance.choice(("*", "*.py", "*.so*"))]
    yield ["os.walk", ""]
    yield ["glob", "*"]
    yield ["listdir", "missing"]


def _of_modules(
    modules: Sequence[str], packages: Sequence[str], chance: random.Random
) -> Iterator[Operation]:
    tops = [name for name in modules if "." not in name]
    for top in sorted({name.split(".")[0] for name in modules}):
        group = [name for name in modules if name.split(".")[0] == top]
        chance.shuffle(group)
        for start in range(0, len(group), _MODULES_AT_ONCE):
            yield ["import", group[start : start + _MODULES_AT_ONCE]]
    yield from (["find_spec", name] for name in _some(chance, modules, 0.05, 200))
    yield from (["loader", name] for name in _some(chance, modules, 0.05, 200))
    yield from (["getsource", name] for name in _some(chance, modules, 0.02, 100))
    yield from (["resources", name] for name in _some(chance, packages, 0.05, 40))
    yield from (["walk_packages", name] for name in _some(chance, tops, 0.5, 15))
    yield from (["import in a new interpreter", name] for name in _some(chance, tops, 0.5, 15))


def _some(chance: random.Random, items: Sequence[_T], share: float, most: int) -> list[_T]:
    """Return a part of the items drawn by chance: twenty, or their share up to a number."""
    return chance.sample(items, min(len(items), max(20, min(most, round(share * len(items))))))


def deal(operations: Sequence[Operation], seed: int, starts: int) -> list[list[Operation]]:
    """Return the operations in random order, in as many parts as there are sandboxes."""
    shuffled = list(operations)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - for variety
    return [shuffled[start::starts] for start in range(starts)]


def compare(
    full: Walk, restored: Walk, deals: Sequence[Sequence[Operation]], seed: int, tools: Tools
) -> Proof:
    """Return the proof of what both functions show where they are dealt the same operations."""
    counts: Counter[str] = Counter()
    differing: list[Operation] = []
    found: dict[str, tuple[Any, Any]] = {}
    total = 2 * sum(map(len, deals))
    with tools.progress.task(
        "visit the full install and the restored tree", total, "files"
    ) as advance:
        for operations in deals:
            before = _perform(full, operations, tools)
            advance(len(operations))
            after = _perform(restored, operations, tools)
            advance(len(operations))
            for operation, one, other in zip(operations, before, after, strict=True):
                parts = list(_parts(operation, one, other))
                counts[operation[0]] += len(parts)
                different = {what: pair for what, *pair in parts if pair[0] != pair[1]}
                if different:
                    differing.append(operation)
                    found |= {what: (one, other) for what, (one, other) in different.items()}
    unsteady = _unsteady(full, differing, found, tools)
    return Proof(
        seed,
        len(deals),
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
    again = _perform(full, operations, tools) if operations else []
    second = {
        what: one
        for operation, result in zip(operations, again, strict=True)
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


def _perform(walk: Walk, operations: Sequence[Operation], tools: Tools) -> list[Any]:
    """Return what the operations find in a fresh sandbox."""
    settings = Settings(enforce_package_size=False)
    results: list[Any] = []
    with local.run(walk.function, tools, release=walk.release, settings=settings) as running:
        while len(results) < len(operations):
            part = operations[len(results) : len(results) + _AT_ONCE]
            results += _invoke(running.function, part)
    return results


def _invoke(function: LocalLambda, operations: Sequence[Operation]) -> list[Any]:
    invocation = function.invoke(json.dumps({"operations": operations}).encode())
    if invocation.status != "success":
        raise HotpackError(
            f"the walk ended: {invocation.payload.decode()}", hint="\n".join(invocation.log[-5:])
        )
    results: list[Any] = json.loads(invocation.payload)["results"]
    return results


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
