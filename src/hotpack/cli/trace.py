"""`hotpack trace`."""

from pathlib import Path
from typing import get_args

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.events import event_option, events_of
from hotpack.cli.options import json_option, open_project, open_tools, project_option
from hotpack.pipeline import prepare
from hotpack.profile import PROFILE_NAME
from hotpack.report import traces as report
from hotpack.trace import INSTALL_STRACE, Choice, check_machine, choose, keep
from hotpack.trace import trace as record


@click.command(
    epilog="""\b
Examples:
  hotpack trace
  hotpack trace --event events/one.json --event events/other.json
  hotpack trace --recorder python
  hotpack trace --json | jq '.native'
"""
)
@project_option
@event_option()
@click.option(
    "--recorder",
    type=click.Choice(get_args(Choice)),
    default="auto",
    show_default=True,
    help="What looks on: strace sees C code too; auto takes Python alone where strace cannot.",
)
@json_option
def trace(root: Path, named: tuple[str, ...], recorder: Choice, as_json: bool) -> None:
    """Record what a cold start and the events touch.

    Runs them twice in the local Lambda with all dependencies raw, whatever those weigh: once for
    times and memory, once recorded. Writes hotpack.profile.json, which is to be committed: builds
    restore first what it names. Writes nothing where the handler fails, and exits with 1.
    """
    project, tools = open_project(root), open_tools()
    events = [(event.name, event.payload) for event in events_of(project, named)]
    check_machine(project, tools)
    chosen, because = choose(recorder)
    if because:
        tools.progress.warn(
            f"{because}; Python alone records, which does not see {chosen.blind_spots}",
            hint=INSTALL_STRACE,
        )
    prepared = prepare(project, tools)
    profile = record(prepared, events, chosen, tools)
    path = keep(profile, project.root)
    if as_json:
        print_json(report.trace_document(profile, prepared.slimmed, chosen, path, because))
        return
    show(
        report.touched_text(profile, prepared.slimmed),
        "",
        report.shares_table(profile, prepared.slimmed),
        "",
        report.imports_table(profile),
        "",
    )
    if native := report.native_text(profile):
        show(native, "")
    show(report.run_text(profile, chosen), f"\nWritten to {PROFILE_NAME}: commit it.")
