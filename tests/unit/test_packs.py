"""The pack format, written by hotpack.pack and read by hotpack_runtime: docs/pack-format.md."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from hotpack.cache import Cache
from hotpack.install import File, Kind
from hotpack.layout import Arranged, Arrangement
from hotpack.pack import Packing, compress
from hotpack.pack.frames import FRAME_RAW_BYTES, GROUP_RAW_BYTES
from hotpack.pack.packs import Pack, manifest, seal, write_packs
from hotpack.progress import Silent
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.packs import PacksFolder
from hotpack_runtime.restorer import COLD_IN_MEMORY, Restorer

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


def make_packs(
    folder: Path,
    contents: Contents = CONTENTS,
    needs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    placement: str = "bundled",
) -> tuple[Pack, ...]:
    """Write the contents as packs into `folder / "packs"`, and the manifest beside.

    What is called hot, native or lukewarm is that; all else is cold.
    """
    files = {
        name: [make_file(folder / "src", name, path, data) for path, data in files.items()]
        for name, files in contents.items()
    }
    arranged = {
        name: Arranged(
            tuple(file for file in mine if "hot" in file.path or "native" in file.path),
            tuple(file for file in mine if "lukewarm" in file.path),
            tuple(
                file
                for file in mine
                if not any(word in file.path for word in ("hot", "native", "lukewarm"))
            ),
        )
        for name, mine in files.items()
    }
    hot = [file.path for item in arranged.values() for file in item.hot]
    arrangement = Arrangement(
        arranged,
        {path: place for place, path in enumerate(hot)},
        frozenset(path for path in hot if "native" in path),
        {},
        "profile",
    )
    compressed = compress(arrangement, Cache(folder / "cache"), Silent())
    (folder / "packs").mkdir()
    placements: Any = dict.fromkeys(contents, placement)
    packing = Packing(
        list(compressed.values()), placements, placements, arrangement.order, needs, {}
    )
    packs = write_packs(folder / "packs", packing)
    text = manifest(packs, packing, handler="app.handler", bucket=None, cold="touch")
    (folder / "manifest.json").write_bytes(text)
    return packs


def make_file(root: Path, distribution: str, path: str, data: bytes) -> File:
    source = root / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    is_script = path.startswith("bin/") or path.endswith("/tool")
    kind = Kind.BYTECODE if path.endswith(".pyc") else Kind.DATA
    return File(path, len(data), digest, kind, distribution, is_script, source)


def open_tree(folder: Path, **options: Any) -> Restorer:
    document = Manifest.read(str(folder / "manifest.json"))
    place = str(folder / "tmp" / "tree")
    return Restorer(document, place, str(folder / "packs"), no_bucket, **options)


def restored(folder: Path, **options: Any) -> Path:
    """Restore everything and return the tree's folder."""
    open_tree(folder, **options).everything()
    return folder / "tmp" / "tree"


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
    """What is there is not restored again: a warm or reset sandbox finds it."""
    make_packs(tmp_path)
    tree = restored(tmp_path)
    (tree / "beta.py").write_bytes(b"touched")
    again = open_tree(tmp_path)
    assert again.is_complete
    again.everything()
    assert (tree / "beta.py").read_bytes() == b"touched"


def test_a_tree_that_somebody_removed_is_restored(tmp_path: Path) -> None:
    """What the journal says is not believed when the tree is gone."""
    make_packs(tmp_path)
    shutil.rmtree(restored(tmp_path))
    assert len(content_of(restored(tmp_path))) == 7


def test_a_killed_init_leaves_nothing_for_good(tmp_path: Path) -> None:
    """What a killed init left half-written is removed, and the tree restored whole."""
    make_packs(tmp_path)
    left = tmp_path / "tmp" / "partial" / "999999999-1"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    tree = restored(tmp_path)
    assert list(left.parent.iterdir()) == []
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
    """A bad pack is one line that names it; no file of the bad frame is there, a good one mends."""
    packs = make_packs(tmp_path)
    victim = next(pack for pack in packs if "alpha" in pack.holds)
    good = victim.path.read_bytes()
    harm(victim.path)
    tree = open_tree(tmp_path)
    with pytest.raises(RestoreError) as caught:
        tree.everything()
    assert words in str(caught.value)
    assert victim.name in str(caught.value)
    assert "alpha" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tree.failed is caught.value
    expected = {path: data for files in CONTENTS.values() for path, data in files.items()}
    there = content_of(tmp_path / "tmp" / "tree")
    assert len(there) < 7
    assert there.items() <= expected.items()
    victim.path.write_bytes(good)
    tree.everything()
    assert content_of(tmp_path / "tmp" / "tree") == expected


def test_tmp_too_small(tmp_path: Path) -> None:
    """Too little space is said, with both sizes, before anything is written."""
    make_packs(tmp_path)
    with pytest.raises(
        RestoreError, match=r"take 14704640 bytes in .* and 1000 are free"
    ) as caught:
        restored(tmp_path, free_bytes=lambda _: 1000)
    assert "ephemeral_storage_mb by 15 or more" in str(caught.value)
    assert content_of(tmp_path / "tmp" / "tree") == {}


def test_what_is_there_needs_no_space(tmp_path: Path) -> None:
    """A reset sandbox needs space for what is missing only."""
    make_packs(tmp_path)
    tree = open_tree(tmp_path)
    tree.ensure(0)
    left = sum(unit.group.raw_size for unit in tree.units[1:])
    open_tree(tmp_path, free_bytes=lambda _: left + 7 * 4096)
    with pytest.raises(RestoreError, match="are free"):
        open_tree(tmp_path, free_bytes=lambda _: left - 7 * 4096)


def change(folder: Path, harm: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    harm(document)
    del document["sha256"]
    (folder / "manifest.json").write_bytes(seal(document))


def add(document: dict[str, Any], line: str, folder: str = "") -> None:
    """Put a file into a folder of the tree, which may be a new one."""
    before = list(document["folders"])
    text = document["folders"].get(folder, "")
    document["folders"][folder] = f"{text}\n{line}".lstrip("\n")
    places = {each: place for place, each in enumerate(sorted(document["folders"]))}
    for group in document["groups"]:
        group[4] = sorted({places[folder], *(places[before[place]] for place in group[4])})


@pytest.mark.parametrize("folder", ["../out", "/etc", "a/../../out", "a//b", "."])
def test_folders_that_leave_the_tree(tmp_path: Path, folder: str) -> None:
    """A manifest cannot make the runtime write outside of the tree."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, "0 0 0 0 x", folder))
    with pytest.raises(RestoreError, match="leaves the tree"):
        restored(tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b"])
def test_names_that_leave_their_folder(tmp_path: Path, name: str) -> None:
    """Nor by the name of a file."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, f"0 0 0 0 {name}"))
    with pytest.raises(RestoreError, match="no name of its own"):
        restored(tmp_path)


@pytest.mark.parametrize(("start", "size"), [(-1, 2), (0, 1 << 40), (1 << 40, 0), (3, -1)])
def test_files_that_leave_their_group(tmp_path: Path, start: int, size: int) -> None:
    """A file is a run of its group's bytes."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, f"0 {start} {size} 0 x"))
    with pytest.raises(RestoreError, match="no run of its group"):
        restored(tmp_path)


def test_a_name_twice(tmp_path: Path) -> None:
    """A manifest in which a path repeats is refused."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, document["folders"][""].split("\n")[0]))
    with pytest.raises(RestoreError, match="no name of its own"):
        restored(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 3}', "[" * 10**5])
def test_no_manifest(tmp_path: Path, text: str) -> None:
    """A file that is no manifest is said to be none."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RestoreError, match="is no manifest"):
        Manifest.read(str(tmp_path / "manifest.json"))


def test_another_format(tmp_path: Path) -> None:
    """A manifest of another version is refused, not guessed at."""
    (tmp_path / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(RestoreError, match="has format 1 and this runtime reads 3"):
        Manifest.read(str(tmp_path / "manifest.json"))


def fits(line: str, group: int, raw_size: int) -> bool:
    numbers = [int(word) for word in line.split(" ")[:3]] if line else []
    return bool(numbers) and (numbers[0] != group or sum(numbers[1:]) <= raw_size)


def test_frame_that_is_larger_than_it_says(tmp_path: Path) -> None:
    """A frame that decompresses to more than the manifest says is refused, not unpacked."""
    make_packs(tmp_path)

    def harm(document: dict[str, Any]) -> None:
        index, group = next(
            (index, group)
            for index, group in enumerate(document["groups"])
            if group[3] and group[3][0][0] != group[3][0][1] and len(group[3]) == 1
        )
        group[3][0][1] -= 1
        raw_size = group[3][0][1]
        document["folders"] = {
            folder: "\n".join(line for line in text.split("\n") if fits(line, index, raw_size))
            for folder, text in document["folders"].items()
        }

    change(tmp_path, harm)
    with pytest.raises(RestoreError, match="do not match"):
        restored(tmp_path)


def test_a_large_file_is_alone_in_its_group(tmp_path: Path) -> None:
    """A group of several frames with two files in it is refused: it is written in parts."""
    make_packs(tmp_path)

    def harm(document: dict[str, Any]) -> None:
        index = next(i for i, group in enumerate(document["groups"]) if len(group[3]) > 1)
        add(document, f"{index} 0 1 0 x")

    change(tmp_path, harm)
    with pytest.raises(RestoreError, match="holds one file"):
        restored(tmp_path)


KILLED = """
import os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
folder = sys.argv[2]
import conftest
from hotpack_runtime import folder as folder_, restorer
from hotpack_runtime.manifest import Manifest

left = [2]
move = folder_.TreeFolder.move

def dies(self, beside, path):
    left[0] -= 1
    if not left[0]:
        os._exit(9)
    move(self, beside, path)

folder_.TreeFolder.move = dies
document = Manifest.read(folder + "/manifest.json")
restorer.Restorer(document, folder + "/tmp/tree", folder + "/packs", None).everything()
"""


def test_killed_midway(tmp_path: Path) -> None:
    """What a process that dies while it restores leaves is whole, or another one's to do again."""
    make_packs(tmp_path)
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here.parent / "src")])
    done = subprocess.run([sys.executable, "-c", KILLED, path, str(tmp_path)], check=False)
    assert done.returncode == 9
    expected = {path: data for files in CONTENTS.values() for path, data in files.items()}
    assert content_of(tmp_path / "tmp" / "tree").items() <= expected.items()
    assert content_of(restored(tmp_path)) == expected
    assert list((tmp_path / "tmp" / "partial").iterdir()) == []


def test_processes_at_once(tmp_path: Path) -> None:
    """Processes that restore the same tree at once all find it whole."""
    make_packs(tmp_path)
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here.parent / "src")])
    program = KILLED.replace("left = [2]", "left = [0]")  # never dies
    racers = [
        subprocess.Popen([sys.executable, "-c", program, path, str(tmp_path)]) for _ in range(4)
    ]
    assert [racer.wait() for racer in racers] == [0, 0, 0, 0]
    expected = {path: data for files in CONTENTS.values() for path, data in files.items()}
    assert content_of(tmp_path / "tmp" / "tree") == expected
    shutil.rmtree(tmp_path / "packs")
    assert open_tree(tmp_path).is_complete  # the journal says it, though four wrote into it


TEMPERATURES: Contents = {
    "alpha": {
        "alpha/__pycache__/cold.pyc": b"c" * 100,
        "alpha/__pycache__/hot.pyc": b"h" * 200,
        "alpha/cold.txt": b"cold",
        "alpha/hot.txt": b"hot",
        "alpha/lukewarm.txt": b"lukewarm",
        "alpha/native.onnx": b"native" * 1000,
    },
    "beta": {"beta_hot.txt": b"hot too", "beta_cold.txt": b"cold too"},
}


def test_the_order_of_temperatures(tmp_path: Path) -> None:
    """Native files come first, then hot, then lukewarm ones; cold ones have packs of their own."""
    packs = make_packs(tmp_path, TEMPERATURES)
    document = Manifest.read(str(tmp_path / "manifest.json"))
    names = [
        sorted(path for path, *_ in document.files_of(index))
        for index in range(len(document.groups))
    ]
    first, *hot = names[: document.hot]
    assert first == ["alpha/native.onnx"]
    assert hot == [["alpha/__pycache__/hot.pyc"], ["alpha/hot.txt"], ["beta_hot.txt"]]
    assert names[document.hot : document.lukewarm] == [["alpha/lukewarm.txt"]]
    cold = {path for group in names[document.lukewarm :] for path in group}
    assert cold == {"alpha/__pycache__/cold.pyc", "alpha/cold.txt", "beta_cold.txt"}
    assert [pack.holds for pack in packs] == [("alpha", "beta"), ("alpha", "beta")]


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    """Groups are restored when they are asked for; what is cold stays in the packs."""
    make_packs(tmp_path, TEMPERATURES)
    tree = open_tree(tmp_path)
    document = Manifest.read(str(tmp_path / "manifest.json"))
    tree.wait(1)
    folder = tmp_path / "tmp" / "tree"
    assert content_of(folder).keys() == {"alpha/native.onnx"}
    tree.start(document.lukewarm)
    tree.wait(document.lukewarm)
    hot = {"alpha/native.onnx", "alpha/hot.txt", "beta_hot.txt", "alpha/lukewarm.txt"}
    assert content_of(folder).keys() == hot  # bytecode is in memory
    assert not tree.is_complete
    tree.everything()
    assert tree.is_complete
    assert len(content_of(folder)) == 8


def test_bytecode_stays_in_memory(tmp_path: Path) -> None:
    """Bytecode is read from memory, again too, and from a file when it is in one."""
    make_packs(tmp_path, TEMPERATURES)
    document = Manifest.read(str(tmp_path / "manifest.json"))
    tree = open_tree(tmp_path)
    for name, data in (("hot.pyc", b"h" * 200), ("cold.pyc", b"c" * 100)):
        row = document.files_in("alpha/__pycache__")[name]
        for _ in range(3):
            assert bytes(tree.bytecode(*row[:3]) or b"") == data
        assert not (tmp_path / "tmp" / "tree" / "alpha" / "__pycache__" / name).exists()
        tree.ensure(row[0])
        assert (tmp_path / "tmp" / "tree" / "alpha" / "__pycache__" / name).read_bytes() == data
        found = tree.bytecode(*row[:3])
        assert found is None or bytes(found) == data  # from memory still, or else from its file


def test_cold_bytecode_is_let_go(tmp_path: Path) -> None:
    """Of cold bytecode the last few groups are kept; others are read again when they are wanted."""
    random_ = random.Random(8)
    files = {
        f"m/__pycache__/{n}.pyc": random_.randbytes(700_000) for n in range(COLD_IN_MEMORY + 3)
    }
    make_packs(tmp_path, {"m": files})
    document = Manifest.read(str(tmp_path / "manifest.json"))
    tree = open_tree(tmp_path)
    rows = document.files_in("m/__pycache__")
    for name, row in rows.items():
        assert (
            bytes(tree.bytecode(row[0], row[1], 10) or b"") == files[f"m/__pycache__/{name}"][:10]
        )
    kept = [unit.index for unit in tree.units if unit.raw is not None]
    assert kept == [row[0] for row in rows.values()][-COLD_IN_MEMORY:]
    index, start, size, _ = next(iter(rows.values()))
    assert bytes(tree.bytecode(index, start, size) or b"") == files["m/__pycache__/0.pyc"]
    assert tree.units[index].raw is None  # all of it was read


class Shelf:
    """A bucket that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = PacksFolder(str(folder))
        self.reads: list[tuple[int, int]] = []

    def connect(self) -> "Shelf":
        return self

    def read(self, pack: Any, offset: int, size: int) -> bytes:
        self.reads.append((offset, size))
        return self._folder.read(pack, offset, size)

    def close(self) -> None: ...


def test_neighbours_on_s3_are_read_at_once(tmp_path: Path) -> None:
    """Groups that stand behind each other take one request, up to what a thread may hold."""
    contents = {f"d{n}": {f"d{n}/hot.txt": bytes([n]) * 1000} for n in range(40)}
    (pack,) = make_packs(tmp_path, contents, placement="remote")
    document = Manifest.read(str(tmp_path / "manifest.json"))
    shelf: Any = Shelf(tmp_path / "packs")
    tree = Restorer(document, str(tmp_path / "tmp" / "tree"), "", lambda _: shelf)
    tree.wait(document.lukewarm)
    assert len(document.groups) == 40
    assert shelf.reads == [(0, pack.size)]


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


def test_a_full_disk(tmp_path: Path) -> None:
    """Where there is no space, nothing is kept that takes some, and more space mends it."""
    contents = {"large": {"native.bin": random.Random(7).randbytes(9_000_000)}}
    make_packs(tmp_path, contents)
    small = tmp_path / "tmp"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "x", small], check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        tree = open_tree(tmp_path, free_bytes=lambda _: 1 << 40)
        with pytest.raises(RestoreError, match="No space left on device"):
            tree.everything()
        assert list((small / "partial").iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
        tree.everything()
        assert content_of(small / "tree") == contents["large"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_another_process_restored_is_seen(tmp_path: Path) -> None:
    """A process restores nothing again that another one has restored meanwhile."""
    make_packs(tmp_path)
    one, other = open_tree(tmp_path), open_tree(tmp_path)
    one.everything()
    for pack in (tmp_path / "packs").iterdir():
        pack.unlink()
    other.everything()
    assert other.is_complete


def test_the_mode_does_not_depend_on_the_mask(tmp_path: Path) -> None:
    """Files have the modes that Lambda gives a package, whatever the process's mask is."""
    make_packs(tmp_path)
    before = os.umask(0o077)
    try:
        tree = restored(tmp_path)
    finally:
        os.umask(before)
    assert (tree / "beta.py").stat().st_mode & 0o777 == 0o644
    assert (tree / "bin" / "beta").stat().st_mode & 0o777 == 0o755


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
