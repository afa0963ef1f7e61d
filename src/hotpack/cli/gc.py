"""`hotpack gc`."""

from datetime import UTC, datetime
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
from hotpack.deploy.collect import look, plan_gc
from hotpack.errors import ConfigError
from hotpack.report import releases as report


@click.command(
    epilog="""\b
Examples:
  hotpack gc --dry-run
  hotpack gc --keep 5 --yes
"""
)
@project_option
@aws_options
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Delete this function's versions behind the N newest, unless an alias leads to them.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def gc(
    root: Path,
    env: str | None,
    region: str | None,
    profile: str | None,
    keep: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete from the bucket what no release needs.

    Needed is what any published version of any function of the account and region needs, and what
    came within the last day. Where it is not known what a version needs, nothing is deleted.
    """
    project, tools = open_project(root, env=env), open_tools()
    config = project.config
    if config.bucket is None and keep is None:
        raise ConfigError(
            "there is nothing to clear away: no bucket is named",
            hint="set bucket in [tool.hotpack]; --keep deletes old versions without one too",
        )
    aws = connect_for(project, region, profile)
    found = look(aws, config.bucket, config.function, keep, datetime.now(UTC))
    plan = plan_gc(found)
    if not as_json:
        kept = [report.kept_text(found)] if found.bucket else []
        show(report.plan_text(plan), *kept, err=not dry_run)
    if plan.steps and not dry_run:
        agree(f"Delete this in {aws.region} of account {aws.account}?", yes=yes)
        # While somebody thought about it, something may have been deployed.
        found = found.still(look(aws, config.bucket, config.function, keep, datetime.now(UTC)))
        Executor(aws, config.bucket, tools.progress).execute(plan_gc(found))
    if as_json:
        print_json({**report.collected_document(found), "dry_run": dry_run})
    elif not plan.steps:
        show("Nothing to clear away.")
    elif not dry_run:
        show("Cleared away.")
