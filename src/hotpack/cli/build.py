"""`hotpack build`."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from hotpack import local
from hotpack.cache import write_atomic
from hotpack.cli.console import print_json, show
from hotpack.cli.options import (
    json_option,
    open_project,
    open_tools,
    place_option,
    project_option,
)
from hotpack.inventory import SBOM, require_sbom
from hotpack.pipeline import Prepared
from hotpack.pipeline import build as run_pipeline
from hotpack.report import builds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hotpack.measure import Smoke


@click.command(
    epilog="""\b
Examples:
  hotpack build
  hotpack build --place bundled --json
  hotpack build --explain
  hotpack build --check --sbom sbom.cdx.json
"""
)
@project_option
@place_option
@click.option("--upgrade", is_flag=True, help="Resolve the dependencies anew to the newest.")
@click.option(
    "--check",
    is_flag=True,
    help="Import every package from the full install and from the slimmed tree, and compare.",
)
@click.option(
    "--sbom",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the bill of materials there: CycloneDX JSON of what is shipped.",
)
@click.option(
    "--explain", "explained", is_flag=True, help="Say why everything is placed where it is."
)
@json_option
def build(
    root: Path,
    place: str | None,
    upgrade: bool,
    check: bool,
    sbom: Path | None,
    explained: bool,
    as_json: bool,
) -> None:
    """Build the function: install, slim, lay out, pack.

    The artifacts are in .hotpack/build: function.zip, and the packs that belong on S3. Exits with
    1 where the result would pass a limit of Lambda.
    """
    tools = open_tools()
    checked: list[Smoke] = []

    def accept(prepared: Prepared) -> None:
        if check:
            from hotpack.measure import smoke_check

            checked.append(smoke_check(prepared, tools))

    if sbom:
        require_sbom()
    project = open_project(root, place)
    result = run_pipeline(project, tools, upgrade=upgrade, accept=accept)
    if sbom:
        write_atomic(sbom.absolute(), (result.folder / SBOM).read_bytes())
        tools.progress.log(f"wrote {sbom}")
    if project.config.bucket is None:
        local.warn_of_upload(local.function_of(result.release, project.name), tools.progress)
    if as_json:
        smoke = {"smoke": asdict(checked[0])} if checked else {}
        print_json({**builds.build_document(result), **smoke})
        return
    show(
        builds.rules_table(result),
        "",
        builds.layout_table(result),
        "",
        *(builds.explanation(result) if explained else []),
        builds.before_and_after(result),
        *filter(None, [builds.left_out(result)]),
        *map(builds.smoke_text, checked),
        f"\n[bold green]It fits.[/] {os.path.relpath(result.folder)}/function.zip; "
        "run it with [bold]hotpack invoke[/]",
    )
