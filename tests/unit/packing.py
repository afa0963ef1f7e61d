"""Packs for tests: written by hotpack.pack, restored by hotpack_runtime."""

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hotpack.cache import Cache
from hotpack.install import File, Kind
from hotpack.layout import Arranged, Arrangement
from hotpack.pack import Packing, compress
from hotpack.pack.packs import Pack, manifest, seal, write_packs
from hotpack.progress import Silent
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restorer import Restorer

Contents = dict[str, dict[str, bytes]]
"""Distribution to path to content."""


CONTENTS: Contents = {
    "alpha": {
        "alpha/__init__.py": b"print('alpha')\n",
        "alpha/empty.txt": b"",
        "alpha/large.bin": random.Random(1).randbytes(9 * 1024 * 1024 + 17),
        "alpha/zeros.bin": bytes(5 * 1024 * 1024),
    },
    "beta": {"beta.py": b"x = 1\n", "bin/beta": b"#!/bin/sh\n"},
    "gamma": {"gamma/deep/er/file": b"gamma" * 1000},
}


def make_packs(
    folder: Path,
    contents: Contents = CONTENTS,
    needs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    placement: str = "bundled",
) -> tuple[Pack, ...]:
    """Write the contents as packs into `folder / "packs"`, and the manifest beside.

    What is called hot, native or lukewarm is that; all else is cold.
    """
    files = {
        name: [make_file(folder / "src", name, path, data) for path, data in files.items()]
        for name, files in contents.items()
    }
    arranged = {
        name: Arranged(
            tuple(file for file in mine if "hot" in file.path or "native" in file.path),
            tuple(file for file in mine if "lukewarm" in file.path),
            tuple(
                file
                for file in mine
                if not any(word in file.path for word in ("hot", "native", "lukewarm"))
            ),
        )
        for name, mine in files.items()
    }
    hot = [file.path for item in arranged.values() for file in item.hot]
    arrangement = Arrangement(
        arranged,
        {path: place for place, path in enumerate(hot)},
        frozenset(path for path in hot if "native" in path),
        {},
        "profile",
    )
    compressed = compress(arrangement, Cache(folder / "cache"), Silent())
    (folder / "packs").mkdir()
    placements: Any = dict.fromkeys(contents, placement)
    packing = Packing(
        list(compressed.values()), placements, placements, arrangement.order, needs, {}
    )
    packs = write_packs(folder / "packs", packing)
    text = manifest(packs, packing, bucket=None, cold="touch")
    (folder / "manifest.json").write_bytes(text)
    return packs


def make_file(root: Path, distribution: str, path: str, data: bytes) -> File:
    source = root / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    is_script = path.startswith("bin/") or path.endswith("/tool")
    kind = Kind.BYTECODE if path.endswith(".pyc") else Kind.DATA
    return File(path, len(data), digest, kind, distribution, is_script, source)


def open_tree(folder: Path, **options: Any) -> Restorer:
    document = Manifest.read(str(folder / "manifest.json"))
    place = str(folder / "tmp" / "tree")
    return Restorer(document, place, str(folder / "packs"), no_bucket, **options)


def restored(folder: Path, **options: Any) -> Path:
    """Restore everything and return the tree's folder."""
    open_tree(folder, **options).everything()
    return folder / "tmp" / "tree"


def no_bucket(_: Manifest) -> Any:
    raise AssertionError("nothing is remote")


def content_of(tree: Path) -> dict[str, bytes]:
    files = (path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


def change(folder: Path, harm: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    harm(document)
    del document["sha256"]
    (folder / "manifest.json").write_bytes(seal(document))


def add(document: dict[str, Any], line: str, folder: str = "") -> None:
    """Put a file into a folder of the tree, which may be a new one."""
    before = list(document["folders"])
    text = document["folders"].get(folder, "")
    document["folders"][folder] = f"{text}\n{line}".lstrip("\n")
    places = {each: place for place, each in enumerate(sorted(document["folders"]))}
    for group in document["groups"]:
        group[4] = sorted({places[folder], *(places[before[place]] for place in group[4])})


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
