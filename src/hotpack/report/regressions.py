"""Holds measured ratios against those of a committed table. Ratios alone: seconds do not travel."""

import re
from collections.abc import Mapping
from typing import Final

from hotpack.measure.cold_starts import ColdStarts, Comparison
from hotpack.measure.ways import OWN

Ratios = Mapping[tuple[str, str], float]
"""By way and state of the page cache."""

_SLACK: Final = 1.1
"""What ratios of two runs on one machine may differ by; runs of the same code differed by up to
about 8 %."""

_STATE: Final = re.compile(r"(\w+), ratio to bare")
_RATIO: Final = re.compile(r"([\d.]+) \(")


def ratios_of(markdown: str, project: str) -> Ratios:
    """Return the ratios of the table that `comparison_markdown` wrote for the project."""
    found: dict[tuple[str, str], float] = {}
    states: dict[int, str] = {}
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith(f"| {project} |"):
            heads = ((place, _STATE.match(cell)) for place, cell in enumerate(cells))
            states = {place: head[1] for place, head in heads if head}
        elif not line.startswith("|"):
            states = {}
        for place, state in states.items():
            if place < len(cells) and (ratio := _RATIO.match(cells[place])):
                found[cells[0], state] = float(ratio[1])
    return found


def regressions(comparison: Comparison, committed: Ratios) -> list[str]:
    """Return which of hotpack's own ways are slower than the committed table says, in words.

    Slower is a median a tenth above, whose lower quartile is above it too: a noisy machine moves
    the one, and seldom both. A way that was in the table and cannot be any more is one as well; one
    that was not asked for is none.
    """
    own = {way.name for way in OWN}
    now: dict[tuple[str, str], ColdStarts] = {
        (item.way, item.page_cache): item for item in comparison.starts
    }
    found = []
    for (way, state), before in committed.items():
        item = now.get((way, state))
        if way not in own or state not in comparison.page_caches:
            continue
        where = f"{comparison.project}, {way}, page cache {state}"
        if way in comparison.left_out:
            reason = comparison.left_out[way]
            found.append(f"{where}: {before:.2f} x bare before, and now not at all: {reason}")
        elif item and item.ratio > before * _SLACK and item.quartiles[0] > before:
            low, high = item.quartiles
            found.append(
                f"{where}: {item.ratio:.2f} x bare ({low:.2f} to {high:.2f}), was {before:.2f}"
            )
    return found
