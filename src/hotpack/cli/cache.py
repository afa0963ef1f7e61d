"""`hotpack cache`."""

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

import click

from hotpack.cache import (
    DEFAULT_MAX_GB,
    MAX_GB_VARIABLE,
    Holding,
    Pruned,
    census,
    max_bytes_of,
    prune,
)
from hotpack.cli.console import print_json, show
from hotpack.cli.options import FiniteRange, json_option
from hotpack.pipeline import cache_folder
from hotpack.progress import mb
from hotpack.report.cache import cache_table


@click.command(
    epilog="""\b
Examples:
  hotpack cache
  hotpack cache prune
  hotpack cache prune --max-gb 2
  hotpack cache clear --json
"""
)
@click.argument("action", type=click.Choice(["prune", "clear"]), required=False)
@click.option(
    "--max-gb",
    type=FiniteRange(0),
    help=f"What `prune` leaves at most.  [default: {MAX_GB_VARIABLE}, else {DEFAULT_MAX_GB:.0f}]",
)
@json_option
def cache(action: Literal["prune", "clear"] | None, max_gb: float | None, as_json: bool) -> None:
    """Show what the cache holds; prune or clear it.

    All projects of this user share the cache; what is removed is made again when a build needs
    it. `prune` removes what was used least recently until the rest is within the cap, which other
    commands do by themselves when they have ended; `clear` removes everything. Both leave alone
    what a local Lambda runs at this moment.
    """
    if max_gb is not None and action != "prune":
        raise click.UsageError("--max-gb is for `hotpack cache prune`")
    folder = cache_folder(os.environ)
    max_bytes = max_bytes_of(os.environ) if max_gb is None else round(max_gb * 1e9)
    if action is not None:
        _say(prune(folder, max_bytes if action == "prune" else 0), as_json=as_json)
        return
    holdings = Holding.of(census(folder))
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "size_bytes": sum(item.size_bytes for item in holdings),
                "max_bytes": max_bytes,
                "kinds": [_document(item) for item in holdings],
            }
        )
        return
    show(*cache_table(folder, holdings, max_bytes, time.time()))


def _say(pruned: Pruned, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(pruned))
        return
    entries = f"{pruned.removed_entries:,} entr{'y' if pruned.removed_entries == 1 else 'ies'}"
    show(f"removed {mb(pruned.removed_bytes)} in {entries}; {mb(pruned.size_bytes)} are left")


def _document(holding: Holding) -> dict[str, Any]:
    return {
        "kind": holding.kind,
        "entries": holding.entries,
        "size_bytes": holding.size_bytes,
        "least_recently_used": _moment(holding.oldest_s),
        "last_used": _moment(holding.newest_s),
    }


def _moment(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
