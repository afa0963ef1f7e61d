"""Cold starts of the examples: each way to ship them against the bare import, in turns.

make bench                          writes docs/cold-starts.md
python benchmarks/cold_start.py examples/spacy --rounds 20
"""

import argparse
import os
import platform
from pathlib import Path

from hotpack.cli.options import open_project, open_tools
from hotpack.measure import compare_cold_starts
from hotpack.pipeline import prepare
from hotpack.project.config import PLACEMENTS
from hotpack.report.cold_starts import comparison_markdown
from hotpack.trace import choose, keep, trace


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("projects", type=Path, nargs="+")
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--markdown", type=Path, help="write the tables there")
    chosen = options.parse_args()
    tables = [measure(root, chosen.rounds) for root in chosen.projects]
    print("\n\n".join(tables))
    if chosen.markdown:
        chosen.markdown.write_text(page(tables, chosen.rounds))


def measure(root: Path, rounds: int) -> str:
    event = min(root.glob("events/*.json"))
    project, tools = open_project(root), open_tools()
    profile = trace(
        prepare(project, tools), [(event.name, event.read_bytes())], choose("auto")[0], tools
    )
    keep(profile, project.root)
    comparison = compare_cold_starts(project, event.read_bytes(), PLACEMENTS, rounds, tools)
    memory_mb, target = project.config.memory_mb, project.config.target
    return f"{target}, {memory_mb} MB:\n\n{comparison_markdown(comparison)}"


def page(tables: list[str], rounds: int) -> str:
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    text = "\n\n".join(tables)
    return f"""\
# Cold starts

Written by `make bench`: in the local Lambda, warm page cache, {rounds} rounds in turns, on
{machine}, each project with a profile of the same day (`hotpack trace`). A cold start is the init
phase and the first invocation. The bare import is the same handler over the full install on local
disk, with valid bytecode and nothing of hotpack. "As planned" is what `hotpack build` makes of the
project; the others have everything placed alike.

{text}

How fast a fresh environment of the real Lambda reads its own code is published nowhere: these
figures compare the ways with each other, they do not foretell a duration on AWS. S3 is a bucket on
loopback with the latency and rates of Lambda's network. It speaks plain HTTP: TLS is not in these
figures (its context alone takes 27 ms to make on this machine).
"""


if __name__ == "__main__":
    main()
