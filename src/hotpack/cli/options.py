"""Options that several commands share, and how they become a project and its tools."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hotpack.cli.console import Talk
from hotpack.pipeline import Tools
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
    """Return the tools of this machine: uv, the user's cache, the terminal."""
    return Tools.of_this_machine(Talk())
