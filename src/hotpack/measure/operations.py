"""Plans the visits of a proof: what is done with a tree, in which order, in which sandbox."""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hotpack.install import File, Kind, Tree

_AT_ONCE: Final = 4000
"""Operations in an event, which may have 6 MB."""

_IN_A_FRESH_TREE: Final = 40
"""Operations of a small part: few enough that not everything is restored behind the first ones."""

_ENDING: Final = frozenset({"import in a new interpreter", "read by another program"})
"""What another process touches is not seen, so all is restored before one starts: such an operation
is the last of a small part, or in a part of their own."""

OF_MODULES: Final = frozenset(
    {"find_spec", "get_data", "getsource", "import", "loader", "resources", "walk_packages"}
)
"""What is asked about several modules of a package in one process, one after the other: tensorflow
takes three seconds to import."""

_MODULES_AT_ONCE: Final = 150

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

Operation = list[Any]
"""Its kind and its arguments."""

Event = list[Operation]
"""Operations of one invocation."""

Deal = list[Event]
"""Invocations of one sandbox, which is fresh before the first."""


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
        *_together("get_data", _some(chance, _data(tree.files, packages), 0.05, 100)),
        *(["metadata", item.name] for item in tree.distributions if ":" not in item.name),
        ["all distributions"],
        ["all entry points"],
        ["all packages"],
    ]  # fmt: skip


def deal(operations: Sequence[Operation], seed: int, fresh: int) -> list[Deal]:
    """Return the operations in random order, in `fresh` small parts and two that hold the rest.

    A small part begins with an import in the sandbox's own process, as a handler's are; if that
    ends it, as some do, the next operation finds a new one.
    """
    chance = random.Random(seed)  # noqa: S311 - for variety
    shuffled = list(operations)
    chance.shuffle(shuffled)
    modules = [name for kind, *rest in operations if kind == "import" for name in rest[0]]
    ending = [operation for operation in shuffled if operation[0] in _ENDING]
    others = [operation for operation in shuffled if operation[0] not in _ENDING]
    small = min(_IN_A_FRESH_TREE, len(others) // (fresh + 1))
    deals = [
        [
            [["import here", chance.choice(modules)]],
            others[i * small : (i + 1) * small],
            ending[i : i + 1],
        ]
        for i in range(fresh if modules else 0)
    ]
    deals += [[others[fresh * small :]], [ending[fresh:]]]
    return [list(_events(deal)) for deal in deals if any(deal)]


def _events(parts: Sequence[Sequence[Operation]]) -> Iterator[list[Operation]]:
    for part in parts:
        for start in range(0, len(part), _AT_ONCE):
            yield list(part[start : start + _AT_ONCE])


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


def _data(files: Iterable[File], packages: Sequence[str]) -> list[str]:
    known = set(packages)
    split = (file.path.rpartition("/") for file in files if file.kind is Kind.DATA)
    pairs = ((folder.replace("/", "."), name) for folder, _, name in split)
    return [f"{package}:{name}" for package, name in pairs if package in known]


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
    yield from _together("import", chance.sample(modules, len(modules)))
    yield from _together("find_spec", _some(chance, modules, 0.05, 200))
    yield from _together("loader", _some(chance, modules, 0.05, 200))
    yield from _together("getsource", _some(chance, modules, 0.02, 100))
    yield from _together("resources", _some(chance, packages, 0.05, 40))
    yield from _together("walk_packages", _some(chance, tops, 0.5, 15))
    yield from (["import in a new interpreter", name] for name in _some(chance, tops, 0.5, 15))


def _together(kind: str, names: Iterable[str]) -> Iterator[Operation]:
    """Yield an operation for the names of each top-level package, or several if they are many."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition(":")[0].partition(".")[0], []).append(name)
    for _, group in sorted(groups.items()):
        for start in range(0, len(group), _MODULES_AT_ONCE):
            yield [kind, group[start : start + _MODULES_AT_ONCE]]


def _some(chance: random.Random, items: Sequence[str], share: float, most: int) -> list[str]:
    """Return a part of the items drawn by chance: twenty, or their share up to a number."""
    return chance.sample(items, min(len(items), max(20, min(most, round(share * len(items))))))
