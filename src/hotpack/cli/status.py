"""`hotpack status`."""

from pathlib import Path

import click

from hotpack.cli.console import print_json, show
from hotpack.cli.options import aws_options, json_option, open_project, project_option
from hotpack.cli.remote import connect_for
from hotpack.deploy.history import read_history
from hotpack.report import releases as report


@click.command(
    epilog="""\b
Examples:
  hotpack status
  hotpack status --env prod --all
  hotpack status --json | jq -r '.aliases.live'
"""
)
@project_option
@aws_options
@click.option("--all", "every", is_flag=True, help="Show all versions, not only the newest.")
@json_option
def status(
    root: Path,
    env: str | None,
    region: str | None,
    profile: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """Show the releases on AWS, and which one is live."""
    project = open_project(root, env=env)
    aws = connect_for(project, region, profile)
    history = read_history(aws, project.config.function, project.config.bucket)
    if as_json:
        print_json(report.history_document(history))
        return
    show(report.history_table(history, every=every))
