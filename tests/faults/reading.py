"""Feeds the readers of packs and manifests with bytes; benchmarks/fuzz.py does it by the million.

An input's first byte says what the rest is: a manifest as it is, one that is sealed again, a frame
with its right digest, a journal, an answer of S3's. What a reader makes of it is an error of its
own, in one line, or a tree that leaves nothing outside. `corpus` holds beginnings, and each find.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hotpack.pack.packs import seal
from hotpack_runtime import s3_reader
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import FRAME_RAW_BYTES, Frame, Manifest, Pack
from hotpack_runtime.packs import raw_of
from hotpack_runtime.restorer import Restorer

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
PACKS = HERE / "packs"
"""What the manifests of the corpus name."""


def fuzz_one(data: bytes, folder: Path) -> None:
    """Read one input; raises what no reader may raise."""
    kind, rest = data[:1], data[1:]
    try:
        match kind:
            case b"m":
                _read_manifest(rest, folder)
            case b"s":
                _read_sealed(rest, folder)
            case b"f":
                _read_frame(rest)
            case b"j":
                _read_journal(rest, folder)
            case _:
                _read_answer(rest)
    except RestoreError as error:
        words = str(error)
        if "\n" in words or not words.startswith("hotpack: "):
            raise AssertionError(f"unclear: {words!r}") from error


def _read_manifest(text: bytes, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(text)
    manifest = Manifest.read(str(folder / "manifest.json"))
    for index in range(len(manifest.groups)):
        manifest.files_of(index)


def _read_sealed(text: bytes, folder: Path) -> None:
    try:
        document = json.loads(text)
        sealed = seal({**document, "format": 4})
    except (ValueError, TypeError, RecursionError):
        return
    _restore(sealed, folder)


def _restore(manifest: bytes, folder: Path, journal: bytes | None = None) -> None:
    (folder / "manifest.json").write_bytes(manifest)
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        tree = root / "tree"
        if journal is not None:
            tree.mkdir()
            (root / "tree.restored").write_bytes(journal)
        read = Manifest.read(str(folder / "manifest.json"))
        # One group after the other, in this thread: what threads do is tried elsewhere.
        restorer = Restorer(read, str(tree), str(PACKS), _no_bucket)
        for index in range(len(read.groups)):
            restorer.ensure(index)
        left = {entry.name for entry in root.iterdir()} | {entry.name for entry in folder.iterdir()}
        if left - {"tree", "tree.restored", "partial", "manifest.json", root.name}:
            raise AssertionError(f"left outside: {left}")
    finally:
        shutil.rmtree(root)


def _no_bucket(_: Manifest) -> Any:
    raise RestoreError("hotpack: nothing is remote here")


def _read_frame(data: bytes) -> None:
    raw_size, content = int.from_bytes(data[:3], "little") % FRAME_RAW_BYTES, data[3:]
    pack = Pack("0" * 64, len(content), None, [])
    frame = Frame(pack, 0, len(content), raw_size, "", 0)
    raw = sum(len(piece) for piece in raw_of(frame, memoryview(content)))
    if raw != raw_size:
        raise AssertionError(f"{raw} bytes in place of {raw_size}")


def _read_journal(journal: bytes, folder: Path) -> None:
    document = json.loads((CORPUS / "sealed").read_bytes()[1:])
    del document["sha256"]
    _restore(seal(document), folder, journal)


def _read_answer(body: bytes) -> None:
    words = s3_reader._s3_words(body) + s3_reader._what_to_do(body.decode("utf-8", "replace"))
    if "\n" in words or not words.isprintable():
        raise AssertionError(f"unclear: {words!r}")
