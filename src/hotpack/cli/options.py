"""Options that several commands share, and how they become a project and its tools."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hotpack.cache import max_bytes_of, tidy
from hotpack.cli.console import Talk
from hotpack.pipeline import Tools
from hotpack.progress import mb
from hotpack.project import Project, load_project
from hotpack.project.config import EVERY_DISTRIBUTION, PLACEMENTS

Command = TypeVar("Command", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A number in a range: neither `nan`, which is in every range, nor `inf`."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it as a float."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no number to reckon with", param, ctx)
        return number


def project_option(command: Command) -> Command:
    """Add `--project`."""
    return click.option(
        "--project",
        "root",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=".",
        help="The project's folder.  [default: this one]",
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."
    )(command)


def place_option(command: Command) -> Command:
    """Add `--place`."""
    return click.option(
        "--place",
        type=click.Choice(PLACEMENTS),
        help="Put every distribution there that [tool.hotpack.place] does not pin.",
    )(command)


def env_option(command: Command) -> Command:
    """Add `--env`."""
    return click.option(
        "--env",
        metavar="NAME",
        help="Take the settings of [tool.hotpack.env.NAME] over the others.",
    )(command)


def aws_options(command: Command) -> Command:
    """Add `--env`, `--region` and `--profile`."""
    region = click.option("--region", help="As the AWS CLI has it.")
    profile = click.option("--profile", help="As the AWS CLI has it.")
    return env_option(region(profile(command)))


def open_project(root: Path, place: str | None = None, env: str | None = None) -> Project:
    """Return the project in a folder, with what the command line sets over its configuration."""
    project = load_project(root.resolve(), env=env)
    if place is None:
        return project
    pins = {**project.config.place, EVERY_DISTRIBUTION: place}
    return load_project(root.resolve(), {"place": pins}, env)


def open_tools() -> Tools:
    """Return the tools of this machine: uv, the user's cache, the terminal.

    Once the command has ended, the cache is pruned if it is over its cap.
    """
    tools = Tools.of_this_machine(Talk())
    max_bytes = max_bytes_of(os.environ)

    def close() -> None:
        tools.cache.release()
        pruned = tidy(tools.cache.root, max_bytes)
        if pruned is not None and pruned.removed_entries:
            removed = f"{mb(pruned.removed_bytes)} in {pruned.removed_entries} entries"
            tools.progress.log(f"the cache was over its cap: removed {removed} not used lately")

    context = click.get_current_context(silent=True)
    if context is not None:  # else it is a benchmark
        context.call_on_close(close)
    return tools
