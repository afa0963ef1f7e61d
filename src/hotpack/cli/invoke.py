"""`hotpack invoke`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from hotpack import local
from hotpack.cli.console import print_json, show
from hotpack.cli.options import json_option, open_project, open_tools, place_option, project_option
from hotpack.errors import ConfigError
from hotpack.pipeline import build
from hotpack.project import Project
from hotpack.report import durations
from hotpack.sandbox import Invocation, Settings


@click.command(
    epilog="""\b
Examples:
  hotpack invoke
  hotpack invoke --event '{"text": "Ada met Charles."}'
  hotpack invoke --event events/one.json --repeat 4
  hotpack invoke --json | jq '.invocations[].duration_ms'
"""
)
@project_option
@place_option
@click.option(
    "--event",
    "named",
    multiple=True,
    help="A JSON document, a file that holds one, or - for stdin.  [default: the project's events]",
)
@click.option("--repeat", default=1, show_default=True, help="How often to run each event.")
@click.option(
    "--cold", is_flag=True, help="A cold start for each invocation, not only for the first."
)
@json_option
def invoke(
    root: Path, place: str | None, named: tuple[str, ...], repeat: int, cold: bool, as_json: bool
) -> int:
    """Run events in the local Lambda.

    Builds the function first. Responses go to stdout, log lines and durations to stderr. Exits
    with 1 where an invocation failed.
    """
    project, tools = open_project(root, place), open_tools()
    events = [_read_event(text) for text in named] or _events_of(project)
    release = build(project, tools).release
    function = local.function_of(release, project.name)
    settings = Settings(idle_life_s=0.0) if cold else None
    invocations: list[Invocation] = []
    with local.run(
        function, tools, release=release, settings=settings, on_log=None if as_json else show_log
    ) as running:
        for event in events * repeat:
            invocations.append(running.function.invoke(event))
            if not as_json:
                click.echo(json.dumps(durations.response_of(invocations[-1]), ensure_ascii=False))
    if as_json:
        print_json({"invocations": [durations.invocation_document(item) for item in invocations]})
    else:
        show("", durations.invocations_table(invocations), err=True)
    return 0 if all(item.status == "success" for item in invocations) else 1


def show_log(event: str) -> None:
    """Print a log event as it happens, on stderr."""
    click.secho(event, dim=True, err=True)


def _read_event(text: str) -> bytes:
    """Return the JSON document that an option names."""
    path = Path(text)
    if text == "-":
        return _checked(sys.stdin.read(), "stdin")
    if text.lstrip()[:1] not in set('{["') and path.suffix == ".json":
        if not path.is_file():
            raise ConfigError(f"the event {text} does not exist")
        return _checked(path.read_text(encoding="utf-8"), text)
    return _checked(text, "--event")


def _events_of(project: Project) -> list[bytes]:
    """Return the project's sample events, an empty one where it has none."""
    paths = sorted(
        {path for pattern in project.config.events for path in project.root.glob(pattern)}
    )
    return [_checked(path.read_text(encoding="utf-8"), str(path)) for path in paths] or [b"{}"]


def _checked(text: str, where: str) -> bytes:
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where} is not JSON: {error}") from None
    return json.dumps(document).encode()
