"""Cold starts of the examples: each way to ship them against the bare import, in turns.

make bench                          writes the tables of docs/cold-starts.md
python benchmarks/cold_start.py examples/spacy --rounds 20
python benchmarks/cold_start.py examples/spacy --check docs/cold-starts.md
"""

import argparse
import os
import platform
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hotpack.cli.options import open_project, open_tools
from hotpack.measure import Comparison, compare_cold_starts
from hotpack.measure.ways import OWN, WAYS
from hotpack.pipeline import prepare
from hotpack.project import Project
from hotpack.report.cold_starts import comparison_markdown, phases_markdown
from hotpack.report.regressions import ratios_of, regressions
from hotpack.report.waterfall import comparison_page
from hotpack.trace import choose, keep, trace


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("projects", type=Path, nargs="+")
    options.add_argument(
        "--python",
        help="another one than the projects', e.g. 3.11, on their system: where a wheel can be had "
        "for that alone; Lambda has no such function",
    )
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--peer-rounds", type=int, default=3, help="of other tools")
    options.add_argument("--way", choices=WAYS, action="append", help="[default: all]")
    options.add_argument("--markdown", type=Path, help="write the tables between its marks")
    options.add_argument("--html", type=Path, help="write a page for each project into the folder")
    options.add_argument("--check", type=Path, help="fail where ratios are worse than its tables")
    chosen = options.parse_args()
    names = chosen.way or ([way.name for way in OWN] if chosen.check else list(WAYS))
    worse: list[str] = []
    for root in chosen.projects:
        project = open_project(root)
        if chosen.python:
            project = with_python(project, chosen.python)
        comparison = measure(project, names, chosen.rounds, chosen.peer_rounds)
        table = section(project, comparison)
        print(table)
        if chosen.markdown:
            replace_section(chosen.markdown, root.name, table)
        if chosen.html:
            chosen.html.mkdir(parents=True, exist_ok=True)
            (chosen.html / f"{root.name}.html").write_text(comparison_page(comparison))
        if chosen.check:
            committed = ratios_of(chosen.check.read_text(), comparison.project)
            if not committed:
                sys.exit(f"{chosen.check} has no table of {comparison.project}")
            worse += regressions(comparison, committed)
    if worse:
        sys.exit("slower than the committed table:\n" + "\n".join(worse))


def with_python(project: Project, version: str) -> Project:
    """Return the project for another Python on the same system."""
    target = project.config.target
    runtime = replace(target.runtime, name=f"python{version}")
    return replace(project, config=replace(project.config, target=replace(target, runtime=runtime)))


def measure(project: Project, names: list[str], rounds: int, peer_rounds: int) -> Comparison:
    event = min(project.root.glob("events/*.json"))
    tools = open_tools()
    profile = trace(
        prepare(project, tools), [(event.name, event.read_bytes())], choose("auto")[0], tools
    )
    keep(profile, project.root)
    ways = [WAYS[name] for name in names]
    return compare_cold_starts(
        project, event.read_bytes(), ways, rounds, tools, peer_rounds=peer_rounds
    )


def section(project: Project, comparison: Comparison) -> str:
    config = project.config
    rounds = len(comparison.starts[0].durations_ms)
    fewer = min(len(item.durations_ms) for item in comparison.starts)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return f"""\
{config.target}, {config.memory_mb} MB, {rounds} rounds (other tools {fewer}), {machine}, {day}:

{comparison_markdown(comparison)}

{phases_markdown(comparison)}
"""


def replace_section(path: Path, name: str, table: str) -> None:
    begin, end = f"<!-- made by make bench: {name} -->", f"<!-- end: {name} -->"
    text, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n\n{table}\n{end}",
        path.read_text(),
        flags=re.DOTALL,
    )
    if count != 1:
        sys.exit(f"{path} has no marks for {name}: {begin} … {end}")
    path.write_text(text)


if __name__ == "__main__":
    main()
