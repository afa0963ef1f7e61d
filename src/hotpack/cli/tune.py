"""`hotpack tune`."""

from pathlib import Path

import click
import tomlkit

from hotpack import local
from hotpack.cache import write_atomic
from hotpack.cli.console import console, print_json, show
from hotpack.cli.events import event_option, events_of
from hotpack.cli.options import (
    FiniteRange,
    aws_options,
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.cli.prices import price_of, price_option
from hotpack.cli.remote import copy_of_live, refuse_without_remote, remote_option
from hotpack.deploy.cold_starts import sizes_of, try_out
from hotpack.measure.tuning import GOALS, SIZES, Goal, local_sizes, recommend, sweep
from hotpack.pipeline import build
from hotpack.report import tuning as report
from hotpack.sandbox import Machine, Settings, probe
from hotpack.target.limits import MEMORY_MB


class _Sizes(click.ParamType):  # type: ignore[type-arg]
    """Memory sizes in MB, separated by commas."""

    name = "MB,MB,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        least, most = MEMORY_MB
        parts = [part.strip() for part in str(value).split(",")]
        sizes = tuple(int(part) for part in parts if part.isdecimal())
        if len(sizes) < len(parts) or not all(least <= size <= most for size in sizes):
            self.fail(f"{value!r} is not a list of MB from {least} to {most:,}", param, ctx)
        return sizes


@click.command(
    epilog="""\b
Examples:
  hotpack tune
  hotpack tune --sizes 512,1024,1769,3008 --cold-share 0.05
  hotpack tune --html tune.html --write balanced
  hotpack tune --format power-tuning | jq -r .stateMachine.visualization
  hotpack tune --remote --env prod --rounds 5
"""
)
@project_option
@place_option
@click.option(
    "--sizes",
    type=_Sizes(),
    default=SIZES,
    help=f"Memory in MB.  [default: {','.join(map(str, SIZES))}]",
)
@event_option()
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many cold starts at each size.",
)
@click.option(
    "--warm",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="How many warm invocations behind each cold start.",
)
@click.option(
    "--cold-share",
    type=FiniteRange(0, 1),
    default=0.01,
    show_default=True,
    help="Of the invocations, for averages and cost; `hotpack chart` tells yours.",
)
@click.option(
    "--weight",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="Of cost against speed in what is balanced.",
)
@click.option(
    "--init-cpu",
    type=click.Choice(("full", "share")),
    help="What the init phase has here: all CPU, as on AWS, or the share of the memory.  "
    "[default: full]",
)
@remote_option("Measure what is live on AWS: a copy of it at each size, which goes again.")
@aws_options
@price_option
@click.option(
    "--write",
    type=click.Choice(GOALS),
    help="Set memory_mb in pyproject.toml to what is best for that.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with the chart there; it opens without a network.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(("text", "power-tuning")),
    default="text",
    show_default=True,
    help="power-tuning: JSON as aws-lambda-power-tuning's, for its visualiser.",
)
@json_option
def tune(
    root: Path,
    place: str | None,
    sizes: tuple[int, ...],
    named: tuple[str, ...],
    rounds: int,
    warm: int,
    cold_share: float,
    weight: float,
    init_cpu: str | None,
    remote: bool,
    env: str | None,
    region: str | None,
    profile: str | None,
    price_usd: float | None,
    write: Goal | None,
    html: Path | None,
    output: str,
    as_json: bool,
) -> None:
    """Try memory sizes: durations, cost, and which one to take.

    Builds the function, and runs it in the local Lambda with the CPU share of each size: cold
    starts, and warm invocations behind them. Says what figures of this machine do not tell of AWS.

    With --remote they are Lambda's own figures, of a copy of what is live; nothing is built.
    """
    project, tools = open_project(root, place, env), open_tools()
    payloads = [event.payload for event in events_of(project, named)]
    if remote and (place or init_cpu):
        raise click.UsageError("--place and --init-cpu are for the local Lambda")
    if remote:
        with copy_of_live(project, region, profile, tools.progress) as copy:
            try_out(copy, payloads[0])
            measured = sweep(sizes_of(copy), sizes, payloads, rounds, warm, tools.progress)
        live = copy.live
        where = report.Place(copy_of=f"{live.function}:{live.version} in {copy.region}")
        region, architecture = copy.region, live.architecture
    else:
        refuse_without_remote(profile=profile)
        release = build(project, tools).release
        where = report.Place(vcpus_of(probe()), full_cpu_in_init=init_cpu != "share")
        settings = Settings(full_cpu_in_init=where.full_cpu_in_init)
        open_at = local_sizes(local.function_of(release, project.name), release, tools, settings)
        measured = sweep(open_at, sizes, payloads, rounds, warm, tools.progress)
        region, architecture = region or project.config.region, release.architecture
    price = price_of(region, architecture, price_usd, tools.progress)
    tuning = report.Tuning(
        project=project.name,
        memory_mb=project.config.memory_mb,
        sizes=measured,
        cold_share=cold_share,
        price=price,
        recommended=recommend(measured, cold_share, price, weight, where.machine_vcpus),
        place=where,
    )
    if html:
        write_atomic(html.absolute(), report.tuning_page(tuning).encode())
        tools.progress.log(f"wrote {html}")
    if as_json:
        print_json(report.tuning_document(tuning))
    elif output == "power-tuning":
        print_json(report.power_tuning_document(tuning, write or "balanced"))
    else:
        width = console(err=False).width
        show(report.tuning_table(tuning, width=width), "", report.tuning_bars(tuning), "")
        show(report.recommendation_text(tuning), "", report.meaning_text(tuning))
    if write:
        memory_mb = getattr(tuning.recommended, write)
        set_memory(project.root / "pyproject.toml", memory_mb)
        tools.progress.log(f"memory_mb = {memory_mb} is in pyproject.toml now")


def vcpus_of(machine: Machine) -> float | None:
    """Return how many CPUs a sandbox can have; None where its share is not held."""
    if not machine.is_linux:
        return None
    cap = machine.groups.cpu_cap()
    cores = float(len(machine.cores))
    return cores if cap is None else min(cores, cap)


def set_memory(path: Path, memory_mb: int) -> None:
    """Write `memory_mb` into `[tool.hotpack]`, and leave everything else as it stands there."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    document["tool"]["hotpack"]["memory_mb"] = memory_mb
    write_atomic(path, tomlkit.dumps(document).encode())
