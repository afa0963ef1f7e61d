"""The starter: finds and loads what it knows as Python would, and leaves no trace of its tricks."""

import json
import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotpack.pack.entries import Entry
from hotpack.pack.starter import write_start
from hotpack.project import Config, Trick
from hotpack.project.config import TRICKS
from hotpack.target import RUNTIMES, Target
from hotpack.target.runtimes import host_architecture, host_runtime

TARGET = Target(RUNTIMES[host_runtime()], host_architecture() or "x86_64")
SUFFIX = TARGET.module_suffixes[0]
ROOM = 10_000_000

SOURCES = {
    "single.py": "VALUE = 'single'\n",
    "package/__init__.py": "VALUE = 'package'\n",
    "package/inner.py": "import gc\nTHRESHOLD = gc.get_threshold()\nVALUE = 'inner'\n",
    "package/cold.py": "VALUE = 'cold'\n",
    "both/__init__.py": "VALUE = 'the package wins'\n",
    "both.py": "VALUE = 'the module'\n",
    "space/below.py": "VALUE = 'in a namespace package'\n",
}
HOT = ("single.py", "package/__init__.py", "package/inner.py", "both/__init__.py", "space/below.py")

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(1, sys.argv[2])
from hotpack_runtime.starter import Start
start = Start.read(sys.argv[1] + "/hotpack_runtime")
def load():
    exec(sys.argv[3], globals())
start.run(load)
exec(sys.argv[4])
"""

Function = Callable[..., Path]


@pytest.fixture
def function(tmp_path: Path) -> Function:
    """Make a function's folder as a build does."""

    def make(
        hot: tuple[str, ...] = HOT,
        own: frozenset[str] = frozenset(),
        room: int = ROOM,
        tricks: tuple[Trick, ...] = TRICKS,
    ) -> Path:
        root = tmp_path / "function"
        runtime = root / "hotpack_runtime"
        runtime.mkdir(parents=True)
        for path, text in SOURCES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(root / path), dfile=path, invalidation_mode=mode, doraise=True)
        entries = [
            Entry.of_path(path.relative_to(root).as_posix(), path)
            for path in sorted(root.rglob("*"))
            if path.is_file()
        ]
        paths = [bytecode(path) if path.endswith(".py") else path for path in hot]
        config = Config(handler="app.handler", target=TARGET, starter=tricks)
        write_start(runtime, config, paths, entries, own, room)
        return root

    return make


def bytecode(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}__pycache__/{name[:-3]}.{TARGET.runtime.cache_tag}.pyc"


def run(function: Path, load: str, then: str = "") -> str:
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, function, source, load, then],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def start_of(function: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((function / "hotpack_runtime/start.json").read_text())
    return document


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("single", "single"),
        ("package", "package"),
        ("package.inner", "inner"),
        ("package.cold", "cold"),
        ("both", "the package wins"),
        ("space.below", "in a namespace package"),
    ],
)
def test_every_module_is_found(function: Function, name: str, value: str) -> None:
    """What is known and what is not is found, with the attributes that a full install gives it."""
    folder = function()
    shown = (
        f"import {name}, sys; m = sys.modules[{name!r}];"
        "print(m.VALUE, m.__file__, m.__cached__, getattr(m, '__path__', None), sep='|')"
    )
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {shown}"
    plain = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert run(folder, shown) == plain
    assert plain.startswith(value)


def test_specs_can_be_pickled(function: Function) -> None:
    """What says where a module is can go to another process, as a full install's can."""
    shown = "import package, pickle; print(pickle.loads(pickle.dumps(package.__spec__)).origin)"
    folder = function()
    assert run(folder, shown) == f"{folder}/package/__init__.py\n"


def test_a_path_that_ends_with_a_slash(function: Function) -> None:
    """Files have the names that they have without it."""
    folder = function()
    shown = "sys.path[0] += '/'; import single, package; print(single.__file__, package.__path__)"
    assert run(folder, shown) == f"{folder}/single.py ['{folder}/package']\n"


def test_bytecode_comes_from_one_file(function: Function) -> None:
    """A known module is read from the gathered bytecode: its own file is not opened."""
    folder = function()
    for path in HOT:
        (folder / bytecode(path)).unlink()
        (folder / path).write_text("raise AssertionError('read')")
    assert run(folder, "import package.inner, both; print(package.inner.VALUE)") == "inner\n"


def test_a_traceback_has_the_source(function: Function) -> None:
    """The code of a known module names the file where it is."""
    folder = function()
    shown = "import package.inner as m, inspect; print(inspect.getsource(m), inspect.getfile(m))"
    text = f"{SOURCES['package/inner.py']} {folder}/package/inner.py\n"
    assert run(folder, shown) == text


@pytest.mark.parametrize("place", [0, 4], ids=["of another Python", "checked by date"])
def test_other_bytecode_is_not_taken(function: Function, place: int) -> None:
    """Of bytecode that may not be that of the source, the source is loaded instead."""
    folder = function(hot=("single.py",))
    path = folder / "hotpack_runtime/start.bytecode"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    content[16:] = b"nothing that could be loaded"
    path.write_bytes(content)
    assert run(folder, "import single; print(single.VALUE)") == "single\n"


def test_the_projects_own_files_win(function: Function) -> None:
    """What the project has under the same name is never shadowed by gathered bytecode."""
    own = {"single/__init__.py", "package/inner.py", bytecode("both/__init__.py")}
    folder = function(own=frozenset(own))
    modules = start_of(folder)["modules"]
    assert "single.py" not in modules[""]
    assert "package/__init__.py" in modules[""]
    assert "inner.py" not in modules.get("package", "")
    assert "both" not in modules[""]


def test_as_much_as_there_is_room_for(function: Function) -> None:
    """Without room for all bytecode the first modules are gathered; without any, none."""
    size = 1_000_000 + 200
    assert start_of(function(room=size))["modules"].keys() == {""}


def test_no_room_at_all(function: Function) -> None:
    """A start without gathered bytecode has no file of it."""
    folder = function(room=0)
    assert start_of(folder)["modules"] == {}
    assert not (folder / "hotpack_runtime/start.bytecode").exists()
    assert run(folder, "import single; print(single.VALUE)") == "single\n"


def test_the_collector_is_put_back(function: Function) -> None:
    """It pauses while the handler is imported, and is then as it was."""
    folder = function()
    shown = "import gc, package.inner; print(package.inner.THRESHOLD[0], gc.get_threshold()[0])"
    assert run(folder, "import package.inner", shown) == f"0 {_threshold()}\n"


def test_the_handlers_own_setting_stays(function: Function) -> None:
    """A handler that sets the collector's thresholds, or freezes what it made, has it so."""
    folder = function()
    shown = "import gc; print(gc.get_threshold()[0], gc.get_freeze_count() > 0)"
    assert run(folder, "import gc; gc.set_threshold(5)", shown) == "5 False\n"
    assert run(folder, "import gc; gc.freeze()", shown) == f"{_threshold()} True\n"


def _threshold() -> int:
    text = "import gc; print(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames were objects")
@pytest.mark.parametrize(("tricks", "fewer"), [(("stack",), True), ((), False)])
def test_frames_have_one_piece(function: Function, tricks: tuple[str, ...], fewer: bool) -> None:
    """Memory for frames is not mapped and unmapped again and again, wherever a call stands."""
    folder = function(tricks=tricks)
    load = """
import resource
def deep(n): return deep(n - 1) if n else faults()
def leaf(): return [None] * 0
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(1000): leaf()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(max(deep(n) for n in range(400)) < 500)
"""
    assert run(folder, load) == f"{fewer}\n"


def test_errors_pass_through(function: Function) -> None:
    """What the handler's import raises is raised, and the collector is back."""
    folder = function()
    load = """
def load():
    raise KeyError("mine")
try:
    start.run(load)
except KeyError as error:
    print(error)
"""
    assert run(folder, "pass", load) == "'mine'\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}'])
def test_a_damaged_start(function: Function, text: str) -> None:
    """A file that says nothing is told in one line, with the way out."""
    folder = function()
    (folder / "hotpack_runtime/start.json").write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, folder, Path(__file__).parents[2] / "src", "", ""],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is damaged" in done.stderr.splitlines()[-1]
    assert "build and deploy the function again" in done.stderr.splitlines()[-1]
