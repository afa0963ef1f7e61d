"""Cold starts of an example: each placement against the bare import, in turns.

    make bench                          writes docs/cold-starts.md
    python benchmarks/cold_start.py examples/spacy --rounds 20

Every round starts each way once, in an order that moves on from round to round, so that a noisy
minute of the machine meets all of them. What counts is the ratio to the bare import of the same
round. A cold start is the init phase and the first invocation, as REPORT has them. The page cache
is warm: everything was read in a round that does not count.
"""

import argparse
import os
import platform
import sys
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from hotpack import local
from hotpack.cli.options import open_project, open_tools
from hotpack.measure import bare_function
from hotpack.pipeline import Tools, build, prepare
from hotpack.project.config import PLACEMENTS
from hotpack.report.durations import total_ms
from hotpack.sandbox import LocalLambda, Settings

BARE = "bare import"
EVERY_START_IS_COLD = Settings(idle_life_s=0.0, enforce_package_size=False)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("project", type=Path)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--markdown", type=Path, help="write the table there")
    chosen = options.parse_args()
    tools = open_tools()
    with ExitStack() as stack:
        ways = open_ways(chosen.project, tools, stack)
        durations, memory = measure(ways, chosen.project, chosen.rounds, tools)
    text = table(chosen.project.name, durations, memory)
    print(text)
    if chosen.markdown:
        chosen.markdown.write_text(page(text, chosen.rounds))


def open_ways(root: Path, tools: Tools, stack: ExitStack) -> dict[str, LocalLambda]:
    """Return the local Lambda of each way to ship the project."""
    bare = bare_function(prepare(open_project(root), tools), tools)
    running = stack.enter_context(local.run(bare, tools, settings=EVERY_START_IS_COLD))
    ways = {BARE: running.function}
    for placement in PLACEMENTS:
        release = build(open_project(root, placement), tools).release
        function = local.function_of(release, placement)
        running = stack.enter_context(
            local.run(function, tools, release=release, settings=EVERY_START_IS_COLD)
        )
        ways[placement] = running.function
    return ways


def measure(
    ways: dict[str, LocalLambda], root: Path, rounds: int, tools: Tools
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return every way's cold starts in milliseconds, and its peak memory in MB."""
    event = min(root.glob("events/*.json")).read_bytes()
    durations: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, int] = defaultdict(int)
    names = list(ways)
    with tools.progress.task("cold starts", rounds + 1, "files") as advance:
        for number in range(rounds + 1):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                invocation = ways[name].invoke(event)
                if invocation.status != "success" or invocation.start != "cold":
                    sys.exit(f"{name}: {invocation.payload.decode()}")
                if number:  # the first round warms the page cache
                    durations[name].append(total_ms(invocation))
                    memory[name] = max(memory[name], invocation.max_memory_mb or 0)
            advance(1)
    return durations, memory


def table(title: str, durations: dict[str, list[float]], memory: dict[str, int]) -> str:
    lines = [
        f"| {title} | cold start, median | ratio to the bare import, median (quartiles) | memory |",
        "|---|---|---|---|",
    ]
    for name in [BARE, *PLACEMENTS]:
        values = durations[name]
        ratios = [value / bare for value, bare in zip(values, durations[BARE], strict=True)]
        low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
        ratio = f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"
        lines.append(f"| {name} | {median(values):,.0f} ms | {ratio} | {memory[name]} MB |")
    return "\n".join(lines)


def page(text: str, rounds: int) -> str:
    machine = f"{platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    return f"""\
# Cold starts

Written by `make bench`: in the local Lambda, warm page cache, {rounds} rounds in turns, Python
{machine}. A cold start is the init phase and the first invocation. The bare
import is the same handler over the full install on local disk, with valid bytecode and nothing of
hotpack.

{text}

How fast a fresh environment of the real Lambda reads its own code is published nowhere: these
figures compare the ways with each other, they do not foretell a duration on AWS. S3 is a bucket on
loopback with the latency and rates of Lambda's network. It speaks plain HTTP: TLS is not in these
figures (its context alone takes 27 ms to make on this machine).
"""


if __name__ == "__main__":
    main()
