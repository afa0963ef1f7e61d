"""The pack format, written by hotpack.pack and read by hotpack_runtime: docs/pack-format.md."""

import hashlib
import os
import random
from pathlib import Path

import pytest

from hotpack.pack.frames import FRAME_RAW_BYTES, GROUP_RAW_BYTES
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest

from .packing import CONTENTS, content_of, flip_bit, make_packs, restored


def test_round_trip(tmp_path: Path) -> None:
    """What was packed comes back: names, bytes, permissions; empty files and large ones too."""
    make_packs(tmp_path)
    tree = restored(tmp_path)
    assert content_of(tree) == {p: data for files in CONTENTS.values() for p, data in files.items()}
    assert os.access(tree / "bin" / "beta", os.X_OK)
    assert not os.access(tree / "beta.py", os.X_OK)


def test_same_bytes(tmp_path: Path) -> None:
    """The same contents give the same packs and the same manifest, in an empty cache too."""
    for name in ("one", "two"):
        make_packs(tmp_path / name)
    one, two = (content_of(tmp_path / name / "packs") for name in ("one", "two"))
    assert one == two
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("one", "two")]
    assert manifests[0] == manifests[1]


def test_names_are_digests(tmp_path: Path) -> None:
    """A pack is named by its SHA-256."""
    for pack in make_packs(tmp_path):
        assert hashlib.sha256(pack.path.read_bytes()).hexdigest() == pack.name
        assert pack.path.name == f"{pack.name}.pack"


def test_a_change_leaves_other_packs(tmp_path: Path) -> None:
    """A new version of one distribution does not change the pack of a large other one."""
    before = make_packs(tmp_path / "before")
    changed = {**CONTENTS, "beta": {"beta.py": b"x = 2\n"}}
    after = make_packs(tmp_path / "after", changed)
    alpha = [next(p.name for p in packs if "alpha" in p.holds) for packs in (before, after)]
    assert alpha[0] == alpha[1]
    assert {pack.name for pack in before} != {pack.name for pack in after}


def test_groups_are_bounded(tmp_path: Path) -> None:
    """A group of small files is small, and no frame is larger than a thread shall hold."""
    random_ = random.Random(3)
    many = {f"hot/{n}.bin": random_.randbytes(300_000) for n in range(40)}
    many |= {f"c/{n}.txt": random_.randbytes(300_000) for n in range(10)}
    many["hot/large.bin"] = random_.randbytes(2 * FRAME_RAW_BYTES + 1)
    make_packs(tmp_path, {"many": many})
    groups = Manifest.read(str(tmp_path / "manifest.json")).groups
    (large,) = (group for group in groups if group.raw_size > GROUP_RAW_BYTES)
    sizes = [frame.raw_size for frame in large.frames]
    assert sizes == [FRAME_RAW_BYTES, FRAME_RAW_BYTES, 1]
    assert len(groups) == 14 + 4 + 1
    assert content_of(restored(tmp_path)) == many


def test_what_does_not_compress_is_stored(tmp_path: Path) -> None:
    """Random bytes are in the pack as they are, and are verified all the same."""
    content = random.Random(4).randbytes(100_000)
    (pack,) = make_packs(tmp_path, {"weights": {"native.onnx": content}})
    assert pack.path.read_bytes() == content
    flip_bit(pack.path)
    with pytest.raises(RestoreError, match="is damaged"):
        restored(tmp_path)


def test_twins_in_two_distributions(tmp_path: Path) -> None:
    """Two distributions of the same bytes are one pack, and both come back."""
    content = random.Random(6).randbytes(1_500_000)
    contents = {"one": {"one/native.bin": content}, "two": {"two/native.bin": content}}
    (pack,) = make_packs(tmp_path, contents)
    assert pack.holds == ("one", "two")
    assert content_of(restored(tmp_path)) == {"one/native.bin": content, "two/native.bin": content}


def test_damaged_cache_is_mended(tmp_path: Path) -> None:
    """A frame that was damaged in the cache is compressed again, not shipped."""
    make_packs(tmp_path / "one")
    for entry in (tmp_path / "one" / "cache" / "frames").rglob("*"):
        if entry.is_file():
            entry.write_bytes(entry.read_bytes()[:-1])
    (tmp_path / "one" / "packs").rename(tmp_path / "one" / "before")
    make_packs(tmp_path / "one")
    assert content_of(tmp_path / "one" / "packs") == content_of(tmp_path / "one" / "before")


def test_duplicates_are_stored_once(tmp_path: Path) -> None:
    """Files of the same content in a distribution take their bytes once, and all come back."""
    large = random.Random(2).randbytes(5 * 1024 * 1024)
    contents = {
        "twins": {
            "a/one.bin": large,
            "a/empty": b"",
            "b/other": b"other",
            "c/two.bin": large,
            "c/empty": b"",
            "d/three.bin": large,
        }
    }
    packs = make_packs(tmp_path, contents)
    assert sum(pack.size for pack in packs) < 1.1 * len(large)
    assert content_of(restored(tmp_path)) == contents["twins"]
