"""The record of what a build weighs, and what changed between two."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.errors import ArtifactError
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.inventory import DistributionSizes, Sizes, compare, read_sizes
from hotpack.target import RUNTIMES, Target

NUMPY = DistributionSizes("numpy", "2.0", 60, 40, 20, "inline", 30)
SCIPY = DistributionSizes("scipy", "1.0", 90, 70)
SIX = DistributionSizes("six", "1.17", 3, 2)
OLD = Sizes("python3.13 on arm64", 5, (NUMPY, SCIPY))


@pytest.mark.parametrize(
    "place", ["", ".hotpack", ".hotpack/build", ".hotpack/build/release.json", "kept.json"]
)
def test_record_is_read_from(tmp_path: Path, place: str) -> None:
    """A record is found by project, build, release.json, or as what `sizes --json` printed."""
    (tmp_path / ".hotpack" / "build").mkdir(parents=True)
    (tmp_path / ".hotpack" / "build" / "sizes.json").write_bytes(OLD.record())
    (tmp_path / "kept.json").write_text(json.dumps({**OLD.document(), "files": []}))
    assert read_sizes(tmp_path / place) == OLD


def test_record_of_before_hot_was_counted(tmp_path: Path) -> None:
    """A record that does not say what is hot can be read."""
    document = OLD.document()
    for row in document["distributions"]:
        del row["hot_bytes"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    old = replace(NUMPY, hot_bytes=None)
    assert read_sizes(tmp_path / "old.json") == replace(OLD, distributions=(old, SCIPY))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no record of sizes"),
        ("{", "is no record of sizes"),
        ("[]", "is no record of sizes"),
        ('{"format": 1, "distributions": [{}]}', "is no record of sizes"),
        ('{"format": 99}', "another version of hotpack"),
    ],
)
def test_no_record(tmp_path: Path, content: str | None, message: str) -> None:
    """What is no record is an error that names the place and says where records come from."""
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=message) as caught:
        read_sizes(path)
    assert str(path) in caught.value.message
    assert "hotpack build" in (caught.value.hint or "")


def test_totals() -> None:
    """Sums are over all; packed is no sum where one was not compressed."""
    assert (OLD.installed_bytes, OLD.slimmed_bytes, OLD.total_bytes) == (150, 110, 115)
    assert OLD.packed_bytes is None
    assert replace(OLD, distributions=(NUMPY,)).packed_bytes == 20


def test_of_trees() -> None:
    """A distribution of which slimming left nothing weighs nothing; what nobody asked is None."""
    target = Target(RUNTIMES["python3.13"], "arm64")
    installed = Tree(
        (Distribution("boto3", "1"), Distribution("six", "2")),
        tuple(
            File(f"{name}.py", 9, "", Kind.SOURCE, name, False, Path(name))
            for name in ("boto3", "six")
        ),
    )
    slimmed = installed.replaced(file for file in installed.files if file.distribution == "six")
    sizes = Sizes.of(
        target, installed, slimmed, code_bytes=0, packed={"six": 4}, placements={}, hot={"six": 7}
    )
    assert (sizes.packed_bytes, sizes.hot_bytes) == (4, 7)
    sizes = Sizes.of(target, installed, slimmed, code_bytes=0, packed={}, placements={}, hot={})
    assert (sizes.packed_bytes, sizes.hot_bytes) == (None, None)


def test_what_changed() -> None:
    """Added, removed and changed are told apart, and the total counts the project's own files."""
    newer = replace(NUMPY, version="2.1", slimmed_bytes=45)
    difference = compare(OLD, Sizes(OLD.target, 8, (newer, SIX)))
    assert difference.added == (SIX,)
    assert difference.removed == (SCIPY,)
    [change] = difference.changed
    assert (change.old, change.new, change.change_bytes) == (NUMPY, newer, 5)
    assert difference.change_bytes == 5 + 2 - 70 + 3


def test_placement_is_no_change() -> None:
    """The same distributions packed, or elsewhere, have not changed."""
    moved = replace(NUMPY, packed_bytes=19, placement="remote")
    difference = compare(OLD, replace(OLD, distributions=(moved, SCIPY)))
    assert (difference.added, difference.removed, difference.changed) == ((), (), ())
