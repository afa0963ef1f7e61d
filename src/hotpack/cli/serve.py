"""`hotpack serve`."""

import io
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import click

from hotpack import local
from hotpack.cli.console import print_json, show
from hotpack.cli.invoke import log_format_option, show_log
from hotpack.cli.options import (
    FiniteRange,
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.pack import Release
from hotpack.pipeline import build
from hotpack.sandbox import Function, FunctionUrl, InvokeApi, Settings
from hotpack.sandbox.logs import LogFormat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


@click.command(
    epilog="""\b
Example:
  hotpack serve --port 9001 --url-port 9002
  aws lambda invoke --endpoint-url http://127.0.0.1:9001 \\
      --function-name my-function --payload '{}' \\
      --cli-binary-format raw-in-base64-out /dev/stdout
  curl http://127.0.0.1:9002/path?name=value
"""
)
@project_option
@place_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9001,
    show_default=True,
    help="On loopback; 0 takes a free one.",
)
@click.option(
    "--url-port",
    type=click.IntRange(0, 65535),
    default=9002,
    show_default=True,
    help="The same for the function URL.",
)
@click.option(
    "--idle-life",
    type=FiniteRange(0),
    default=300.0,
    show_default=True,
    help="Seconds that an idle sandbox is kept.",
)
@click.option(
    "--concurrency", type=click.IntRange(0), help="Reserved concurrency.  [default: none]"
)
@log_format_option
@json_option
def serve(
    root: Path,
    place: str | None,
    port: int,
    url_port: int,
    idle_life: float,
    concurrency: int | None,
    log_format: LogFormat,
    as_json: bool,
) -> None:
    """Serve the function behind a local Invoke API and a function URL.

    Builds the function first, then answers boto3, the AWS CLI, curl and browsers until
    interrupted. `hotpack build` in another terminal is enough to have new code served.
    """
    sys.stderr = _lasting(sys.stderr)
    if port == url_port != 0:
        raise click.UsageError(f"--port and --url-port are both {port}: each needs its own")
    project, tools = open_project(root, place), open_tools()
    build(project, tools)

    def function_of(release: Release) -> Function:
        function = local.function_of(release, project.name, log_format)
        local.warn_of_upload(function, tools.progress)
        return replace(function, reserved_concurrency=concurrency)

    settings = Settings(idle_life_s=idle_life)
    link = project.state / "build"
    with (
        local.serve(link, tools, function_of, settings=settings, on_log=show_log) as served,
        InvokeApi({project.name: served}, port) as api,
        FunctionUrl(served, url_port) as function_url,
    ):
        if as_json:
            where = {"url": api.url, "function_url": function_url.url, "function": project.name}
            print_json(where)
        else:
            show(f"[bold]{project.name}[/] is at [bold]{api.url}[/] until Ctrl-C", err=True)
            show(f"its function URL is [bold]{function_url.url}[/]", err=True)
        # Ctrl-C, a closed terminal, and what ends it everywhere else, end it alike.
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
                signal.signal(number, signal.default_int_handler)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            show("closing", err=True)
        # The function before the servers: who waits for it is told how it ended.
        api.stop()
        function_url.stop()
        served.close()


class _Lasting(io.FileIO):
    """A file that goes on taking what is written after whoever read it has gone."""

    def write(self, data: "Buffer") -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _lasting(stream: TextIO) -> TextIO:
    """Return a stream that the server outlives: its terminal is closed, its pipe is broken."""
    raw = _Lasting(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)
