"""Bad inputs by the hundred: packs and manifests, harmed everywhere, read by the runtime's reader.

Each is read as the runtime does it, without a sandbox around. What comes is an error of the
runtime's own, in one line, or the right tree: never another one.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from hotpack.pack.packs import seal
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restorer import Restorer

Contents = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Input:
    """What is read: a manifest and packs by their names."""

    manifest: bytes
    packs: Contents
    is_meant: bool = False
    """Whether the manifest was sealed again: then it may mean another tree, but none outside."""


def read(given: Input, folder: Path) -> Contents | RestoreError:
    """Return the tree that comes of an input, or the error; other errors are not caught."""
    packs, place = folder / "packs", folder / "root" / "tree"
    packs.mkdir(parents=True)
    try:
        (folder / "manifest.json").write_bytes(given.manifest)
        for name, content in given.packs.items():
            (packs / f"{name}.pack").write_bytes(content)
        try:
            manifest = Manifest.read(str(folder / "manifest.json"))
            restorer = Restorer(manifest, str(place), str(packs), _no_bucket)
            try:
                restorer.everything()
            finally:
                restorer.stop()
        except RestoreError as error:
            return error
        found = {
            p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()
        }
        outside = [p for p in folder.rglob("*") if p.is_file() and not _is_known(p, folder)]
        return {**found, **{f"outside: {path}": b"" for path in outside}}
    finally:
        shutil.rmtree(folder)


def good_input(function: Path) -> Input:
    """Return the one that a built function has in it."""
    packs = {p.stem: p.read_bytes() for p in (function / "hotpack_runtime" / "packs").iterdir()}
    return Input((function / "hotpack_runtime" / "manifest.json").read_bytes(), packs)


def try_inputs(
    good: Input, folder: Path, seed: int, flips: int, every: int = 1
) -> tuple[int, list[str]]:
    """Return how many bad inputs were tried, and what was wrong; of all, one in `every`."""
    right = read(good, folder / "good")
    if isinstance(right, RestoreError):
        raise right
    wrong: list[str] = []
    chosen = [*bad_inputs(good, seed, flips)][seed % every :: every]
    for number, (name, given) in enumerate(chosen):
        try:
            words = wrong_with(given, read(given, folder / str(number)), right)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            words = repr(error)
        if words:
            wrong.append(f"{name}: {words}")
    return len(chosen), wrong


def _is_known(path: Path, folder: Path) -> bool:
    below = path.relative_to(folder).as_posix()
    return below.startswith(("packs/", "root/tree/")) or below in {
        "manifest.json",
        "root/tree.restored",
    }


def _no_bucket(_: Manifest) -> Any:
    raise RestoreError("hotpack: nothing is remote here")


def wrong_with(given: Input, found: Contents | RestoreError, right: Contents) -> str:
    """Return what is wrong with what came of a bad input; empty where nothing is."""
    if isinstance(found, RestoreError):
        words = str(found)
        return "" if words.startswith("hotpack: ") and "\n" not in words else f"unclear: {words}"
    if given.is_meant:
        return "".join(name for name in found if name.startswith("outside: "))
    return "" if found == right else "WRONG RESULT"


# -- what is harmed -----------------------------------------------------------------------------


def bad_inputs(good: Input, seed: int, flips: int) -> Iterator[tuple[str, Input]]:
    """Yield inputs with one thing wrong each, and what that is."""
    random_ = random.Random(seed)
    document = json.loads(good.manifest)
    yield from _flipped(good, document, random_, flips)
    yield from _cut(good, document)
    yield from _swapped(good, document)
    yield from _said_wrong(good, document, random_)


def _frames(document: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield the pack, the beginning and the end of each frame."""
    for pack, start, _, frames, _ in document["groups"]:
        ends = accumulate((size for size, _, _ in frames), initial=start)
        for here, end in pairwise(ends):
            yield document["packs"][pack]["name"], here, end


def _flipped(
    good: Input, document: dict[str, Any], random_: random.Random, flips: int
) -> Iterator[tuple[str, Input]]:
    for name, start, end in _frames(document):
        for place in {start, end - 1, *(random_.randrange(start, end) for _ in range(flips))}:
            yield f"byte {place} of {name[:8]}", _with(good, name, _flip(good.packs[name], place))
    for _ in range(40 * flips):
        place = random_.randrange(len(good.manifest))
        yield f"byte {place} of the manifest", Input(_flip(good.manifest, place), good.packs)


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :]


def _with(good: Input, name: str, content: bytes) -> Input:
    return Input(good.manifest, {**good.packs, name: content})


def _cut(good: Input, document: dict[str, Any]) -> Iterator[tuple[str, Input]]:
    for name, start, end in _frames(document):
        for place in (start, (start + end) // 2, end - 1):
            yield f"{name[:8]} cut at {place}", _with(good, name, good.packs[name][:place])
    for place in range(0, len(good.manifest), max(1, len(good.manifest) // 50)):
        yield f"the manifest cut at {place}", Input(good.manifest[:place], good.packs)


def _swapped(good: Input, document: dict[str, Any]) -> Iterator[tuple[str, Input]]:
    frames = sorted(_frames(document))
    for (name, start, middle), (other, _, end) in pairwise(frames):
        if name == other:
            content = good.packs[name]
            swapped = content[:start] + content[middle:end] + content[start:middle] + content[end:]
            yield (
                f"frames at {start} and {middle} of {name[:8]} swapped",
                _with(good, name, swapped),
            )


Harm = Callable[[Any, random.Random], Any]

_HARMS: tuple[tuple[str, Harm], ...] = (
    ("gone", lambda _, __: None),
    ("negative", lambda value, _: -value - 1 if isinstance(value, int) else -1),
    ("huge", lambda _, r: 1 << r.choice((31, 32, 62, 63, 64, 200))),
    ("a text", lambda _, r: r.choice(("", "..", "/etc/passwd", "a\0", "\ud800", "x" * 10_000))),
    ("a fraction", lambda _, __: 0.5),
    ("a list", lambda value, _: [value]),
    ("an object", lambda _, __: {"a": 1}),
    ("true", lambda _, __: True),
)


def _said_wrong(
    good: Input, document: dict[str, Any], random_: random.Random
) -> Iterator[tuple[str, Input]]:
    """Put something else in each place of the manifest, and seal it as by who means it."""
    for path in _places(document):
        for what, harm in _HARMS:
            copy = json.loads(good.manifest)
            del copy["sha256"]
            if path[0] == "sha256":
                continue
            holder = copy
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = harm(holder[path[-1]], random_)
            yield (
                f"{'.'.join(map(str, path))} is {what}",
                Input(seal(copy), good.packs, is_meant=True),
            )


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value; of long lists the first and the last alone."""
    if path:
        yield path
    if isinstance(document, dict):
        for key in [*document][:6]:
            yield from _places(document[key], (*path, key))
    elif isinstance(document, list):
        for index in sorted({0, len(document) - 1} if document else ()):
            yield from _places(document[index], (*path, index))
