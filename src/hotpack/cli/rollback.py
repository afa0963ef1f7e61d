"""`hotpack rollback`."""

from pathlib import Path

import click

from hotpack.cli.console import agree, print_json, show
from hotpack.cli.options import (
    aws_options,
    json_option,
    open_project,
    open_tools,
    project_option,
)
from hotpack.cli.remote import connect_for
from hotpack.deploy import Executor
from hotpack.deploy.history import read_history
from hotpack.deploy.rollback import check_packs, choose_version, plan_rollback
from hotpack.report import releases as report


@click.command(
    epilog="""\b
Examples:
  hotpack rollback
  hotpack rollback --to 7 --yes
"""
)
@project_option
@aws_options
@click.option("--to", metavar="VERSION", help="Which one.  [default: the one before]")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rollback(
    root: Path,
    env: str | None,
    region: str | None,
    profile: str | None,
    to: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make an earlier release live again.

    The alias points at it from then on. Code, settings and packs are those that it was published
    with: nothing is ever overwritten. `hotpack deploy` makes the newest live again.
    """
    project, tools = open_project(root, env=env), open_tools()
    config = project.config
    aws = connect_for(project, region, profile)
    history = read_history(aws, config.function, config.bucket)
    target = choose_version(history, config.alias, to)
    check_packs(aws, history, config.bucket, target, tools.progress)
    plan = plan_rollback(history, config.alias, target)
    if not as_json:
        show(report.plan_text(plan), err=not dry_run)
    version = plan.live
    if plan.steps and not dry_run:
        agree(f"Do this in {aws.region} of account {aws.account}?", yes=yes)
        version = Executor(aws, config.bucket, tools.progress).execute(plan)
    if as_json:
        plan_ = report.plan_document(plan)
        print_json({"function": config.function, "version": version, "dry_run": dry_run, **plan_})
    elif not dry_run:
        show(f"[bold green]Live:[/] {config.function}:{config.alias} is version {version}")
