"""Says in words why a layout is as it is."""

from collections.abc import Iterator
from typing import Final

from hotpack.layout.plan import LEAVES_ROOM, Layout, Placed
from hotpack.layout.use import Basis
from hotpack.progress import mb
from hotpack.target.limits import UNZIPPED_BYTES

_SHOWN: Final = 20

_BASES: Final[dict[Basis, str]] = {
    "profile": "What a cold start needs is what hotpack.profile.json names.",
    "stale profile": "What a cold start needs is guessed from hotpack.profile.json, which is "
    "stale: `hotpack trace` records it anew.",
    "imports": "What a cold start needs is guessed from the project's imports: `hotpack trace` "
    "records it.",
}


def explain(layout: Layout, basis: Basis) -> Iterator[str]:
    """Yield sentences on the whole, then one for each of the heaviest if something is packed.

    `basis` is what said which files are hot.
    """
    yield _size(layout)
    yield _BASES[basis]
    yield f"Predicted cold start: {seconds(layout.start_ms)}."
    if layout.is_packed:
        heaviest = sorted(
            layout.placed, key=lambda placed: (-placed.raw_bytes, placed.distribution)
        )
        yield from map(explain_placed, heaviest)


def explain_placed(placed: Placed) -> str:
    """Return a sentence on one distribution."""
    raw, packed = mb(placed.raw_bytes), mb(placed.weight.packed_bytes)
    pinned = ", pinned" if placed.reason == "pinned" else ""
    head = f"{placed.distribution}: {placed.placement}{pinned}; "
    either = f"raw it adds {seconds(placed.raw_ms)}, packed {seconds(placed.packed_ms)}"
    adds = f"adds {seconds(placed.start_ms)}"
    match placed.placement:
        case "inline":
            return f"{head}{raw}; {either}"
        case "bundled" if pinned or placed.packed_ms < placed.raw_ms:
            text = f"{head}{raw} raw are {packed} packed; {either}"
        case "bundled" if placed.reason == LEAVES_ROOM:
            text = f"{head}{raw} raw are {packed} packed, which leaves some room; {adds}"
        case "bundled":
            text = f"{head}{raw} raw do not fit, {packed} packed do; {adds}"
        case "remote":
            text = f"{head}{raw} raw are {packed} on S3; {adds}"
    if placed.placement == "bundled" and placed.cold == "remote":
        text += f"; its cold files, {mb(placed.weight.cold.packed_bytes)} packed, are on S3"
    return text


def seconds(duration_ms: float) -> str:
    """Return a duration as one would say it: 1.2 s, 35 ms."""
    return f"{duration_ms / 1000:.1f} s" if duration_ms >= 1000 else f"{duration_ms:.0f} ms"


def _size(layout: Layout) -> str:
    raw = mb(layout.raw_bytes)
    limit = mb(UNZIPPED_BYTES)
    free = f"{mb(layout.free_bytes)} are free"
    if not layout.is_packed:
        return f"The dependencies, {raw} raw, fit Lambda's {limit}: {free}."
    packed = sum(placed.weight.packed_bytes for placed in layout.placed)
    return f"The dependencies are {raw} raw and {mb(packed)} packed; of Lambda's {limit} {free}."
