"""`hotpack deploy`."""

from pathlib import Path

import click

from hotpack.cli.console import agree, print_json, show
from hotpack.cli.options import (
    aws_options,
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.cli.remote import connect_for
from hotpack.deploy import (
    Executor,
    observe,
    plan_deploy,
    plan_upload,
    wanted_of,
)
from hotpack.pack import Release, in_use, read_release
from hotpack.pipeline import Tools, build
from hotpack.project import Project
from hotpack.report import releases as report


@click.command(
    epilog="""\b
Examples:
  hotpack deploy --dry-run
  hotpack deploy --create-role
  hotpack deploy --env prod --yes
  hotpack deploy --upload-only --yes && terraform apply
"""
)
@project_option
@place_option
@aws_options
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-build", is_flag=True, help="Take what is in .hotpack/build as it is.")
@click.option(
    "--create-role",
    is_flag=True,
    help="Make a role for the function, with the least that it needs.",
)
@click.option(
    "--adopt", is_flag=True, help="Take over a function of that name that hotpack did not make."
)
@click.option(
    "--upload-only",
    is_flag=True,
    help="Bring packs and code to the bucket and touch no function: for Terraform and others.",
)
@json_option
def deploy(
    root: Path,
    place: str | None,
    env: str | None,
    region: str | None,
    profile: str | None,
    dry_run: bool,
    yes: bool,
    no_build: bool,
    create_role: bool,
    adopt: bool,
    upload_only: bool,
    as_json: bool,
) -> None:
    """Put the function on AWS: packs, code, settings, version, alias.

    Builds the function first, shows what is to be done, asks, and does it. Whatever is there
    already is not done again; stopped in between, it can be run again and does the rest. The alias
    comes last, so until then callers see what they saw before.
    """
    project, tools = open_project(root, place, env), open_tools()
    aws = connect_for(project, region, profile)
    release = _release(project, tools, no_build=no_build)
    with in_use(release):
        wanted = wanted_of(project, release)
        observed = observe(aws, wanted, tools.progress, create_role=create_role)
        plan = (
            plan_upload(wanted, observed)
            if upload_only
            else plan_deploy(wanted, observed, adopt=adopt)
        )
        if not as_json:
            show(report.plan_text(plan), err=not dry_run)
        version = plan.live
        if plan.steps and not dry_run:
            agree(f"Do this in {aws.region} of account {aws.account}?", yes=yes)
            executor = Executor(aws, wanted.bucket, tools.progress, observed.function)
            version = executor.execute(plan)
    if as_json:
        done = report.live_document(wanted, observed, version)
        print_json({**done, "dry_run": dry_run, **report.plan_document(plan)})
    elif version is not None and not dry_run:
        show(report.live_text(wanted, observed, version, changed=bool(plan.steps)))
    elif not dry_run:
        show(f"[bold green]Uploaded[/] to {wanted.bucket}.")


def _release(project: Project, tools: Tools, *, no_build: bool) -> Release:
    return read_release(project.state / "build") if no_build else build(project, tools).release
