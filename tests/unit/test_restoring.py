"""Restoring packs: each file whole or not at all, found again, and only what is asked for."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restorer import COLD_IN_MEMORY, Restorer
from hotpack_runtime.s3 import Bucket
from hotpack_runtime.units import TAKEN, Parts

from .packing import CONTENTS, Contents, content_of, flip_bit, make_packs, open_tree, restored


def test_found_again(tmp_path: Path) -> None:
    """What is there is not restored again: a warm or reset sandbox finds it."""
    make_packs(tmp_path)
    tree = restored(tmp_path)
    (tree / "beta.py").write_bytes(b"touched")
    again = open_tree(tmp_path)
    assert again.is_complete
    again.everything()
    assert (tree / "beta.py").read_bytes() == b"touched"


def test_a_torn_journal(tmp_path: Path) -> None:
    """An entry that a full disk cut short costs that group alone, and names no other one."""
    make_packs(tmp_path)
    tree = open_tree(tmp_path)
    tree.ensure(0)
    journal = tmp_path / "tmp" / "tree.restored"
    for torn in (1, 2, 3):
        with journal.open("ab") as file:
            file.write(b"\1\0\0"[:torn])
        tree.ensure(torn + 1)
    again = open_tree(tmp_path)
    found = [index for index in range(len(again.units)) if again.is_there(index)]
    assert found == [0, 2, 3, 4]


def test_a_tree_that_somebody_removed_is_restored(tmp_path: Path) -> None:
    """What the journal says is not believed when the tree is gone."""
    make_packs(tmp_path)
    shutil.rmtree(restored(tmp_path))
    assert len(content_of(restored(tmp_path))) == 7


def test_a_folder_for_half_written_files_that_somebody_removed(tmp_path: Path) -> None:
    """It is made again, as for who removes empty folders from /tmp."""
    make_packs(tmp_path)
    tree = open_tree(tmp_path)
    (tmp_path / "tmp" / "partial").rmdir()
    tree.everything()
    assert len(content_of(tmp_path / "tmp" / "tree")) == 7


def test_a_killed_init_leaves_nothing_for_good(tmp_path: Path) -> None:
    """What a killed init left half-written is removed, and the tree restored whole."""
    make_packs(tmp_path)
    left = tmp_path / "tmp" / "partial" / "999999999-1"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    tree = restored(tmp_path)
    assert list(left.parent.iterdir()) == []
    assert len(content_of(tree)) == 7


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
    assert str(tree.failed) == str(caught.value)  # two threads may have met it
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
        self._folder = folder
        self.reads: list[tuple[int, int]] = []

    def connect(self) -> "Shelf":
        return self

    def read(self, pack: Any, offset: int, sizes: list[int]) -> Generator[bytes]:
        self.reads.append((offset, sum(sizes)))
        content = (self._folder / f"{pack.name}.pack").read_bytes()
        for size in sizes:
            yield content[offset : offset + size]
            offset += size

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


class Unsteady(Shelf):
    """A bucket in which something cannot be read."""

    lacks = ""

    def init_is_over(self) -> None: ...

    def read(self, pack: Any, offset: int, sizes: list[int]) -> Generator[bytes]:
        if pack.holds == [self.lacks]:
            raise RestoreError("hotpack: S3 had a bad moment")
        yield from super().read(pack, offset, sizes)


def test_what_comes_by_itself_may_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A patient thread goes on with the next group, and says nothing: who asks for it will."""
    contents = {f"d{n}": {f"d{n}/x.bin": random.Random(n).randbytes(3_000_000)} for n in range(4)}
    make_packs(tmp_path, contents, placement="remote")
    document = Manifest.read(str(tmp_path / "manifest.json"))
    shelf: Any = Unsteady(tmp_path / "packs")
    tree = Restorer(document, str(tmp_path / "tmp" / "tree"), "", lambda _: shelf)
    shelf.lacks = "d1"
    tree.init_is_over()
    tree.start(len(document.groups), patient=True)
    for _ in range(500):
        if tree.is_there(3):
            break
        time.sleep(0.01)
    tree.stop()
    assert [tree.is_there(index) for index in range(4)] == [True, False, True, True]
    assert (capsys.readouterr().out, tree.failed) == ("", None)
    shelf.lacks = ""
    tree.everything()
    assert tree.is_complete


def test_a_child_does_not_wait_for_its_parents_thread(tmp_path: Path) -> None:
    """Forked while a thread of its parent makes the TLS context, a child makes its own."""
    make_packs(tmp_path, placement="remote")
    document = Manifest.read(str(tmp_path / "manifest.json"))
    bucket = Bucket("b", {}, {})
    tree = Restorer(document, str(tmp_path / "tmp" / "tree"), "", lambda _: bucket)
    with bucket._lock:
        child = os.fork()
        if not child:
            signal.alarm(5)
            tree.forked()
            bucket.tls()
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_what_was_read_is_let_go(tmp_path: Path) -> None:
    """Behind failures that are remembered nothing is held of what could not be written."""
    contents = {f"d{n}": {f"d{n}/x.bin": random.Random(n).randbytes(1_000_000)} for n in range(8)}
    make_packs(tmp_path, contents)
    tree = open_tree(tmp_path)
    (tmp_path / "tmp" / "tree").rmdir()
    tracemalloc.start()
    for index in range(8):
        with pytest.raises(RestoreError):
            tree.ensure(index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tree.failed is not None
    assert held < 1_000_000


def test_no_bytecode_is_kept_that_is_in_files(tmp_path: Path) -> None:
    """When init is over and all files are there, bytecode is read from them."""
    make_packs(tmp_path, TEMPERATURES)
    for ends_first in (True, False):
        shutil.rmtree(tmp_path / "tmp", ignore_errors=True)
        tree = open_tree(tmp_path)
        tree.wait(len(tree.units))
        assert [unit.index for unit in tree.units if unit.raw is not None]
        for step in (tree.init_is_over, tree.everything)[:: 1 if ends_first else -1]:
            step()
        assert [unit.index for unit in tree.units if unit.raw is not None] == []


def test_a_child_has_no_handle_of_a_file_in_the_making(tmp_path: Path) -> None:
    """Forked while a thread writes a large file, a child closes its handle, and makes its own."""
    make_packs(tmp_path)
    tree = open_tree(tmp_path)
    (unit,) = (unit for unit in tree.units if unit.group.raw_size > 9_000_000)
    unit.parts = Parts(unit.group.frames)
    unit.state, unit.parts.handle = TAKEN, os.open(tmp_path / "made", os.O_WRONLY | os.O_CREAT)
    handle = unit.parts.handle
    tree.forked()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
    tree.everything()
    assert tree.is_complete


def test_names_of_half_written_files_do_not_meet(tmp_path: Path) -> None:
    """Two processes with the same id, of two containers with one /tmp, write to different files."""
    make_packs(tmp_path)
    one, other = (open_tree(tmp_path)._folder for _ in range(2))
    assert one.new_path() != other.new_path()


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
