"""Brings hotpack's runtime, and the zstd decoder that the target lacks, into the function."""

import importlib.util
from pathlib import Path
from typing import Final

from hotpack.binaries import cut
from hotpack.cache import Cache
from hotpack.errors import ArtifactError
from hotpack.install import EMPTY_TREE, Lock, Tree, Uv, install
from hotpack.pack.entries import Entry
from hotpack.progress import Progress
from hotpack.slim.bytecode import Source, compile_sources
from hotpack.target import Target

PACKAGE: Final = "hotpack_runtime"
HANDLER: Final = f"{PACKAGE}.entry.handler"
"""What Lambda is told to call; it restores the tree and hands over to the project's handler."""

_DECODER: Final = Path(__file__).with_name("decoder.txt")
"""Of its wheel only the extension module is taken, under a name of ours, so that it meets no
`backports` of the project's. Python 3.14 has it in the standard library (PEP 784)."""


def runtime_entries(
    target: Target,
    python: Path | None,
    uv: Uv,
    cache: Cache,
    progress: Progress,
    *,
    restores: bool = True,
) -> list[Entry]:
    """Return the files of the runtime, with bytecode made by `python`.

    With what decompresses packs, unless the function `restores` none.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ArtifactError(f"{PACKAGE} is not installed beside hotpack: install hotpack again")
    sources = sorted(Path(spec.origin).parent.glob("*.py"))
    entries = [Entry.of_path(f"{PACKAGE}/{source.name}", source) for source in sources]
    if python is not None:
        modules = [Source(entry.source, entry.path, entry.sha256) for entry in entries]
        compiled = compile_sources(modules, target.runtime, python, cache)
        entries += [Entry(item.path, item.source, item.size, item.sha256) for item in compiled]
    if restores and not target.runtime.has_zstd:
        entries.append(_decoder(target, uv, cache, progress))
    return entries


def runtime_distributions(target: Target, uv: Uv, cache: Cache, progress: Progress) -> Tree:
    """Return the distributions of which a part is in a function that restores packs."""
    return (
        EMPTY_TREE
        if target.runtime.has_zstd
        else install(_decoder_lock(), target, uv, cache, progress)
    )


def _decoder_lock() -> Lock:
    return Lock(_DECODER.read_text("utf-8"))


def _decoder(target: Target, uv: Uv, cache: Cache, progress: Progress) -> Entry:
    wheel = install(_decoder_lock(), target, uv, cache, progress)
    module = next(file for file in wheel.files if file.path.startswith("backports/zstd/_zstd."))
    source = module.source
    if (smaller := cut(source.read_bytes()).content) is not None:
        source = cache.put("decoders", module.sha256, smaller)
    return Entry.of_path(f"{PACKAGE}/{Path(module.path).name}", source)
