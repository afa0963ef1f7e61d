"""What is cold comes when it is touched; what C reaches unseen is there before, or init runs again.

The wheel's package opens files in C, where nobody sees it.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hotpack import local
from hotpack.pack import Release
from hotpack.pipeline import Tools, build
from hotpack.project import load_project
from hotpack.sandbox import LocalLambda

from .conftest import MakeProject

FILES = {
    "inc/__init__.py": """\
import ctypes, os

here = os.path.dirname(__file__)
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p

def is_there_for_c(name):
    return bool(libc.fopen(f"{here}/{name}".encode(), b"r"))
""",
    "inc/model.bin": "weights",
    "inc/api.h": "int x;",
    "inc/unused.py": "VALUE = 3\n",
}

ASKS = """\
import importlib, subprocess, sys, time
import inc

def handler(event, context):
    cold = {name: inc.is_there_for_c(name) for name in ("model.bin", "api.h", "unused.py")}
    if "import" in event:
        importlib.import_module("inc.unused")
    if "run" in event:
        subprocess.run([sys.executable, "-c", ""])
    time.sleep(event.get("sleep_s", 0))
    after = {name: inc.is_there_for_c(name) for name in ("model.bin", "api.h", "unused.py")}
    return [cold, after, open(inc.here + "/api.h").read() if "open" in event else None]
"""

NEEDS_IT_AT_IMPORT = """\
import inc, os

if not inc.is_there_for_c("api.h"):
    raise RuntimeError("there is no api.h")

def handler(event, context):
    return [os.environ.get("HOTPACK_SECOND_TRY"), inc.is_there_for_c("unused.py")]
"""


COLLECTS = """\
import gc
import inc

nodes = [[] for _ in range(20000)]
looked_through = []

def note(phase, info):
    if phase == "start":
        looked_through.append(len(gc.get_objects(generation=0)))

gc.callbacks.append(note)
%s

def handler(event, context):
    frozen = gc.get_freeze_count() > 0
    gc.collect(0)
    return [list(gc.get_threshold()), frozen, max(looked_through) < len(nodes)]
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    info = "inc-1.0.dist-info"
    files = {
        **FILES,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: inc\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    path = tmp_path / "inc-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def running(make_project: MakeProject, tools: Tools, wheel: Path) -> Callable[..., Any]:
    @contextmanager
    def run(handler: str, table: str = "", on_log: Any = None) -> Iterator[LocalLambda]:
        project = make_project(handler, dependencies=(str(wheel),), table=table)
        placed = load_project(project.root, {"place": {"*": "bundled"}})
        release: Release = build(placed, tools).release
        function = local.function_of(release, "f")
        with local.run(function, tools, release=release, on_log=on_log) as found:
            yield found.function

    return run


def test_what_only_python_reaches_waits(running: Callable[..., Any]) -> None:
    """Data is there before the handler runs; a header comes when it is opened."""
    with running(ASKS) as function:
        before, after, text = json.loads(function.invoke(b'{"import": 1, "open": 1}').payload)
    assert before == {"model.bin": True, "api.h": False, "unused.py": False}
    assert after == before  # the import wrote no file
    assert text == "int x;"


def test_another_program_finds_all(running: Callable[..., Any]) -> None:
    """Before another program starts, all files are there."""
    with running(ASKS) as function:
        _, after, _ = json.loads(function.invoke(b'{"run": 1}').payload)
    assert after == {"model.bin": True, "api.h": True, "unused.py": True}


def test_eager(running: Callable[..., Any]) -> None:
    """With `cold = "eager"` all files are there before the handler is imported."""
    with running(NEEDS_IT_AT_IMPORT, 'cold = "eager"') as function:
        assert json.loads(function.invoke(b"{}").payload) == [None, True]


def test_background(running: Callable[..., Any]) -> None:
    """With `cold = "background"` they come by themselves, behind what init waits for."""
    with running(ASKS, 'cold = "background"') as function:
        for _ in range(100):  # the handler touches nothing
            _, after, _ = json.loads(function.invoke(b'{"sleep_s": 0.05}').payload)
            if all(after.values()):
                break
        assert all(after.values())


def test_an_init_that_missed_a_file_runs_again(running: Callable[..., Any]) -> None:
    """Init that fails with an incomplete tree is run once more with all of it, and says why."""
    log: list[str] = []
    with running(NEEDS_IT_AT_IMPORT, on_log=log.append) as function:
        invocation = function.invoke(b"{}")
    assert json.loads(invocation.payload) == [None, True]
    (line,) = [line for line in log if line.startswith("hotpack:")]
    assert "RuntimeError('there is no api.h')" in line
    assert "files were not restored" in line
    assert "hotpack trace" in line


def test_an_init_that_fails_anyway_fails(running: Callable[..., Any]) -> None:
    """With all files there the error is the handler's own, in Lambda's words."""
    with running("import inc\nraise ValueError('mine')\ndef handler(): ...") as function:
        invocation = function.invoke(b"{}")
    assert invocation.status == "error"
    assert json.loads(invocation.payload)["errorMessage"] == "mine"


@pytest.mark.parametrize("table", ["", 'environment = { HOTPACK_TRACE = "1" }'])
def test_spans(running: Callable[..., Any], table: str) -> None:
    """With HOTPACK_TRACE=1 the log has one line of what init did when; without, none."""
    log: list[str] = []
    with running(ASKS, table, on_log=log.append) as function:
        function.invoke(b"{}")
    lines = [line for event in log for line in event.splitlines() if "hotpack_trace" in line]
    spans = [span for line in lines for span in json.loads(line)["hotpack_trace"]["spans"]]
    assert len(lines) == bool(table)
    assert ("import" in {span["name"] for span in spans}) == bool(table)
    assert all(0 <= span["start_ms"] < span["end_ms"] for span in spans)


@pytest.mark.parametrize(
    ("at_import", "threshold", "frozen"),
    [("", [700, 10, 10], False), ("gc.freeze()", [700, 10, 10], True),
     ("gc.set_threshold(5000, 3, 2)", [5000, 3, 2], False)],
)  # fmt: skip
def test_collections(
    running: Callable[..., Any], at_import: str, threshold: list[int], *, frozen: bool
) -> None:
    """Collections are as the handler wants them, and none looks through all that was imported."""
    with running(COLLECTS % at_import) as function:
        thresholds, is_frozen, is_old = json.loads(function.invoke(b"{}").payload)
    assert (thresholds[:2], is_frozen) == (threshold[:2], frozen)
    assert is_old or at_import.startswith("gc.set_threshold")
