"""Faults of what is read: packs and manifests that are not as they were built."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hotpack.pack.packs import seal

from .matrix import Fault, Inject
from .stage import Stage

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Document = dict[str, Any]


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """Put something else into a file, in place: a sandbox that has it open sees that."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


# -- packs --------------------------------------------------------------------------------------


def document_of(stage: Stage) -> Document:
    document: Document = json.loads(_manifest(stage).read_bytes())
    return document


def _manifest(stage: Stage) -> Path:
    return stage.function / "hotpack_runtime" / "manifest.json"


def _pack(stage: Stage, document: Document, index: int) -> Path:
    name = document["packs"][index]["name"]
    return next(path for path in stage.packs if path.name == f"{name}.pack")


def group_of(document: Document, which: str) -> list[Any]:
    """Return the row of a group: the first that is hot, of bytecode, or large; the last is cold."""
    groups: list[list[Any]] = document["groups"]
    match which:
        case "hot":
            return groups[0]
        case "bytecode":
            return next(group for group in groups if group[2])
        case "large":
            return next(group for group in groups if len(group[3]) > 1)
    return groups[-1]


def pack_with(which: str, harm: Callable[[bytearray, int, int], bytes | bytearray]) -> Inject:
    """Return what harms a pack: it is told where a frame of a kind of group begins and ends."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        document = document_of(stage)
        pack, start, _, frames, _ = group_of(document, which)
        path = _pack(stage, document, pack)
        content = bytearray(path.read_bytes())
        with changed(path, bytes(harm(content, start, start + frames[0][0]))):
            yield

    return inject


def flip(place: float) -> Callable[[bytearray, int, int], bytearray]:
    """Flip a bit, at a part of the frame."""

    def harm(content: bytearray, start: int, end: int) -> bytearray:
        content[start + int((end - 1 - start) * place)] ^= 16
        return content

    return harm


def _cut(content: bytearray, start: int, end: int, *, part: float) -> bytearray:
    return content[: start + int((end - start) * part)]


def _swap_with_next(content: bytearray, start: int, end: int) -> bytearray:
    return (
        content[:start]
        + content[end : 2 * end - start]
        + content[start:end]
        + content[2 * end - start :]
    )


@contextmanager
def without_a_pack(stage: Stage) -> Iterator[None]:
    path = _pack(stage, document_of(stage), 0)
    aside = path.rename(path.with_suffix(".aside"))
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def packs_swapped(stage: Stage) -> Iterator[None]:
    """Give two packs each other's names."""
    one, two = stage.packs[:2]
    with changed(one, two.read_bytes()), changed(two, one.read_bytes()):
        yield


# -- manifests ----------------------------------------------------------------------------------


def manifest_is(harm: Callable[[bytes], bytes]) -> Inject:
    """Return what changes the manifest's bytes."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        with changed(_manifest(stage), harm(_manifest(stage).read_bytes())):
            yield

    return inject


def manifest_says(harm: Callable[[Document], None]) -> Inject:
    """Return what changes what the manifest says; it is sealed again, as by who means it."""

    def sealed(text: bytes) -> bytes:
        document = json.loads(text)
        del document["sha256"]
        harm(document)
        return seal(document)

    return manifest_is(sealed)


def _flip_a_name(text: bytes) -> bytes:
    return re.sub(rb"words\.txt", b"wordz.txt", text, count=1)


def another_frame(frame: list[Any]) -> Callable[[Document], None]:
    def harm(document: Document) -> None:
        group_of(document, "hot")[3][0] = frame

    return harm


def add_file(folder: str, name: str) -> Callable[[Document], None]:
    """Return what adds an empty file, the places of all other folders kept right."""

    def harm(document: Document) -> None:
        before = list(document["folders"])
        text = document["folders"].get(folder, "")
        document["folders"][folder] = f"{text}\n0 0 0 0 {name}".lstrip("\n")
        places = {each: place for place, each in enumerate(sorted(document["folders"]))}
        for group in document["groups"]:
            group[4] = sorted(places[before[place]] for place in group[4])
        document["groups"][0][4] = sorted({places[folder], *document["groups"][0][4]})

    return harm


def _name_twice(document: Document) -> None:
    line = document["folders"]["parcel"].split("\n")[0]
    document["folders"]["parcel"] += f"\n{line}"


@contextmanager
def a_bomb(stage: Stage, *, says: int) -> Iterator[None]:
    """Put a frame that decompresses to 1 GiB behind the others, with its digest."""
    bomb = zstd.compress(bytes(1 << 30))
    document = document_of(stage)
    pack, *_ = group_of(document, "hot")
    path = _pack(stage, document, pack)
    content = path.read_bytes()
    harmed = content + bomb
    digest = hashlib.sha256(bomb).hexdigest()

    def harm(document: Document) -> None:
        document["packs"][pack]["size"] = len(harmed)
        group = group_of(document, "hot")
        group[1], group[3][:] = len(content), [[len(bomb), says, digest]]

    with changed(path, harmed), manifest_says(harm)(stage):
        yield


# -- the table ----------------------------------------------------------------------------------

_PACK = r"^error: (Restore|Damaged)Error: hotpack: pack \S+ \(.*\) "
_MANIFEST = r"^error: RestoreError: hotpack: .*manifest.* build "


def data_faults() -> Iterator[Fault]:
    """Yield them all."""
    for name, inject in _in_packs():
        error = (
            "is cut short: .* ends within a frame" if "cut" in name else "is damaged: the frame "
        )
        yield Fault(name, "data", inject, _PACK + error)
    damaged = _PACK + "is damaged: the frame "
    yield Fault("a byte of bytecode", "data", pack_with("bytecode", flip(0.5)), damaged)
    cold = pack_with("cold", flip(0.5))
    yield Fault("a byte of a cold frame", "data", cold, damaged, at="touch")
    yield Fault("a pack is missing", "data", without_a_pack, _PACK + "is missing at .*: deploy")
    yield Fault("packs swapped", "data", packs_swapped, _PACK + "is (damaged|cut short)")
    yield Fault(
        "packs swapped on S3", "data", packs_swapped, _PACK + "has \\d+ bytes on S3",
        placement="remote",
    )  # fmt: skip
    yield Fault(
        "a byte of a pack on S3", "data", pack_with("hot", flip(0.5)), _PACK + "is damaged",
        placement="remote",
    )  # fmt: skip
    for says, error in ((1 << 22, _PACK + ".* do not match.*another size"), (1 << 30, _MANIFEST)):
        yield Fault(
            f"a bomb of 1 GiB that says {says}", "data", partial(a_bomb, says=says), error,
            memory_mb=256,
        )  # fmt: skip
    for name, inject, words in _in_manifests():
        yield Fault(name, "data", inject, words or _MANIFEST)


def _in_packs() -> Iterator[tuple[str, Inject]]:
    for where, place in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
        yield f"the {where} byte of a hot frame", pack_with("hot", flip(place))
    yield "a byte of a large file's frame", pack_with("large", flip(0.5))
    for part in (0.0, 0.5, 1.0):
        yield (
            f"a pack cut short at {part} of a large frame",
            pack_with("large", partial(_cut, part=part)),
        )
    yield "frames swapped", pack_with("hot", _swap_with_next)


def _in_manifests() -> Iterator[tuple[str, Inject, str]]:
    yield "manifest: a letter of a name", manifest_is(_flip_a_name), "does not have the SHA-256"
    yield "manifest: empty", manifest_is(lambda _: b""), "is no manifest"
    yield "manifest: cut short", manifest_is(lambda text: text[: len(text) // 2]), "is no manifest"
    yield "manifest: no JSON", manifest_is(lambda text: b"PK" + text), "is no manifest"
    yield "manifest: brackets", manifest_is(lambda _: b"[" * 200_000), "is no manifest"
    newer = manifest_says(lambda d: d.update(format=99))
    yield "manifest: a newer format", newer, "has format 99 and this runtime reads 4: build"
    other = manifest_says(lambda d: d["packs"][0].update(name="0" * 64))
    yield "manifest: of another release", other, "pack 0+ .* is missing at .*: deploy"
    digest = "0" * 64
    for name, frame in (
        ("huge lengths", [1 << 62, 1 << 63, digest]),
        ("a frame of 1 TiB", [100, 1 << 40, digest]),
        ("a negative length", [-5, 10, digest]),
        ("a length that is none", ["5", None, digest]),
        ("a length of many digits", [10**4000, 10**4000, digest]),
    ):
        yield f"manifest: {name}", manifest_says(another_frame(frame)), ""
    for name, place in (("negative", -1), ("far", 1 << 50), ("fractional", 0.5)):

        def harm(document: Document, place: float = place) -> None:
            document["groups"][0][1] = place

        yield f"manifest: a {name} offset", manifest_says(harm), ""
    for folder, name in (("..", "x"), ("/etc", "x"), ("a/../..", "x"), ("", ".."), ("", "a/b")):
        yield f"manifest: a file {folder}/{name}", manifest_says(add_file(folder, name)), ""
    yield "manifest: a name with a NUL", manifest_says(add_file("parcel", "a\0b")), ""
    yield "manifest: a name no file can have", manifest_says(add_file("parcel", "\ud800")), ""
    yield "manifest: two files of one path", manifest_says(_name_twice), ""
    yield "manifest: a tree that leaves", manifest_says(lambda d: d.update(tree="../../x")), ""
    pack = manifest_says(lambda d: d["packs"][0].update(name="../../../etc/passwd"))
    yield "manifest: a pack that leaves", pack, ""
