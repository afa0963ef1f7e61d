"""Writes what the runtime's starter reads: `start.json`, and a start's bytecode in one file."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hotpack.pack.entries import Entry
from hotpack.pack.runtime import PACKAGE
from hotpack.project import Config
from hotpack.slim.bytecode import source_path
from hotpack.target import Target

FORMAT: Final = 1

_INDEX_BYTES: Final = 1_000_000
"""Kept free for `start.json`: 3,000 modules take 150 KB."""


@dataclass(frozen=True, slots=True)
class _Module:
    """A module, found where Python would find it."""

    folder: str
    file: str
    """Below the folder: `name.py`, `name/__init__.py` or an extension module."""

    bytecode: Entry | None


def write_start(
    folder: Path,
    config: Config,
    hot: Iterable[str],
    inline: Iterable[Entry],
    own: Collection[str],
    room_bytes: int,
) -> list[Entry]:
    """Write `start.json` into `folder`, and the bytecode file if it has anything; return them.

    That has as many modules as there is room for. `hot` are paths that a cold start uses, in the
    order of first use; `inline` are the dependencies' files that are raw in the function, `own` the
    paths of the project's, which win over those.
    """
    files = {entry.path: entry for entry in inline if entry.path not in own}
    modules: Iterable[_Module] = ()
    if "bytecode" in config.starter:
        modules = _modules((files[p] for p in hot if p in files), files, own, config.target)
    bytecode = folder / "start.bytecode"
    known = _gather(modules, bytecode, room_bytes - _INDEX_BYTES)
    document: dict[str, Any] = {
        "format": FORMAT,
        "handler": config.handler,
        "tricks": sorted(config.starter),
        "modules": {place: "\n".join(known[place]) for place in sorted(known)},
    }
    index = folder / "start.json"
    index.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")), "utf-8")
    written = [index, bytecode] if known else [index]
    return [Entry.of_path(f"{PACKAGE}/{path.name}", path) for path in written]


def _gather(modules: Iterable[_Module], path: Path, room_bytes: int) -> dict[str, list[str]]:
    """Write the modules' bytecode one behind the other; return what is known, by folder.

    There is no file, and nothing known, where there is no room for any.
    """
    known: dict[str, list[str]] = {}
    with path.open("wb") as content:
        for module in modules:
            start = content.tell()
            size = module.bytecode.size if module.bytecode else 0
            if start + size > room_bytes:
                break
            if module.bytecode:
                content.write(module.bytecode.source.read_bytes())
            known.setdefault(module.folder, []).append(f"{start} {size} {module.file}")
    if path.stat().st_size:
        return known
    path.unlink()
    return {}


def _modules(
    hot: Iterable[Entry], files: Collection[str], own: Collection[str], target: Target
) -> Iterator[_Module]:
    """Yield the modules of hot files, where Python finds those and no others of their name."""
    there = {*files, *own}
    for entry in hot:
        source = source_path(entry.path, target.runtime)
        path = source or entry.path
        folder, _, name = path.rpartition("/")
        if name.startswith("__init__."):
            folder, _, package = folder.rpartition("/")
            name = f"{package}/{name}"
        module = name.partition("/")[0].partition(".")[0]
        base = f"{folder}/{module}" if folder else module
        is_module = path in files and module.isidentifier() and not entry.path.endswith(".py")
        if is_module and _found(base, target.module_suffixes, there) == path:
            yield _Module(folder, name, entry if source else None)


def _found(base: str, suffixes: Sequence[str], paths: Collection[str]) -> str | None:
    """Return the file that Python takes for a module: a package before others, by suffix."""
    candidates = [f"{base}/__init__{suffix}" for suffix in suffixes]
    candidates += [f"{base}{suffix}" for suffix in suffixes]
    return next((path for path in candidates if path in paths), None)
