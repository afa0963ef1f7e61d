"""The proof that nothing is lost, over the examples, a tree of popular packages, and test suites.

    make proof                                      writes docs/proof.md; takes about half an hour
    python benchmarks/proof.py examples/ocr --seed 7

Each tree is visited as it is restored from packs, in the function and on S3, and in a full
install. Exits with 1 where they differ, and prints how.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack.cli.options import open_project, open_tools
from hotpack.errors import DependencyError
from hotpack.measure.proof import Proof, prove, prove_suites
from hotpack.pipeline import Tools, prepare
from hotpack.project import Placement

ROOT: Final = Path(__file__).parents[1]
POPULAR: Final = ROOT / "benchmarks" / "popular"
TREES: Final = (
    *(ROOT / "examples" / name for name in ("spacy", "ocr", "scikit-learn", "tensorflow", "torch")),
    POPULAR,
)
PLACEMENTS: Final[tuple[Placement, ...]] = ("bundled", "remote")
ON_S3_TOO: Final = frozenset({"ocr", "spacy"})
"""Trees that are visited with their packs on S3 too: what differs is how a frame is read."""

SUITES: Final = {
    "numpy.linalg": [],
    "numpy.lib": ["-k", "not slow"],
    "pandas.tests.tslibs": [],
    "pandas.tests.indexes": ["-k", "multi"],
    "pandas.tests.io.formats": [],
    "sklearn.tests": ["-k", "test_base or test_pipeline"],
    "sklearn.linear_model.tests": ["-k", "test_ridge or test_logistic"],
}
"""Tests that the wheels of the popular packages bring: what runs in minutes."""


@dataclass(frozen=True)
class Row:
    tree: str
    placement: str
    distributions: int
    files: int
    proof: Proof


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("projects", type=Path, nargs="*", default=TREES)
    options.add_argument("--placement", choices=PLACEMENTS, action="append")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--fresh", type=int, default=12, help="sandboxes with small parts")
    options.add_argument("--no-suites", action="store_true")
    options.add_argument("--markdown", type=Path, help="write the page there")
    chosen = options.parse_args()
    print(f"seed {chosen.seed}")
    tools = open_tools()
    suites = {} if chosen.no_suites else run_suites(tools)
    rows: list[Row] = []
    missing: list[str] = []
    for project in chosen.projects:
        placements = chosen.placement or PLACEMENTS[: 2 if project.name in ON_S3_TOO else 1]
        try:
            for row in visit(project, placements, chosen.seed, chosen.fresh, tools):
                rows.append(row)
                if chosen.markdown:
                    chosen.markdown.write_text(page(rows, missing, suites, chosen.seed))
        except DependencyError as error:
            missing.append(f"{project.name} ({error.message.splitlines()[0]})")
            print(missing[-1])
    if chosen.markdown:
        chosen.markdown.write_text(page(rows, missing, suites, chosen.seed))
    proofs = [row.proof for row in rows] + list(suites.values())
    sys.exit(any(proof.differences for proof in proofs))


def visit(
    project: Path, placements: Iterable[Placement], seed: int, fresh: int, tools: Tools
) -> Iterator[Row]:
    tree = prepare(open_project(project), tools).slimmed
    for placement in placements:
        started = time.monotonic()
        proof = prove(open_project(project), tools, placement, seed=seed, fresh=fresh)
        show(f"{project.name}, {placement}", proof, time.monotonic() - started)
        yield Row(project.name, placement, len(tree.distributions), len(tree.files), proof)


def run_suites(tools: Tools) -> dict[str, Proof]:
    proofs = prove_suites(open_project(POPULAR), tools, "bundled", SUITES)
    for package, proof in proofs.items():
        show(package, proof, None)
    return proofs


def show(name: str, proof: Proof, seconds: float | None) -> None:
    print(
        f"{name}: {sum(proof.counts.values()):,} operations, {proof.incomplete:,} surely in an "
        f"incomplete tree, {len(proof.unsteady)} unsteady, {len(proof.differences)} differences"
        + (f", {seconds:.0f} s" if seconds else f" {proof.counts}"),
        flush=True,
    )
    for difference in proof.differences:
        print(difference, flush=True)
    for name in proof.unsteady:
        print(f"  unsteady: {name[:150]}")


def page(rows: list[Row], missing: list[str], suites: dict[str, Proof], seed: int) -> str:
    visits = "\n".join(
        f"| {row.tree} | {row.placement} | {row.distributions} | {row.files:,} | "
        f"{sum(row.proof.counts.values()):,} | {row.proof.counts.get('import', 0):,} | "
        f"{row.proof.incomplete:,} | {len(row.proof.unsteady)} | {len(row.proof.differences)} |"
        for row in rows
    )
    tests = "\n".join(
        f"| {package} | {proof.counts.get('passed', 0):,} | {proof.counts.get('failed', 0):,} | "
        f"{proof.counts.get('skipped', 0):,} | {len(proof.unsteady)} | {len(proof.differences)} |"
        for package, proof in suites.items()
    )
    kinds = "; ".join(sorted({kind for row in rows for kind in row.proof.counts}))
    not_here = "".join(f"\nNot visited, as it could not be had here: {line}.\n" for line in missing)
    return TEMPLATE.format(seed=seed, visits=visits, tests=tests, kinds=kinds, not_here=not_here)


TEMPLATE: Final = """\
# Proof that nothing is lost

Written by `make proof`, seed {seed}. `make check` proves it for a small tree each time.

A function that restores its dependencies from packs is visited, and so is a full install of the
same slimmed tree, raw, in a sandbox of its own. Every file, folder, module, shared library and
distribution has its turn, each in a way drawn by chance, in an order drawn by chance: what is not
restored yet is listed before it is opened, imported before it is listed, and so on. Twelve
sandboxes are fresh and do forty operations each, two more do the rest. All results must be equal
but for where the tree stands. A difference counts if a second visit of the full install shows what
the first did; what the full install itself shows differently is unsteady. A module that takes
longer than 30 s in the restored tree alone is a difference.

| tree | packs | distributions | files | operations | imports | in part | unsteady | different |
|---|---|---|---|---|---|---|---|---|
{visits}
{not_here}
"In part" are operations in a tree that surely was not restored whole: those of an invocation after
which files were still missing. The function is built as the project's own but for its handler,
which is the walker; without a profile nearly everything is cold to it, which is the hardest case.

One thing is otherwise and stays so: in a full install that is raw in the function, the tree is the
first entry of `sys.path`, restored it is the second. A module that takes the first entry away (one
of pandas' test helpers) leaves the tree there; so every import begins with the path as it was.

The kinds of operations: {kinds}. `src/hotpack/measure/walker` has them, and
`tests/integration/test_proof.py` shows that a file that is gone, or has other bytes or another
mode, is found.

## Test suites that packages bring

Run by pytest from both trees, the second one bundled. Every test has to end alike.

| suite | passed | failed | skipped | unsteady | different |
|---|---|---|---|---|---|
{tests}

What fails or is skipped does so from a full install too, in the same sandbox.
"""


if __name__ == "__main__":
    main()
