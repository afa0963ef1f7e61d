"""What it costs to read, decompress and write a cold start's files: the planner's constants.

    python benchmarks/reading.py examples/spacy examples/scikit-learn examples/tensorflow

Every project's handler module is imported over its slimmed dependencies, in turns with them in the
page cache and without (posix_fadvise DONTNEED, which takes no root and leaves folders and inodes
cached). The same files are then read as one pack, decompressed and written, as the runtime does.
The constants are in src/hotpack/layout/cost.py, what was measured in docs/layout.md.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

from hotpack.cli.options import open_project, open_tools
from hotpack.pack.frames import FRAME_RAW_BYTES, LEVEL
from hotpack.pipeline import Prepared, prepare

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROBE = """\
import json, sys, time
tree, code, module = sys.argv[1:]
sys.path[:0] = [code, tree]
start = time.perf_counter()
__import__(module)
took = time.perf_counter() - start
modules = sys.modules.values()
used = {getattr(m, "__cached__", None) or getattr(m, "__file__", None) for m in modules}
used |= {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
used = sorted(path for path in used if path and path.startswith(tree))
print(json.dumps([took * 1000, used]))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("projects", type=Path, nargs="+")
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    tools = open_tools()
    print("| project | hot | bytecode | import, warm | cold | pack read | restored, one thread |")
    print("|---|---|---|---|---|---|---|")
    for root in chosen.projects:
        prepared = prepare(open_project(root), tools)
        with tempfile.TemporaryDirectory(dir=tools.cache.root) as folder:
            print(measure(prepared, Path(folder), chosen.rounds), flush=True)


def measure(prepared: Prepared, folder: Path, rounds: int) -> str:
    """Return a row of the table, measured in `folder`."""
    tree, code = folder / "tree", folder / "code"
    for file in prepared.slimmed.files:
        copy(file.source, tree / file.path)
    for own in prepared.code:
        copy(own.source, code / own.path)
    everything = [path for path in tree.rglob("*") if path.is_file()]
    start = importer(prepared, tree, code)
    hot = [Path(path) for path in start()[1]]
    warm, cold = [], []
    for _ in range(rounds):
        warm.append(start()[0])
        evict(everything)
        cold.append(start()[0])
    pack = folder / "pack"
    frames = compress(hot)
    pack.write_bytes(b"".join(frames))
    read = median(timed(pack.read_bytes, before=lambda: evict([pack])) for _ in range(rounds))
    out = folder / "out"
    restored = median(
        timed(lambda: restore(frames, out), before=lambda: shutil.rmtree(out, ignore_errors=True))
        for _ in range(rounds)
    )
    raw, packed = size_mb(hot), size_mb([pack])
    bytecode = size_mb(path for path in hot if path.suffix == ".pyc")
    return (
        f"| {prepared.project.name} | {len(hot)} files, {raw:.0f} MB | {bytecode:.0f} MB "
        f"| {median(warm):,.0f} ms | {median(cold):,.0f} ms "
        f"| {packed:.0f} MB in {read:.0f} ms | {restored:,.0f} ms, {restored / raw:.1f} a MB |"
    )


def importer(prepared: Prepared, tree: Path, code: Path) -> Callable[[], tuple[float, list[str]]]:
    """Return what imports the handler's module and says how long it took, and of which files."""
    module = prepared.project.config.handler.rpartition(".")[0].replace("/", ".")
    command = [str(prepared.python), "-I", "-c", PROBE, str(tree), str(code), module]

    def start() -> tuple[float, list[str]]:
        done = subprocess.run(command, capture_output=True, check=True)
        took, used = json.loads(done.stdout.splitlines()[-1])
        return took, used

    return start


def copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def evict(paths: Iterable[Path]) -> None:
    """Drop the files' contents from the page cache."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def compress(paths: Iterable[Path]) -> list[bytes]:
    raw = b"".join(path.read_bytes() for path in paths)
    starts = range(0, len(raw), FRAME_RAW_BYTES)
    return [zstd.compress(raw[start : start + FRAME_RAW_BYTES], LEVEL) for start in starts]


def restore(frames: Iterable[bytes], folder: Path) -> None:
    """Check and decompress the frames, and write each to a file."""
    folder.mkdir()
    for number, frame in enumerate(frames):
        hashlib.sha256(frame).digest()
        (folder / str(number)).write_bytes(zstd.decompress(frame))


def timed(work: Callable[[], object], *, before: Callable[[], object]) -> float:
    before()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def size_mb(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6


if __name__ == "__main__":
    main()
