"""The planner: sizes, pins and limits in, placements out."""

import pytest

from hotpack.errors import ConfigError, LimitError
from hotpack.layout import Layout, Weight, plan
from hotpack.project import Placement
from hotpack.target.limits import UNZIPPED_BYTES

MB = 1_000_000


def weigh(name: str, raw_mb: int, packed_mb: int) -> Weight:
    return Weight(name, raw_mb * MB, packed_mb * MB, raw_mb * MB)


def run(
    *weights: Weight,
    pins: dict[str, Placement] | None = None,
    together: list[set[str]] | None = None,
    tmp_mb: int = 10_240,
    has_bucket: bool = True,
) -> Layout:
    joined = [frozenset(group) for group in together or []]
    alone = [
        frozenset({weight.distribution})
        for weight in weights
        if not any(weight.distribution in group for group in joined)
    ]
    return plan(
        weights,
        [*joined, *alone],
        pins or {},
        code_bytes=1000,
        runtime_bytes=MB,
        ephemeral_storage_mb=tmp_mb,
        has_bucket=has_bucket,
    )


def test_all_inline_where_it_fits() -> None:
    """What fits raw stays raw, and needs no runtime."""
    layout = run(weigh("a", 200, 50), weigh("b", 60, 20))
    assert layout.names("inline") == ("a", "b")
    assert not layout.is_packed


def test_bundles_the_smallest_that_is_enough() -> None:
    """Where one distribution saves enough, it is the smallest of those."""
    layout = run(weigh("small", 20, 10), weigh("medium", 60, 20), weigh("large", 200, 50))
    assert layout.names("bundled") == ("medium",)
    assert layout.names("inline") == ("large", "small")


def test_bundles_what_saves_most() -> None:
    """Where none saves enough alone, the one that saves most goes first."""
    layout = run(weigh("small", 100, 5), weigh("large", 250, 100), weigh("dense", 150, 140))
    assert layout.names("bundled") == ("large", "small")
    assert layout.names("inline") == ("dense",)


def test_remote_where_compressed_does_not_fit() -> None:
    """What does not fit even compressed goes to S3, the largest first."""
    layout = run(weigh("giant", 900, 300), weigh("b", 60, 20), tmp_mb=2048)
    assert layout.names("remote") == ("giant",)


def test_without_a_bucket_the_limit_is_final() -> None:
    """Without a bucket the error names the largest and says that a bucket would help."""
    with pytest.raises(LimitError) as caught:
        run(weigh("giant", 900, 300), weigh("b", 60, 20), has_bucket=False)
    assert "Unzipped size must be smaller than 262144000 bytes" in caught.value.message
    assert "giant (bundled) 300.0 MB" in caught.value.message
    assert "bucket" in (caught.value.hint or "")


def test_pinned_inline_over_the_limit() -> None:
    """A pin that cannot be kept names the biggest distributions and by how many bytes."""
    with pytest.raises(LimitError) as caught:
        run(weigh("a", 300, 50), weigh("b", 60, 20), pins={"*": "inline"})
    assert f"it is {360 * MB + 1000 - UNZIPPED_BYTES:,} bytes over" in caught.value.message
    assert "a (inline) 300.0 MB, b (inline) 60.0 MB" in caught.value.message
    assert "loosen --place or the pins" in (caught.value.hint or "")


def test_pins_are_kept() -> None:
    """A pin decides, and `*` for what has none of its own."""
    layout = run(weigh("a", 1, 1), weigh("b", 1, 1), pins={"a": "inline", "*": "remote"})
    assert layout.names("inline") == ("a",)
    assert layout.names("remote") == ("b",)


def test_pin_of_what_is_not_there() -> None:
    """A pin of a distribution that is not there is an error."""
    with pytest.raises(ConfigError, match="pins numpi, which is not among the dependencies"):
        run(weigh("numpy", 1, 1), pins={"numpi": "inline"})


def test_neighbours_move_together() -> None:
    """Distributions that share a folder have one placement, and one pin counts for both."""
    layout = run(weigh("a", 1, 1), weigh("b", 1, 1), pins={"a": "bundled"}, together=[{"a", "b"}])
    assert layout.names("bundled") == ("a", "b")
    pins: dict[str, Placement] = {"a": "bundled", "b": "inline"}
    with pytest.raises(ConfigError, match="a, b share a folder"):
        run(weigh("a", 1, 1), weigh("b", 1, 1), pins=pins, together=[{"a", "b"}])


def test_tmp_too_small() -> None:
    """What does not fit into /tmp once restored is refused with the size to set."""
    with pytest.raises(LimitError, match="in /tmp and ephemeral_storage_mb is 512") as caught:
        run(weigh("a", 600, 100), pins={"*": "bundled"}, tmp_mb=512)
    assert "ephemeral_storage_mb = 573" in (caught.value.hint or "")
