"""The pack format, written by hotpack.pack and read by hotpack_runtime: docs/pack-format.md."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hotpack.cache import Cache
from hotpack.install import File, Kind
from hotpack.pack import compress
from hotpack.pack.packs import Pack, manifest, write_packs
from hotpack.progress import Silent
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restore import SPAN_RAW_BYTES, _spans, restore

Contents = dict[str, dict[str, bytes]]
"""Distribution to path to content."""

CONTENTS: Contents = {
    "alpha": {
        "alpha/__init__.py": b"print('alpha')\n",
        "alpha/empty.txt": b"",
        "alpha/large.bin": random.Random(1).randbytes(9 * 1024 * 1024 + 17),
        "alpha/zeros.bin": bytes(5 * 1024 * 1024),
    },
    "beta": {"beta.py": b"x = 1\n", "bin/beta": b"#!/bin/sh\n"},
    "gamma": {"gamma/deep/er/file": b"gamma" * 1000},
}


def make_packs(folder: Path, contents: Contents = CONTENTS) -> tuple[Pack, ...]:
    """Write the contents as packs into `folder / "packs"`, and the manifest beside."""
    groups = {
        name: tuple(make_file(folder / "src", name, path, data) for path, data in files.items())
        for name, files in contents.items()
    }
    compressed = compress(groups, Cache(folder / "cache"), Silent())
    (folder / "packs").mkdir()
    placements: Any = dict.fromkeys(contents, "bundled")
    packs = write_packs(folder / "packs", list(compressed.values()), placements)
    (folder / "manifest.json").write_bytes(manifest(packs, "app.handler", None))
    return packs


def make_file(root: Path, distribution: str, path: str, data: bytes) -> File:
    source = root / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    is_script = path.startswith("bin/")
    return File(path, len(data), digest, Kind.DATA, distribution, is_script, source)


def restored(folder: Path, **options: Any) -> Path:
    document = Manifest.read(str(folder / "manifest.json"))
    root = str(folder / "tmp")
    return Path(restore(document, root, str(folder / "packs"), no_bucket, **options))


def no_bucket(_: Manifest) -> Any:
    raise AssertionError("nothing is remote")


def content_of(tree: Path) -> dict[str, bytes]:
    files = (path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


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


def test_found_again(tmp_path: Path) -> None:
    """A tree that is there is not restored again: a warm or reset sandbox finds it."""
    make_packs(tmp_path)
    tree = restored(tmp_path)
    (tree / "beta.py").write_bytes(b"touched")
    assert restored(tmp_path) == tree
    assert (tree / "beta.py").read_bytes() == b"touched"


def test_a_killed_init_leaves_nothing_for_good(tmp_path: Path) -> None:
    """What a killed init left half-written is removed, and the tree restored whole."""
    make_packs(tmp_path)
    left = tmp_path / "tmp" / "0123456789abcdef.partial-77"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    tree = restored(tmp_path)
    assert not left.exists()
    assert len(content_of(tree)) == 7


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [(flip_bit, "is damaged"), (cut_short, "is cut short"), (remove, "is missing")],
)
def test_bad_pack(tmp_path: Path, harm: Any, words: str) -> None:
    """A bad pack is one line that names it; nothing of the tree is there, and a good one works."""
    packs = make_packs(tmp_path)
    victim = next(pack for pack in packs if "alpha" in pack.holds)
    good = victim.path.read_bytes()
    harm(victim.path)
    with pytest.raises(RestoreError) as caught:
        restored(tmp_path)
    assert words in str(caught.value)
    assert victim.name in str(caught.value)
    assert "alpha" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "tmp").iterdir()) == []
    victim.path.write_bytes(good)
    assert len(content_of(restored(tmp_path))) == 7


def test_tmp_too_small(tmp_path: Path) -> None:
    """Too little space is said, with both sizes, before anything is written."""
    make_packs(tmp_path)
    with pytest.raises(
        RestoreError, match=r"take 14704640 bytes in .* and 1000 are free"
    ) as caught:
        restored(tmp_path, free_bytes=lambda _: 1000)
    assert "ephemeral_storage_mb by 15 or more" in str(caught.value)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out", "a//b", "."])
def test_paths_that_leave_the_tree(tmp_path: Path, path: str) -> None:
    """A manifest cannot make the runtime write outside of the tree."""
    make_packs(tmp_path)
    document = json.loads((tmp_path / "manifest.json").read_bytes())
    document["files"][0][0] = path
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(RestoreError, match="leaves the tree"):
        restored(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}'])
def test_no_manifest(tmp_path: Path, text: str) -> None:
    """A file that is no manifest is said to be none."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RestoreError, match="is no manifest"):
        Manifest.read(str(tmp_path / "manifest.json"))


def test_another_format(tmp_path: Path) -> None:
    """A manifest of another version is refused, not guessed at."""
    (tmp_path / "manifest.json").write_text('{"format": 2}')
    with pytest.raises(RestoreError, match="has format 2 and this runtime reads 1"):
        Manifest.read(str(tmp_path / "manifest.json"))


def test_frame_that_is_larger_than_it_says(tmp_path: Path) -> None:
    """A frame that decompresses to more than the manifest says is refused, not unpacked."""
    make_packs(tmp_path)
    document = json.loads((tmp_path / "manifest.json").read_bytes())
    index = next(i for i, row in enumerate(document["frames"]) if row[3] < 4 * 1024 * 1024)
    document["frames"][index][3] -= 1
    document["files"] = [
        [path, start, size, executable]
        for path, start, size, executable in document["files"]
        if start + size < sum(row[3] for row in document["frames"][:index])
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(RestoreError, match="do not match"):
        restored(tmp_path)


def test_repeats_and_overlaps(tmp_path: Path) -> None:
    """A manifest in which a path repeats, or files share bytes in part, is refused."""
    make_packs(tmp_path)
    document = json.loads((tmp_path / "manifest.json").read_bytes())
    rows = document["files"]
    for files in (
        [*rows, [rows[-1][0], rows[-1][1], rows[-1][2], False]],
        [*rows, ["more", rows[-1][1] + 1, 2, False]],
        [["negative", 0, -1, False], *rows],
        [[None, 0, 0, False], *rows],
    ):
        (tmp_path / "manifest.json").write_text(json.dumps({**document, "files": files}))
        with pytest.raises(RestoreError, match="is no manifest"):
            Manifest.read(str(tmp_path / "manifest.json"))


def test_same_content_may_be_one_run(tmp_path: Path) -> None:
    """Two files of the same content may be the same run of the stream."""
    make_packs(tmp_path)
    document = json.loads((tmp_path / "manifest.json").read_bytes())
    last = document["files"][-1]
    document["files"].append(["twin", last[1], last[2], False])
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    tree = restored(tmp_path)
    assert (tree / "twin").read_bytes() == (tree / last[0]).read_bytes()


KILLED = """
import os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
import conftest
from hotpack_runtime.manifest import Manifest
from hotpack_runtime import restore
folder = sys.argv[2]
write = restore._Writer.write
left = [2]

def dies(self, start, raw):
    write(self, start, raw)
    left[0] -= 1
    if not left[0]:
        os._exit(9)

restore._Writer.write = dies
document = Manifest.read(folder + "/manifest.json")
restore.restore(document, folder + "/tmp", folder + "/packs", None)
"""


def test_killed_midway(tmp_path: Path) -> None:
    """A process that dies while it restores leaves no tree that another one takes for whole."""
    make_packs(tmp_path)
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here.parent / "src")])
    done = subprocess.run([sys.executable, "-c", KILLED, path, str(tmp_path)], check=False)
    assert done.returncode == 9
    assert all("partial" in entry.name for entry in (tmp_path / "tmp").iterdir())
    assert len(content_of(restored(tmp_path))) == 7


def test_two_processes_at_once(tmp_path: Path) -> None:
    """Processes that restore the same tree at once all find it whole."""
    make_packs(tmp_path)
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here.parent / "src")])
    program = KILLED.replace("left = [2]", "left = [0]")  # never dies
    racers = [
        subprocess.Popen([sys.executable, "-c", program, path, str(tmp_path)]) for _ in range(4)
    ]
    assert [racer.wait() for racer in racers] == [0, 0, 0, 0]
    assert len(content_of(restored(tmp_path))) == 7


def test_spans_are_bounded(tmp_path: Path) -> None:
    """Neighbouring frames are read at once, up to a bound: that is the memory of a thread."""
    small = {f"d{number}": {f"d{number}.py": b"x" * 100} for number in range(50)}
    make_packs(tmp_path, {**CONTENTS, **small})
    document = Manifest.read(str(tmp_path / "manifest.json"))
    spans = _spans(document.frames)
    assert [frame for span in spans for frame in span] == document.frames
    assert len(spans) < len(document.frames)
    raw_sizes = [sum(frame.raw_size for frame in span) for span in spans]
    assert max(raw_sizes) <= SPAN_RAW_BYTES


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
