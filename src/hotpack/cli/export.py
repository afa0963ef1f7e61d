"""`hotpack export`."""

from pathlib import Path

import click

from hotpack.cache import write_atomic
from hotpack.cli.console import print_json, show
from hotpack.cli.options import env_option, json_option, open_project, project_option
from hotpack.export import TOOLS, Subject
from hotpack.pack import read_release


@click.command(
    epilog="""\b
Examples:
  hotpack export terraform --output infra/greeter.tf
  hotpack export sam > template.yaml
  hotpack export cdk --output stacks/greeter.py
"""
)
@click.argument("tool", type=click.Choice(tuple(TOOLS)))
@project_option
@env_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there; the build is named as seen from its folder.  [default: stdout]",
)
@json_option
def export(tool: str, root: Path, env: str | None, output: Path | None, as_json: bool) -> None:
    """Write the function for Terraform, SAM, Serverless or CDK.

    One small file that takes the artifacts of the last build, with the least of permissions. The
    same build gives the same file. How it fits into a project of yours is in docs/deploy.md.
    """
    project = open_project(root, env=env)
    release = read_release(project.state / "build")
    subject = Subject.of(project, release, output or project.root / "template.yaml")
    text = TOOLS[tool](subject)
    if output is not None:
        write_atomic(output.absolute(), text.encode())
    if as_json:
        print_json({"tool": tool, "path": str(output) if output else None, "text": text})
    elif output is None:
        click.echo(text, nl=False)
    else:
        show(f"Written to {output}.", err=True)
