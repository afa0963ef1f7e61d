"""`hotpack serve`."""

import threading
from pathlib import Path

import click

from hotpack import local
from hotpack.cli.console import print_json, show
from hotpack.cli.invoke import show_log
from hotpack.cli.options import json_option, open_project, open_tools, place_option, project_option
from hotpack.pipeline import build
from hotpack.sandbox import InvokeApi, Settings


@click.command(
    epilog="""\b
Example:
  hotpack serve --port 9001
  aws lambda invoke --endpoint-url http://127.0.0.1:9001 \\
      --function-name my-function --payload '{}' /dev/stdout
"""
)
@project_option
@place_option
@click.option("--port", default=9001, show_default=True, help="On loopback; 0 takes a free one.")
@click.option(
    "--idle-life", default=300.0, show_default=True, help="Seconds that an idle sandbox is kept."
)
@json_option
def serve(root: Path, place: str | None, port: int, idle_life: float, as_json: bool) -> None:
    """Serve the function behind a local Invoke API.

    Builds the function first, then answers boto3, the AWS CLI and curl until interrupted.
    """
    project, tools = open_project(root, place), open_tools()
    release = build(project, tools).release
    function = local.function_of(release, project.name)
    settings = Settings(idle_life_s=idle_life)
    with (
        local.run(function, tools, release=release, settings=settings, on_log=show_log) as running,
        InvokeApi({project.name: running.function}, port) as api,
    ):
        if as_json:
            print_json({"url": api.url, "function": project.name})
        else:
            show(f"[bold]{project.name}[/] is at [bold]{api.url}[/] until Ctrl-C", err=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            show("closing", err=True)
