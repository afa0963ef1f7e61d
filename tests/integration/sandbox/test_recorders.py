"""Each recorder in each isolation: what it sees of what a function does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hotpack.audit import Libraries
from hotpack.errors import SandboxError
from hotpack.profile import Touch
from hotpack.sandbox import LocalLambda, Machine, Settings
from hotpack.trace import Recorder, choose

SOURCE = """
import ctypes, os, subprocess, sys, threading
here = os.environ["LAMBDA_TASK_ROOT"] + "/d"
libc = ctypes.CDLL(None)
libc.fopen.restype = libc.opendir.restype = ctypes.c_void_p

def fopen(name):
    assert libc.fopen(f"{here}/{name}".encode(), b"r")

import d.module
open(f"{here}/opened.txt").close()
os.path.exists(f"{here}/statted.txt")
os.access(f"{here}/accessed.txt", os.R_OK)
os.listdir(f"{here}/listed")
fopen("by_c.txt")
libc.readdir(ctypes.c_void_p(libc.opendir(f"{here}/listed_by_c".encode())))
libc.realpath(f"{here}/asked_by_c.txt".encode(), ctypes.create_string_buffer(4096))
subprocess.run([f"{here}/program"], check=True)
os.chdir(here)
open("rel\\xe4tive.txt").close()
folder = os.open(here, os.O_RDONLY)
os.stat("listed/one.txt", dir_fd=folder)
assert os.stat in os.supports_dir_fd
thread = threading.Thread(target=lambda: open(f"{here}/by_thread.txt").close())
thread.start(); thread.join()
pid = os.fork()
if not pid:
    open(f"{here}/by_fork.txt").close()
    os._exit(0)
os.waitpid(pid, 0)
try: open(f"{here}/missing.txt")
except OSError: pass

def handler(event, context):
    open(f"{here}/{event}.txt").close()
    return sys.argv[0].rpartition("/")[2], __name__
"""

FILES = (
    *("module.py", "opened.txt", "statted.txt", "accessed.txt", "listed/one.txt", "by_c.txt"),
    *("listed_by_c/two.txt", "asked_by_c.txt", "program", "relätive.txt", "by_thread.txt"),
    *("by_fork.txt", "event.txt", "second.txt", "untouched.txt"),
)


@dataclass(frozen=True)
class Recorded:
    touches: dict[str, Touch]
    answers: list[Any]


Record = Callable[[Recorder], Recorded]


@pytest.fixture
def record(
    start_with: Callable[..., LocalLambda],
    machine: Machine,
    tmp_path: Path,
    answer: Callable[..., Any],
) -> Record:
    """Runs the function under a recorder, with two events."""

    def run(recorder: Recorder) -> Recorded:
        tree = tmp_path / "code" / "d"
        for name in FILES:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text("")
        (tree / "program").write_text("#!/bin/sh\nread line < ${0%/*}/by_c.txt; exit 0\n")
        (tree / "program").chmod(0o755)
        folder = tmp_path / "recording"
        folder.mkdir()
        settings = Settings(escort=recorder.escort(folder))
        local = start_with(machine, SOURCE, settings=settings)
        answers = [answer(local.invoke(event)) for event in (b'"event"', b'"second"')]
        paths = frozenset(f"d/{name}" for name in FILES)
        found = recorder.read(folder, paths, Libraries({}))
        return Recorded({touch.path: touch for touch in found}, answers)

    return run


def python(path: str, *ways: Any) -> Touch:
    return Touch(f"d/{path}", tuple(ways))


def native(path: str, *ways: Any) -> Touch:
    return Touch(f"d/{path}", tuple(ways), native=True)


PYTHONS = [
    python("module.py", "opened"),
    python("opened.txt", "opened"),
    python("statted.txt", "statted"),
    python("accessed.txt", "accessed"),
    python("listed", "listed"),
    python("relätive.txt", "opened"),
    python("listed/one.txt", "statted"),
    python("by_thread.txt", "opened"),
    python("by_fork.txt", "opened"),
    python("event.txt", "opened"),
    python("second.txt", "opened"),
]
CS = [
    native("by_c.txt", "opened"),
    native("listed_by_c", "listed"),
    native("asked_by_c.txt", "statted"),
]


def test_strace_sees_all_and_whose_it_is(record: Record) -> None:
    """What Python does is announced; what C code does by itself, also in a program, is native."""
    recorded = record(strace_or_skip())
    assert recorded.answers == [["bootstrap.py", "app"]] * 2
    for touch in (*PYTHONS, *CS):
        assert recorded.touches.get(touch.path) == touch
    assert {"executed"} <= set(recorded.touches["d/program"].ways)
    assert not recorded.touches.keys() & {"d/untouched.txt", "d/missing.txt", "app.py"}
    order = [path for path in recorded.touches if path.endswith(".txt")]
    assert order[:3] == ["d/opened.txt", "d/statted.txt", "d/accessed.txt"]
    assert order[-2:] == ["d/event.txt", "d/second.txt"]


def test_python_alone_sees_its_own(record: Record) -> None:
    """The same of what Python does, and nothing of what C code does by itself."""
    recorder, _ = choose("python")
    recorded = record(recorder)
    assert recorded.answers == [["bootstrap.py", "app"]] * 2
    for touch in PYTHONS:
        assert recorded.touches.get(touch.path) == touch
    assert "executed" in recorded.touches["d/program"].ways
    assert not recorded.touches.keys() & {touch.path for touch in CS}
    assert not any(touch.native for touch in recorded.touches.values())


def strace_or_skip() -> Recorder:
    try:
        recorder, _ = choose("strace")
    except SandboxError as error:
        pytest.skip(f"{error.message}; {error.hint}")
    return recorder
