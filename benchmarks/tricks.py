"""What each trick of the runtime gives: cold starts without it, beside those with all of them.

    make bench-tricks                                        writes docs/performance.md
    python benchmarks/tricks.py examples/spacy --with tried=FOLDER

A trick is taken out by the text that makes it; one whose text is not there any more is an error.
FOLDER holds another hotpack_runtime: that is how a change is tried before it is kept.
"""

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cold_start import replace_section

from hotpack import local
from hotpack.cli.options import open_project, open_tools
from hotpack.measure import compare_cold_starts
from hotpack.measure.page_cache import PageCache
from hotpack.measure.ways import Shipped, Way
from hotpack.pack import Release
from hotpack.pipeline import Prepared, Tools, build, prepare
from hotpack.project import Placement
from hotpack.project.config import PLACEMENTS
from hotpack.report.cold_starts import comparison_markdown
from hotpack.trace import choose, keep, trace

RUNTIME: Final = Path(__file__).parent.parent / "src" / "hotpack_runtime"

Vary = Callable[[Path], None]
"""Changes the runtime in a folder."""

STARTER: Final = {
    "collections while the handler is imported": ("starter.py", r"gc\.set_threshold\(0\)", "pass"),
    "what was imported stays young": ("starter.py", r"gc\.freeze\(\)\n +gc\.unfreeze\(\)", "pass"),
    "frames in pieces of 16 KB": ("starter.py", r"load = _in_one_piece\(load\)", "pass"),
}
"""Without which trick, and how: a file, what makes it (once), what stands there instead."""

INLINE: Final = {
    **STARTER,
    "modules found and read one by one": ("starter.py", r"self\._know_modules\(\)", "pass"),
}

PACKED: Final = {
    **STARTER,
    "the handler imported beside restoring": (
        "unpacking.py", r"restorer\.wait\(manifest\.hot\)", "pass",
    ),
    "bytecode from files": (
        "importer.py", r"content = bytecode_of\(self\.path\)", "content = None",
    ),
    "buffers given back to the kernel": ("restorer.py", r"bytes\(KEPT_BYTES\)", "pass"),
}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("projects", type=Path, nargs="+")
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument("--place", choices=PLACEMENTS, default="bundled")
    options.add_argument("--with", dest="tried", action="append", default=[], metavar="NAME=FOLDER")
    options.add_argument("--markdown", type=Path, help="write the tables between its marks")
    chosen = options.parse_args()
    variants: dict[str, Vary] = {"as it is": lambda _: None}
    tricks = INLINE if chosen.place == "inline" else PACKED
    variants |= {name: partial(without, *trick) for name, trick in tricks.items()}
    for named in chosen.tried:
        name, _, folder = named.partition("=")
        variants[name] = partial(replace_all, Path(folder))
    for root in chosen.projects:
        table = measure(root, variants, chosen.place, chosen.rounds)
        print(table)
        if chosen.markdown:
            replace_section(chosen.markdown, f"{root.name} {chosen.place}", table)


def without(file: str, made_by: str, instead: str, runtime: Path) -> None:
    path = runtime / file
    text, count = re.subn(made_by, instead, path.read_text())
    if count != 1:
        sys.exit(f"{file} has {made_by!r} {count} times: the trick has changed")
    path.write_text(text)


def replace_all(other: Path, runtime: Path) -> None:
    for path in runtime.glob("*.py"):
        path.unlink()
    for path in other.glob("*.py"):
        shutil.copy(path, runtime)


def measure(root: Path, variants: dict[str, Vary], place: Placement, rounds: int) -> str:
    event = min(root.glob("events/*.json"))
    caches: tuple[PageCache, ...] = ("warm", "cold") if place == "inline" else ("warm",)
    project, tools = open_project(root, place), open_tools()
    prepared = prepare(project, tools)
    keep(
        trace(prepared, [(event.name, event.read_bytes())], choose("auto")[0], tools), project.root
    )
    release = build(project, tools).release
    with TemporaryDirectory(prefix="hotpack-tricks-") as folder:
        ways = [
            Way(name, name, partial(ship, release, vary, Path(folder, str(number))))
            for number, (name, vary) in enumerate(variants.items())
        ]
        comparison = compare_cold_starts(
            project, event.read_bytes(), ways, rounds, tools, page_caches=caches
        )
    config = project.config
    head = f"{config.target}, {config.memory_mb} MB, all {place}, {rounds} rounds:"
    return f"{head}\n\n{comparison_markdown(comparison)}\n"


def ship(release: Release, vary: Vary, code: Path, prepared: Prepared, tools: Tools) -> Shipped:
    """Return the release with another runtime, its bytecode as a build makes it."""
    with zipfile.ZipFile(release.function_zip) as packed:
        packed.extractall(code)
    runtime = code / RUNTIME.name
    shutil.rmtree(runtime / "__pycache__")
    vary(runtime)
    compiling: Sequence[str | Path] = [
        *(prepared.python or sys.executable, "-m", "compileall", "-q"),
        *("--invalidation-mode", "unchecked-hash", runtime),
    ]
    subprocess.run(compiling, check=True)
    return Shipped(replace(local.function_of(release, "tricks"), code=code), release=release)


if __name__ == "__main__":
    main()
