"""`hotpack sizes`."""

from pathlib import Path

import click

from hotpack.cache import write_atomic
from hotpack.cli.console import console, print_json, show
from hotpack.cli.options import json_option, open_project, open_tools, project_option
from hotpack.inventory import Difference, Requirements, Sizes, compare, read_sizes
from hotpack.pipeline import Prepared, prepare, requirements_of, weigh
from hotpack.report import difference as changes
from hotpack.report import sizes as report
from hotpack.report.page import sizes_page


@click.command(
    epilog="""\b
Examples:
  hotpack sizes
  hotpack sizes --no-pack --all --files 20
  hotpack sizes --json > before.json
  hotpack sizes --diff before.json
  hotpack sizes --html sizes.html
  hotpack sizes --diff ../main --html changes.html
"""
)
@project_option
@click.option(
    "--pack/--no-pack",
    default=True,
    help="Whether to compress everything to see what it weighs packed: slow for the first time.",
)
@click.option("--all", "show_all", is_flag=True, help="Name every distribution.")
@click.option(
    "--files",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="How many of the largest files.",
)
@click.option(
    "--diff",
    "old",
    type=click.Path(path_type=Path, exists=True),
    help="Show what changed since another build: its project, its folder, its release.json, or "
    "what `hotpack sizes --json` printed.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with a treemap there, and with what changed; it opens without a network.",
)
@json_option
def sizes(
    root: Path,
    pack: bool,
    show_all: bool,
    files: int,
    old: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show what weighs what, by distribution and file.

    Installs, slims and compresses the dependencies, and builds nothing. Sizes are in 10^6 bytes.
    """
    earlier = read_sizes(old) if old else None
    tools = open_tools()
    prepared = prepare(open_project(root), tools)
    weighed = weigh(prepared, tools, pack=pack and (as_json or bool(html) or not old))
    requirements = requirements_of(prepared)
    difference = compare(earlier, weighed) if earlier else None
    if html:
        name, installed, slimmed = prepared.project.name, prepared.installed, prepared.slimmed
        page = sizes_page(name, weighed, installed, slimmed, difference)
        write_atomic(html.absolute(), page.encode())
        tools.progress.log(f"wrote {html}")
    if as_json:
        document = report.sizes_document(prepared, weighed, requirements, files)
        diff = {"diff": changes.difference_document(difference)} if difference else {}
        print_json({**document, **diff})
    elif difference:
        show_difference(difference)
    else:
        show_sizes(prepared, weighed, requirements, files, show_all=show_all)


def show_difference(difference: Difference) -> None:
    """Print what changed."""
    show(changes.difference_table(difference), "", changes.difference_text(difference))


def show_sizes(
    prepared: Prepared, weighed: Sizes, requirements: Requirements, files: int, *, show_all: bool
) -> None:
    """Print what weighs what, as wide as the terminal."""
    width = console(err=False).width
    shown = None if show_all else report.SHOWN
    show(
        report.sizes_table(weighed, requirements, width=width, shown=shown),
        "",
        report.kinds_table(prepared),
        "",
        report.files_table(prepared, files),
        "",
        report.limit_table(weighed),
        "",
        report.wall(weighed.installed_bytes + weighed.code_bytes),
    )
