"""spaCy, too big for Lambda, in a local Lambda: what `make demo` shows."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from rich.rule import Rule

from hotpack import local
from hotpack.cache import write_atomic
from hotpack.cli.console import console, show
from hotpack.cli.invoke import show_log
from hotpack.cli.options import open_project, open_tools
from hotpack.measure import bare_function
from hotpack.measure.durations import NAN, read_invocations
from hotpack.measure.summary import summarize
from hotpack.pipeline import (
    Build,
    Prepared,
    Tools,
    build,
    prepare,
    requirements_of,
    weigh,
)
from hotpack.project.config import PLACEMENTS
from hotpack.report import builds, chart, durations, sizes, traces
from hotpack.report.chart_page import chart_page
from hotpack.sandbox import Function, Invocation, Settings
from hotpack.target.prices import default_price
from hotpack.trace import choose, keep, trace

PROJECT = Path(__file__).parent / "spacy"
EVENT = (PROJECT / "events" / "lovelace.json").read_bytes()
IDLE_LIFE_S = 1.0
"""Lambda keeps an idle sandbox for minutes; a demonstration does not wait that long."""


def main() -> None:
    started = time.monotonic()
    tools = open_tools()
    prepared = show_the_wall(tools)
    show_the_trace(prepared, tools)
    runs: dict[str, Sequence[Invocation]] = {}
    log: list[str] = []
    for placement in PLACEMENTS:
        built = show_the_build(placement, tools)
        function = local.function_of(built.release, f"spacy-{placement}")
        runs[placement] = show_the_function(function, tools, built, log)
    show(Rule("[bold]the bare import: the full install, which Lambda would refuse[/]"))
    bare = show_the_function(bare_function(prepared, tools), tools, None, log)
    runs = {"bare import": bare, **runs}
    show(
        Rule("[bold]all of them[/]"),
        durations.comparison_table(runs, "bare import"),
        "\nTwo cold starts each, on this machine and its warm page cache; `make bench` takes more, "
        "in turns.",
    )
    show_the_chart(log)
    show(f"\n{time.monotonic() - started:.0f} s in all")


def show_the_wall(tools: Tools) -> Prepared:
    show(Rule("[bold]1. the wall: what a plain install weighs[/]"))
    prepared = prepare(open_project(PROJECT), tools)
    weighed = weigh(prepared, tools, pack=False)
    table = sizes.sizes_table(
        weighed, requirements_of(prepared), width=console(err=False).width, shown=sizes.SHOWN
    )
    show(table, "", sizes.wall(weighed.installed_bytes + weighed.code_bytes), "")
    return prepared


def show_the_trace(prepared: Prepared, tools: Tools) -> None:
    show(Rule("[bold]what a cold start touches: hotpack trace[/]"))
    recorder, _ = choose("auto")
    profile = trace(prepared, [("lovelace", EVENT)], recorder, tools)
    keep(profile, PROJECT)
    show(traces.touched_text(profile, prepared.slimmed), "")


def show_the_build(placement: str, tools: Tools) -> Build:
    show(Rule(f"[bold]2. the build: {placement}[/]"))
    built = build(open_project(PROJECT, placement), tools)
    show(
        builds.rules_table(built),
        "",
        builds.layout_table(built),
        "",
        builds.before_and_after(built),
        f"\n{os.path.relpath(built.folder)}/function.zip\n",
    )
    return built


def show_the_function(
    function: Function, tools: Tools, built: Build | None, log: list[str]
) -> list[Invocation]:
    """Invoke: one cold start, three warm ones, the sandbox expires, a cold start again."""

    def on_log(event: str) -> None:
        log.append(event)
        show_log(event)

    if built is not None:
        show(Rule(f"[bold]3. the function in the local Lambda: {function.name}[/]"))
    settings = Settings(idle_life_s=IDLE_LIFE_S, enforce_package_size=built is not None)
    release = built.release if built else None
    with local.run(function, tools, release=release, settings=settings, on_log=on_log) as running:
        show(f"[dim]kept apart by {running.function.machine.isolation.name}[/]")
        invocations = [running.function.invoke(EVENT) for _ in range(4)]
        time.sleep(2 * IDLE_LIFE_S)
        show(f"[dim]idle for {2 * IDLE_LIFE_S:.0f} s: the sandbox has expired[/]")
        if running.bucket is not None:
            running.bucket.new_environment()
        invocations.append(running.function.invoke(EVENT))
    show(
        "",
        f"response: {durations.response_of(invocations[-1])}",
        "",
        durations.invocations_table(invocations),
        "",
    )
    return invocations


def show_the_chart(log: Sequence[str]) -> None:
    """Show the chart of the article: durations over time, whose peaks are the cold starts."""
    show(Rule("[bold]4. hotpack chart, of the log of these runs[/]"))
    invocations = read_invocations((NAN, event) for event in log)
    price = default_price(open_project(PROJECT).config.target.architecture)
    summary = summarize(invocations, price)
    page = PROJECT / ".hotpack" / "chart.html"
    write_atomic(page, chart_page("spacy", invocations, summary).encode())
    show(
        "Five invocations of each, in the order in which they ran. The peaks are the cold starts: "
        "the first one, and the fifth, before which the sandbox had expired.\n",
        chart.chart_table(invocations),
        "",
        chart.shares_text(summary),
        f"\n{os.path.relpath(page)} is the same as a page that zooms",
    )


if __name__ == "__main__":
    main()
