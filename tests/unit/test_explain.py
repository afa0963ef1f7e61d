"""The layout in words."""

from hotpack.layout import Layout, Share, Weight, explain, plan
from hotpack.layout.explain import seconds
from hotpack.project import Placement

MB = 1_000_000


def run(*weights: Weight, pins: dict[str, Placement] | None = None) -> Layout:
    return plan(
        weights,
        [frozenset({weight.distribution}) for weight in weights],
        pins or {},
        code_bytes=0,
        runtime_bytes=MB,
        memory_mb=1769,
        ephemeral_storage_mb=10_240,
        has_bucket=True,
    )


LARGE = Weight("large", hot=Share(10, 700 * MB, 150 * MB), cold=Share(1, 300 * MB, 50 * MB))
SMALL = Weight("small", hot=Share(10, 10 * MB, 3 * MB))
MODULES = Weight("modules", modules=Share(1000, 10 * MB, 3 * MB))
GIANT = Weight("giant", hot=Share(10, 700 * MB, 200 * MB), cold=Share(1, 300 * MB, 100 * MB))
REMOTE = Weight("giant", hot=Share(10, 700 * MB, 300 * MB))


def test_what_fits_raw() -> None:
    """Where nothing is packed there is nothing to say of single distributions."""
    assert list(explain(run(SMALL), "profile")) == [
        "The dependencies, 10.0 MB raw, fit Lambda's 262.1 MB: 252.1 MB are free.",
        "What a cold start needs is what hotpack.profile.json names.",
        f"Predicted cold start: {seconds(run(SMALL).start_ms)}.",
    ]


def test_what_does_not_fit_raw() -> None:
    """Each distribution has a sentence with its sizes and what it adds."""
    layout = run(LARGE, SMALL, MODULES)
    large, modules, small = layout.placed
    sentences = list(explain(layout, "imports"))
    assert sentences[0] == (
        "The dependencies are 1,020.0 MB raw and 206.0 MB packed; of Lambda's 262.1 MB 46.0 MB are "
        "free."
    )
    assert "`hotpack trace` records it" in sentences[1]
    assert sentences[3:] == [
        (
            "large: bundled; 1,000.0 MB raw do not fit, 200.0 MB packed do; "
            f"adds {seconds(large.start_ms)}"
        ),
        (
            "modules: bundled; 10.0 MB raw are 3.0 MB packed; "
            f"raw it adds {seconds(modules.raw_ms)}, packed {seconds(modules.start_ms)}"
        ),
        (
            "small: inline; 10.0 MB; "
            f"raw it adds {seconds(small.start_ms)}, packed {seconds(small.packed_ms)}"
        ),
    ]


def test_room_that_is_left() -> None:
    """What would fit raw alone, and is packed so that some room is left, is said to be."""
    base = Weight("base", hot=Share(5000, 248 * MB, MB))
    packed = Weight("packed", hot=Share(1, 3 * MB, MB))
    pins: dict[str, Placement] = {"base": "inline", "packed": "bundled"}
    little = Weight("little", hot=Share(1, 8 * MB, MB))
    sentences = list(explain(run(base, packed, little, pins=pins), "profile"))
    assert "little: bundled; 8.0 MB raw are 1.0 MB packed, which leaves some room" in sentences[4]


def test_durations() -> None:
    """Durations are said in the unit that one would say them in."""
    assert [seconds(ms) for ms in (35.4, 999.0, 1234.0)] == ["35 ms", "999 ms", "1.2 s"]


def test_pins_and_s3() -> None:
    """A pin is named, and what is on S3."""
    pinned = list(explain(run(SMALL, pins={"small": "bundled"}), "stale profile"))
    assert "which is stale" in pinned[1]
    assert pinned[3].startswith("small: bundled, pinned; 10.0 MB raw are 3.0 MB packed; raw it")
    cold = list(explain(run(GIANT), "profile"))
    assert cold[3].endswith("; its cold files, 100.0 MB packed, are on S3")
    remote = list(explain(run(REMOTE), "profile"))
    assert remote[3].startswith("giant: remote; 700.0 MB raw are 300.0 MB on S3; adds ")
