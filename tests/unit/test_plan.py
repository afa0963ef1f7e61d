"""The planner: weights, pins and limits in, placements out."""

from itertools import product
from random import Random

import pytest

from hotpack.errors import ConfigError, LimitError
from hotpack.layout import Layout, Share, Weight, plan
from hotpack.layout.choose import Option, choose
from hotpack.layout.cost import Model
from hotpack.layout.plan import MANIFEST_RESERVE_BYTES
from hotpack.project import Placement
from hotpack.target.limits import UNZIPPED_BYTES

MB = 1_000_000


def weigh(name: str, raw_mb: int, packed_mb: int, *, files: int = 1, cold_mb: int = 0) -> Weight:
    """Return a distribution's weight: all hot but `cold_mb` of each, and no bytecode."""
    return Weight(
        name,
        hot=Share(files, (raw_mb - cold_mb) * MB, (packed_mb - cold_mb) * MB),
        cold=Share(files, cold_mb * MB, cold_mb * MB),
        restored_bytes=raw_mb * MB,
    )


def modules(name: str, files: int, raw_mb: int) -> Weight:
    """Return the weight of a distribution that is many modules, in bytecode."""
    share = Share(files, raw_mb * MB, raw_mb * MB // 3)
    return Weight(name, modules=share, restored_bytes=raw_mb * MB)


def run(
    *weights: Weight,
    pins: dict[str, Placement] | None = None,
    together: list[set[str]] | None = None,
    tmp_mb: int = 10_240,
    has_bucket: bool = True,
    may_pack_what_fits: bool = False,
    memory_mb: int = 1769,
    gathers_bytecode: bool = False,
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
        memory_mb=memory_mb,
        ephemeral_storage_mb=tmp_mb,
        has_bucket=has_bucket,
        may_pack_what_fits=may_pack_what_fits,
        has_starter=gathers_bytecode,
        gathers_bytecode=gathers_bytecode,
    )


def why(layout: Layout) -> dict[str, str]:
    return {placed.distribution: placed.reason for placed in layout.placed}


def cold(layout: Layout) -> dict[str, str | None]:
    return {placed.distribution: placed.cold for placed in layout.placed}


def test_all_inline_where_it_fits() -> None:
    """What fits raw stays raw."""
    layout = run(weigh("a", 200, 50), weigh("b", 60, 20))
    assert layout.names("inline") == ("a", "b")
    assert not layout.is_packed
    assert layout.free_bytes == UNZIPPED_BYTES - 260 * MB - 1000
    assert set(why(layout).values()) == {"fits raw"}


def test_raw_space_goes_where_it_saves_most() -> None:
    """Of two of which one fits raw, it is the one whose files are slower to unpack."""
    slow, quick = weigh("slow", 150, 40), modules("quick", 900, 150)
    layout = run(slow, quick, weigh("base", 90, 30))
    assert "slow" in layout.names("inline")
    assert "quick" in layout.names("bundled")
    assert why(layout)["slow"].startswith("raw saves ")
    assert why(layout)["quick"].startswith("packed saves ")


def test_not_the_greatest_gain_first() -> None:
    """Two that save more together are raw, rather than the one that saves most alone."""
    one, two, most = weigh("one", 100, 10), weigh("two", 100, 10), weigh("most", 180, 10)
    assert run(one, two, most).names("inline") == ("one", "two")


def test_not_the_densest_first() -> None:
    """The one that saves more is raw, rather than the one that saves more for its bytes."""
    assert run(weigh("dense", 40, 30), weigh("large", 225, 10)).names("inline") == ("large",)


@pytest.mark.parametrize("seed", range(20))
def test_chooses_the_best(seed: int) -> None:
    """No other choice that fits is faster: all of them were tried."""
    random = Random(seed)
    groups = [
        [
            Option("inline", None, random.randint(10, 100), 0, random.uniform(0, 50)),
            Option("bundled", "bundled", random.randint(1, 40), 1, random.uniform(20, 90)),
        ]
        for _ in range(9)
    ]
    room = random.randint(150, 500)
    fitting = [
        sum(option.start_ms for option in options)
        for options in product(*groups)
        if sum(option.function_bytes for option in options) <= room
    ]
    chosen = choose(groups, room)
    if not fitting:
        assert chosen is None
        return
    assert chosen is not None
    assert sum(option.function_bytes for option in chosen) <= room
    assert sum(option.start_ms for option in chosen) == pytest.approx(min(fitting))


def test_chooses_among_many() -> None:
    """With hundreds of groups the room is used, and the result stays the same."""
    random = Random(1)
    groups = [
        [
            Option("inline", None, raw, 0, raw / 1000),
            Option("bundled", "bundled", raw // 3, raw, raw / 400 + random.random()),
        ]
        for raw in (int(10 ** random.uniform(3, 7)) for _ in range(300))
    ]
    room = sum(group[0].function_bytes + group[1].function_bytes for group in groups) // 2
    chosen = choose(groups, room)
    assert chosen is not None
    used = sum(option.function_bytes for option in chosen)
    assert 0.995 * room < used <= room
    assert chosen == choose(groups, room)
    # The next best way, by what each saves for its bytes, is as good where all are small.
    assert sum(o.start_ms for o in chosen) <= 1.001 * _densest_first(groups, room)


def _densest_first(groups: list[list[Option]], room: int) -> float:
    room -= sum(packed.function_bytes for _, packed in groups)
    total = sum(packed.start_ms for _, packed in groups)
    gains = [
        (packed.start_ms - raw.start_ms, raw.function_bytes - packed.function_bytes)
        for raw, packed in groups
    ]
    for saved, more in sorted(gains, key=lambda gain: -gain[0] / max(gain[1], 1)):
        if more <= room:
            room -= more
            total -= saved
    return total


def test_what_fits_is_packed_only_if_clearly_faster() -> None:
    """Packing what fits raw takes a profile, and a gain that is clear even in doubt."""
    many = modules("many", 3000, 20)
    assert not run(many).is_packed
    assert run(many, may_pack_what_fits=True).names("bundled") == ("many",)
    assert not run(modules("some", 300, 20), may_pack_what_fits=True).is_packed
    assert not run(many, may_pack_what_fits=True, pins={"*": "inline"}).is_packed
    assert not run(many, may_pack_what_fits=True, tmp_mb=0).is_packed


def test_some_room_is_left() -> None:
    """The last bytes are not used up for next to nothing; for more they are."""
    base = weigh("base", 248, 1, files=5000)
    pins: dict[str, Placement] = {"base": "inline", "packed": "bundled"}
    layout = run(base, weigh("packed", 3, 1), weigh("little", 8, 1), pins=pins)
    assert layout.names("bundled") == ("little", "packed")
    slow = Weight("slow", lukewarm=Share(9000, 8 * MB, MB))
    layout = run(base, weigh("packed", 3, 1), slow, pins=pins)
    assert layout.free_bytes < 5 * MB


def test_cold_files_travel_along() -> None:
    """The cold pack of what is bundled is in the function while there is room."""
    layout = run(weigh("a", 300, 90, cold_mb=50), weigh("b", 100, 30))
    assert cold(layout) == {"a": "bundled", "b": None}


def test_cold_files_on_s3_where_the_function_is_full() -> None:
    """Cold packs go to S3 before anything that a cold start needs does."""
    giant = weigh("giant", 900, 300, cold_mb=100)
    layout = run(giant)
    assert layout.names("bundled") == ("giant",)
    assert cold(layout) == {"giant": "remote"}
    with pytest.raises(LimitError, match="Unzipped size"):
        run(giant, has_bucket=False)


def test_s3_only_where_it_must() -> None:
    """What fits without S3 does not use it, however much faster the rest could be."""
    tight = weigh("a", 600, 200, cold_mb=20), weigh("b", 61, 55, cold_mb=50)
    assert set(cold(run(*tight)).values()) <= {"bundled", None}


def test_remote_where_compressed_does_not_fit() -> None:
    """What does not fit even compressed goes to S3."""
    layout = run(weigh("giant", 900, 300), weigh("b", 60, 20), tmp_mb=2048)
    assert layout.names("remote") == ("giant",)
    assert cold(layout)["giant"] == "remote"
    assert why(layout)["giant"] == "does not fit even packed"


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


def test_room_for_the_runtime() -> None:
    """What restoring adds to the function counts as soon as something is packed, not before."""
    free = UNZIPPED_BYTES - 1000
    full = Weight("full", hot=Share(1, free, free))
    assert run(full).free_bytes == 0
    with pytest.raises(LimitError) as caught:
        run(full, weigh("b", 1, 1), pins={"*": "bundled"}, has_bucket=False)
    excess = MB + MB + MANIFEST_RESERVE_BYTES
    assert f"it is {excess:,} bytes over" in caught.value.message


def test_pins_are_kept() -> None:
    """A pin decides, and `*` for what has none of its own."""
    layout = run(weigh("a", 1, 1), weigh("b", 1, 1), pins={"a": "inline", "*": "remote"})
    assert layout.names("inline") == ("a",)
    assert layout.names("remote") == ("b",)
    assert set(why(layout).values()) == {"pinned"}


def test_remote_pin_without_a_bucket() -> None:
    """A pin to S3 is kept without a bucket too: the local Lambda has one."""
    layout = run(weigh("a", 1, 1), pins={"a": "remote"}, has_bucket=False)
    assert layout.names("remote") == ("a",)


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


def test_tmp_decides_where_it_is_short() -> None:
    """Where /tmp does not hold what would be fastest, what fits is found."""
    quick, slow = modules("quick", 3000, 200), weigh("slow", 100, 30)
    assert run(quick, slow, tmp_mb=512).names("inline") == ("slow",)
    assert run(quick, slow, tmp_mb=150).names("inline") == ("quick",)


def test_model() -> None:
    """Reading many files costs more than reading few, unpacking more than reading the same."""
    model = Model.of_memory(1769)
    few, many = weigh("a", 100, 30, files=10), weigh("a", 100, 30, files=1000)
    assert model.start_ms(few, "inline") < model.start_ms(many, "inline")
    assert (
        model.start_ms(few, "inline")
        < model.start_ms(few, "bundled")
        < model.start_ms(few, "remote")
    )
    packages = modules("a", 1000, 10)
    assert model.start_ms(packages, "bundled") < model.start_ms(packages, "inline")
    large = Model.of_memory(10_240)
    assert large.start_ms(few, "bundled") < model.start_ms(few, "bundled")
    assert Model.of_memory(128) == model


def test_bytecode_is_gathered_where_there_is_room() -> None:
    """What is raw takes its modules twice if something is packed; all raw, what room is left."""
    raw = Weight("raw", modules=Share(100, 40 * MB, 20 * MB), hot=Share(5, 100 * MB, 99 * MB))
    packed = weigh("packed", 300, 60)
    assert run(raw, packed).names("inline") == ("raw",)
    assert run(raw, packed, gathers_bytecode=True).names("inline") == ("raw",)
    more = weigh("packed", 300, 100)
    assert run(raw, more).names("inline") == ("raw",)
    assert run(raw, more, gathers_bytecode=True).names("inline") == ()
    assert not run(raw, weigh("more", 110, 1), gathers_bytecode=True).is_packed


def test_gathered_bytecode_is_given_up_before_s3_is_used() -> None:
    """A pin that leaves no room for it is kept, and nothing goes to S3 for its sake."""
    raw = Weight("raw", modules=Share(100, 100 * MB, 90 * MB))
    layout = run(raw, weigh("packed", 300, 140), pins={"raw": "inline"}, gathers_bytecode=True)
    assert layout.names("bundled") == ("packed",)


def test_gathered_bytecode_makes_raw_modules_fast() -> None:
    """A thousand modules in one file take no time to open."""
    modules = Weight("a", modules=Share(1000, 10 * MB, 3 * MB))
    fast, slow = run(modules, gathers_bytecode=True), run(modules)
    assert slow.start_ms - fast.start_ms > 300
