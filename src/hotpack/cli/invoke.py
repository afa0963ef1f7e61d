"""`hotpack invoke`."""

import json
from pathlib import Path

import click

from hotpack import local
from hotpack.cli.console import print_json, show
from hotpack.cli.events import Event, event_option, events_of
from hotpack.cli.options import (
    Command,
    aws_options,
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.cli.remote import connect_for, refuse_without_remote, remote_option
from hotpack.deploy import Aws
from hotpack.deploy.invoking import RemoteInvocation
from hotpack.deploy.invoking import invoke as invoke_on_aws
from hotpack.pipeline import build
from hotpack.project import Project
from hotpack.report import durations
from hotpack.sandbox import Invocation, Settings
from hotpack.sandbox.logs import LogFormat


def log_format_option(command: Command) -> Command:
    """Add `--log-format`."""
    return click.option(
        "--log-format",
        type=click.Choice(("Text", "JSON"), case_sensitive=False),
        default="Text",
        show_default=True,
        help="As LoggingConfig.LogFormat: of the platform's lines, and of the logging module's.",
    )(command)


@click.command(
    epilog="""\b
Examples:
  hotpack invoke
  hotpack invoke --event '{"text": "Ada met Charles."}'
  hotpack invoke --event events/one.json --repeat 4
  hotpack invoke --json | jq '.invocations[].duration_ms'
  hotpack invoke --remote --env prod
"""
)
@project_option
@place_option
@event_option()
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How often to run each event.",
)
@click.option(
    "--cold", is_flag=True, help="A cold start for each invocation, not only for the first."
)
@log_format_option
@remote_option("Invoke what is live on AWS; nothing is built.")
@click.option(
    "--qualifier",
    help="On AWS, this version or alias instead: 7, or $LATEST.  [default: the alias]",
)
@aws_options
@json_option
def invoke(
    root: Path,
    place: str | None,
    named: tuple[str, ...],
    repeat: int,
    cold: bool,
    log_format: LogFormat,
    remote: bool,
    qualifier: str | None,
    env: str | None,
    region: str | None,
    profile: str | None,
    as_json: bool,
) -> int:
    """Run events in the local Lambda.

    Builds the function first. Responses go to stdout, log lines and durations to stderr. Exits
    with 1 where an invocation failed. With --remote the same on AWS, of the log the last 4 KB.
    """
    project = open_project(root, place, env)
    events = events_of(project, named) * repeat
    if remote:
        aws = connect_for(project, region, profile)
        return _invoke_on_aws(project, aws, qualifier or project.config.alias, events, as_json)
    refuse_without_remote(qualifier=qualifier, region=region, profile=profile)
    tools = open_tools()
    release = build(project, tools).release
    function = local.function_of(release, project.name, log_format)
    local.warn_of_upload(function, tools.progress)
    settings = Settings(idle_life_s=0.0) if cold else None
    invocations: list[Invocation] = []
    with local.run(
        function, tools, release=release, settings=settings, on_log=None if as_json else show_log
    ) as running:
        for event in events:
            invocations.append(running.function.invoke(event.payload))
            if not as_json:
                _show_response(invocations[-1])
    if as_json:
        rows = zip(events, invocations, strict=True)
        documents = [{"event": e.name, **durations.invocation_document(i)} for e, i in rows]
        print_json({"invocations": documents})
    else:
        names = [event.name for event in events]
        show("", durations.invocations_table(invocations, names), err=True)
    return 0 if all(item.status == "success" for item in invocations) else 1


def _invoke_on_aws(
    project: Project, aws: Aws, qualifier: str, events: list[Event], as_json: bool
) -> int:
    done = []
    for event in events:
        function = project.config.function
        done.append(invoke_on_aws(aws.functions, function, qualifier, event.payload))
        if not as_json:
            for line in done[-1].log:
                show_log(line)
            _show_response(done[-1])
    if as_json:
        rows = zip(events, done, strict=True)
        documents = [{"event": e.name, **durations.remote_document(item)} for e, item in rows]
        print_json({"invocations": documents})
    elif measured := [item for one in done if (item := one.measured())]:
        names = [event.name for event, one in zip(events, done, strict=True) if one.report]
        show("", durations.invocations_table(measured, names), err=True)
    return 0 if all(one.is_success for one in done) else 1


def _show_response(invocation: Invocation | RemoteInvocation) -> None:
    """Print what was answered as one line of JSON, readable as far as it is text."""
    line = json.dumps(durations.response_of(invocation), ensure_ascii=False)
    # Half of a surrogate pair is valid in JSON and in no encoding: it stays an escape.
    click.echo(line.encode(errors="backslashreplace"))


def show_log(event: str) -> None:
    """Print a log event as it happens, on stderr."""
    click.secho(event, dim=True, err=True)
