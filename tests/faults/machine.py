"""Faults of the sandbox itself: its disk, its memory, what it runs out of, what was left in it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hotpack.sandbox.loopback import Handler

from .data import document_of
from .matrix import Fault, Inject
from .stage import Stage

_DISK = r"^error: RestoreError: hotpack: cannot restore to \S+: .*"


def _fill(folder: Path, left_bytes: int) -> Path:
    """Write a file that leaves so much space."""
    filler = folder / "filler"
    disk = os.statvfs(folder)
    with filler.open("wb") as file:
        file.write(bytes(disk.f_bavail * disk.f_frsize - left_bytes))
    return filler


@contextmanager
def full_before(stage: Stage) -> Iterator[None]:
    """Leave a megabyte before init begins."""
    filler = _fill(stage.disk, 1 << 20)
    yield
    filler.unlink()


@contextmanager
def full_meanwhile(stage: Stage) -> Iterator[None]:
    """Fill the disk when init has looked at it and begins to read packs."""
    if stage.bucket is None:
        raise AssertionError("the function has no packs on S3")
    lock = threading.Lock()
    fillers: list[Path] = []

    def answer(_: Handler, __: str, ___: Path | None) -> bool:
        with lock:
            if not fillers:
                fillers.append(_fill(stage.disk, 1 << 20))
        return False

    stage.bucket.fault = answer
    yield
    stage.bucket.fault = None
    fillers[0].unlink()


@contextmanager
def read_only(stage: Stage) -> Iterator[None]:
    """Let nobody write to the disk."""
    stage.remount("ro")
    yield
    stage.remount("rw")


def left(put: Callable[[Path, str], object]) -> Inject:
    """Return what leaves something in the root before init; it is told the tree's name too."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        root = stage.disk / "hotpack"
        root.mkdir()
        put(root, document_of(stage)["tree"][:16])
        before = {path: path.lstat().st_ino for path in root.rglob("*")}
        yield
        for path in sorted(before, reverse=True):  # what is in a folder before the folder
            with suppress(OSError):
                if path.lstat().st_ino == before[path]:
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    return inject


def _another_release(root: Path, _: str) -> None:
    other = root / ("0" * 16)
    (other / "parcel").mkdir(parents=True)
    (other / "parcel" / "__init__.py").write_text("WORD = 'another'")
    (root / f"{other.name}.restored").write_bytes(bytes(range(32)))


def _a_journal_that_lies(root: Path, tree: str) -> None:
    (root / f"{tree}.restored").write_bytes(b"".join(n.to_bytes(4, "little") for n in range(500)))


def _a_journal_of_dirt(root: Path, tree: str) -> None:
    (root / tree).mkdir()
    (root / f"{tree}.restored").write_bytes(b"\xff" * 1003)


def _a_journal_of_an_empty_tree(root: Path, tree: str) -> None:
    (root / tree).mkdir()
    _a_journal_that_lies(root, tree)


def _half_a_file(root: Path, tree: str) -> None:
    (root / "partial").mkdir()
    (root / "partial" / "999999999-0").write_bytes(bytes(1 << 20))
    (root / tree / "parcel").mkdir(parents=True)
    (root / tree / "parcel" / "weights.bin").write_bytes(b"half of it")


def _a_link_out(root: Path, tree: str) -> None:
    (root / tree).mkdir()
    (root.parent / "elsewhere").mkdir()
    (root / tree / "parcel").symlink_to(root.parent / "elsewhere")


def _a_link_as_a_file(root: Path, tree: str) -> None:
    (root / tree / "parcel").mkdir(parents=True)
    (root.parent / "victim").write_text("not to be written to")
    (root / tree / "parcel" / "weights.bin").symlink_to(root.parent / "victim")


def _a_file_as_the_tree(root: Path, tree: str) -> None:
    (root / tree).write_text("no folder")


def _a_folder_as_a_file(root: Path, tree: str) -> None:
    (root / tree / "parcel" / "weights.bin" / "x").mkdir(parents=True)


@contextmanager
def stopped_now_and_then(stage: Stage) -> Iterator[None]:
    """Stop the function's processes half of the time, as on a machine that has no time for them."""
    over = threading.Event()

    def stop_and_go() -> None:
        while not over.is_set():
            for pid in _processes_on(stage.disk):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(0.05)
                    os.kill(pid, signal.SIGCONT)
            over.wait(0.05)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    yield
    over.set()
    thread.join()


def _processes_on(disk: Path) -> list[int]:
    """Return the processes whose environment names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and str(disk).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def machine_faults() -> Iterator[Fault]:
    """Yield them all."""
    yield from _disks()
    for name, put, error in (
        ("another release", _another_release, ""),
        ("a journal without a tree", _a_journal_that_lies, ""),
        ("a journal of dirt", _a_journal_of_dirt, ""),
        ("a journal and an empty tree", _a_journal_of_an_empty_tree, ""),
        ("half a file", _half_a_file, ""),
        ("a link in place of a file", _a_link_as_a_file, ""),
        ("a link out of the tree", _a_link_out, "is a link .*: remove"),
        ("a file in place of the tree", _a_file_as_the_tree, _DISK),
        ("a folder in place of a file", _a_folder_as_a_file, _DISK + "Is a directory"),
    ):
        yield Fault(f"left behind: {name}", "machine", left(put), error, on_disk_mb=40)
    yield Fault("stopped now and then", "machine", stopped_now_and_then, on_disk_mb=40)
    yield Fault(
        "too little memory", "machine", do="take_memory", memory_mb=256,
        error="^error: Runtime.(OutOfMemory|ExitError): .*signal: killed",
    )  # fmt: skip
    yield Fault(
        "no descriptors left", "machine", do="take_descriptors", at="touch",
        error="^error: .*Too many open files",
    )  # fmt: skip
    yield Fault("no threads left", "machine", do="take_threads", at="touch")
    yield Fault(
        "files may not be long", "machine", do="shorten_files", at="touch",
        error=_DISK + "File too large",
    )  # fmt: skip


def _disks() -> Iterator[Fault]:
    full = _DISK + "No space left on device"
    yield Fault(
        "/tmp full before", "machine", full_before,
        r"take \d+ bytes in \S+ and \d+ are free: raise ephemeral_storage_mb by \d+", on_disk_mb=40,
    )  # fmt: skip
    yield Fault(
        "/tmp full meanwhile",
        "machine",
        full_meanwhile,
        f"{full}|and \\d+ are free",
        placement="remote",
        on_disk_mb=40,
    )
    yield Fault(
        "/tmp full afterwards", "machine", do="fill_tmp", at="touch", error=full, on_disk_mb=40
    )
    yield Fault(
        "/tmp full, and nothing is missing", "machine", do="fill_tmp", at="touch", look="hot",
        on_disk_mb=40,
    )  # fmt: skip
    for at in ("init", "touch"):
        yield Fault(
            f"/tmp read-only at {at}", "machine", read_only, _DISK + "Read-only file system",
            at=at, on_disk_mb=40,
        )  # fmt: skip
