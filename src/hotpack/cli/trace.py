"""`hotpack trace`."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.events import event_option, events_of
from hotpack.cli.options import (
    aws_options,
    json_option,
    open_project,
    open_tools,
    project_option,
)
from hotpack.cli.remote import connect_for, refuse_without_remote, remote_option
from hotpack.deploy import wanted_of
from hotpack.deploy.cold_starts import measured_of
from hotpack.deploy.copying import copied, live_version
from hotpack.errors import AwsError
from hotpack.pipeline import Prepared, Tools, build, prepare
from hotpack.profile import PROFILE_NAME, Profile
from hotpack.project import Project
from hotpack.report import traces as report
from hotpack.trace import INSTALL_STRACE, Choice, Witness, check_machine, choose, keep
from hotpack.trace import trace as record
from hotpack.trace.remote import HANDLER, TIMEOUT_S, Invoke, OnAws, layer, trace_on_aws
from hotpack.trace.tracing import Events


@click.command(
    epilog="""\b
Examples:
  hotpack trace
  hotpack trace --event events/one.json --event events/other.json
  hotpack trace --recorder python
  hotpack trace --json | jq '.native'
  hotpack trace --remote --env prod
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
@remote_option("Trace what is live on AWS: a copy of it, which goes again.")
@aws_options
@json_option
def trace(
    root: Path,
    named: tuple[str, ...],
    recorder: Choice,
    remote: bool,
    env: str | None,
    region: str | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Record what a cold start and the events touch.

    Runs them twice in the local Lambda with all dependencies raw, whatever those weigh: once for
    times and memory, once recorded. Writes hotpack.profile.json, which is to be committed: builds
    restore first what it names. Writes nothing where the handler fails, and exits with 1.
    """
    project, tools = open_project(root, env=env), open_tools()
    events = [(event.name, event.payload) for event in events_of(project, named)]
    looks_on: Witness
    if remote:
        if recorder == "strace":
            raise click.UsageError("on AWS nothing may look on from outside: --recorder python")
        looks_on, because = OnAws(), None
        prepared, found = _on_aws(project, region, profile, events, tools)
    else:
        refuse_without_remote(region=region, profile=profile)
        check_machine(project, tools)
        chosen, because = choose(recorder)
        if because:
            tools.progress.warn(
                f"{because}; Python alone records, which does not see {chosen.blind_spots}",
                hint=INSTALL_STRACE,
            )
        looks_on, prepared = chosen, prepare(project, tools)
        found = record(prepared, events, chosen, tools)
    path = keep(found, project.root)
    if as_json:
        print_json(report.trace_document(found, prepared.slimmed, looks_on, path, because))
        return
    show(
        report.touched_text(found, prepared.slimmed),
        "",
        report.shares_table(found, prepared.slimmed),
        "",
        report.imports_table(found),
        "",
    )
    if native := report.native_text(found):
        show(native, "")
    show(report.run_text(found, looks_on), f"\nWritten to {PROFILE_NAME}: commit it.")


def _on_aws(
    project: Project, region: str | None, profile: str | None, events: Events, tools: Tools
) -> tuple[Prepared, Profile]:
    """Return what is built here, and what a copy of it on AWS touches.

    Raises AwsError where something else is live.
    """
    aws = connect_for(project, region, profile)
    built = build(project, tools)
    wanted = wanted_of(project, built.release)
    live = live_version(aws, wanted.function, wanted.alias)
    if live.code_sha256 != wanted.code_sha256:
        raise AwsError(
            f"{wanted.function}:{live.version}, which is live, is not what is built here",
            hint="`hotpack deploy` first: a profile names files of what it was recorded of",
        )
    changes = {"handler": HANDLER, "timeout_s": TIMEOUT_S}
    with copied(aws, live, wanted.bucket, tools.progress, layer=layer(), **changes) as copy:

        def start(variables: Mapping[str, str]) -> Invoke:
            copy.renew(environment={**live.configuration.environment, **variables})
            return lambda payload: measured_of(copy.invoke(payload))

        handler = live.configuration.handler
        found = trace_on_aws(built.prepared, events, handler, start, tools.progress)
    return built.prepared, found
