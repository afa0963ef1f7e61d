"""Rule `bytecode`: sources get the bytecode that the target would compile them to.

Lambda's code is read-only, so what is missing or stale is compiled again at every cold start
(spaCy: 2.0 s instead of 0.8). Unchecked-hash bytecode is valid whatever dates a zip gives (PEP
552), and sources do not change in a package.

Not so tests: no cold start imports them, and their bytecode weighs (pandas: 22 MB). Whoever imports
one compiles it then, as without this rule.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache as cache_
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.errors import HotpackError
from hotpack.install import File, Kind, Tree
from hotpack.progress import Progress
from hotpack.slim.rules import RuleReport
from hotpack.target import Runtime

_COMPILER: Final = Path(__file__).with_name("compiler.py")
_VERSION: Final = 1
_AT_ONCE: Final = 250
"""Sources that one process compiles: of tensorflow's 3,000, every core has some."""


@dataclass(frozen=True, slots=True)
class Source:
    """A Python source to compile: where it is, where it will be, and what is in it."""

    source: Path
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Bytecode:
    """One compiled module."""

    path: str
    """In the function, e.g. `app/__pycache__/main.cpython-313.pyc`."""

    source: Path
    size: int
    sha256: str


def add_bytecode(
    tree: Tree, runtime: Runtime, python: Path, cache: Cache, progress: Progress
) -> tuple[Tree, RuleReport]:
    """Return the tree with bytecode beside every source that compiles, tests excepted."""
    groups = [
        (name, [Source(f.source, f.path, f.sha256) for f in sources[start : start + _AT_ONCE]])
        for name, files in tree.by_distribution().items()
        for sources in [[file for file in files if file.kind is Kind.SOURCE]]
        for start in range(0, len(sources), _AT_ONCE)
    ]
    added: list[File] = []
    total = sum(len(sources) for _, sources in groups)
    with progress.task("compile", total, "files") as advance, ThreadPoolExecutor() as pool:
        results = pool.map(lambda g: compile_sources(g[1], runtime, python, cache), groups)
        for (name, sources), compiled in zip(groups, results, strict=True):
            added += [
                File(item.path, item.size, item.sha256, Kind.BYTECODE, name, False, item.source)
                for item in compiled
            ]
            advance(len(sources))
    made = {file.path for file in added}  # a wheel may bring some, if the rule `caches` is off
    slimmed = tree.replaced([*(file for file in tree.files if file.path not in made), *added])
    left = total - len(added)
    note = f"{left} sources are not for this Python and do not compile" if left else None
    return slimmed, RuleReport.between("bytecode", tree, slimmed, note)


def compile_sources(
    sources: Sequence[Source], runtime: Runtime, python: Path, cache: Cache
) -> tuple[Bytecode, ...]:
    """Return the bytecode of those of the sources that compile, sorted by path.

    All sources of a group are compiled by one process in their order: what marshal writes depends
    on what the process has interned before, and the same group shall give the same bytes.
    """
    if not sources:
        return ()
    key = digest_of(
        _VERSION, full_version(python), *(f"{item.path}\0{item.sha256}" for item in sources)
    )
    folder = cache.path("bytecode", key)
    if not folder.is_dir():
        with cache.folder("bytecode", key) as beside:
            _run(
                python,
                [(s.source, beside / bytecode_path(s.path, runtime), s.path) for s in sources],
            )
    return tuple(_read(folder, (bytecode_path(item.path, runtime) for item in sources)))


def _read(folder: Path, paths: Iterable[str]) -> Iterable[Bytecode]:
    for path in sorted(paths):
        source = folder / path
        if source.is_file():
            content = source.read_bytes()
            yield Bytecode(path, source, len(content), hashlib.sha256(content).hexdigest())


def bytecode_path(path: str, runtime: Runtime) -> str:
    """Return where the bytecode of a source is, e.g. `a/__pycache__/b.cpython-313.pyc`."""
    folder, slash, name = path.rpartition("/")
    stem = name.removesuffix(".py")
    return f"{folder}{slash}__pycache__/{stem}.{runtime.cache_tag}.pyc"


def source_path(path: str, runtime: Runtime) -> str | None:
    """Return the source that a file is the runtime's bytecode of, None for every other file."""
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(f".{runtime.cache_tag}.pyc")
    source = f"{folder.removesuffix('__pycache__')}{stem}.py"
    return source if bytecode_path(source, runtime) == path else None


def _run(python: Path, jobs: Sequence[tuple[Path, Path, str]]) -> None:
    done = subprocess.run(
        [str(python), "-s", "-S", "-W", "ignore", str(_COMPILER)],
        input=json.dumps([[str(source), str(result), path] for source, result, path in jobs]),
        # A fixed hash seed: the order of a frozenset constant would differ from run to run.
        env=_bare_environment({"PYTHONHASHSEED": "0"}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HotpackError(f"{python} could not compile the sources: {done.stderr.strip()}")


@cache_
def full_version(python: Path) -> str:
    """Return what an interpreter says of itself: bytecode is only as good as its exact version."""
    command = [str(python), "-s", "-S", "-c", "import sys; print(sys.version)"]
    done = subprocess.run(
        command, env=_bare_environment({}), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _bare_environment(extra: dict[str, str]) -> dict[str, str]:
    """Return an environment that steers no interpreter, but for the way to shared libraries."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ} | extra
