"""A trace of real wheels, and of one that reads its data in C."""

import json
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.errors import HotpackError, SandboxError
from hotpack.install import Kind
from hotpack.pipeline import Tools, prepare
from hotpack.profile import PROFILE_NAME, Profile, Touch, read_profile
from hotpack.project import Project
from hotpack.trace import Recorder, check_machine, choose, keep, trace

from .conftest import MakeProject

READER = """\
import ctypes, os
here = os.path.dirname(__file__)
libc = ctypes.CDLL(None)
libc.fopen.restype = libc.dlopen.restype = ctypes.c_void_p

def read(name):
    assert libc.fopen(f"{here}/{name}".encode(), b"r")

def load(name):
    return bool(libc.dlopen(f"{here}/{name}".encode(), os.RTLD_LAZY))

read("read_in_c.txt")
os.path.exists(f"{here}/only_asked.txt")
os.listdir(f"{here}/listed")
"""

HANDLER = """\
import numpy, reader

def handler(event, context):
    open(f"{reader.here}/{event['name']}.txt").close()
    if "fail" in event:
        raise ValueError(event["fail"])
    return [float(numpy.ones(2).sum()), reader.load("plugin.so")]
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Makes the wheel `reader`, with data and a library that nothing needs."""
    files = {
        "reader/__init__.py": READER.encode(),
        **{
            f"reader/{name}": b"x"
            for name in (
                "read_in_c.txt",
                "only_asked.txt",
                "listed/a.txt",
                "one.txt",
                "two.txt",
                "never.txt",
            )
        },
        "reader/plugin.so": a_library().read_bytes(),
        "reader-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: reader\nVersion: 1.0\n",
        "reader-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, "reader-1.0.dist-info/RECORD"])
    path = tmp_path / "reader-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, "reader-1.0.dist-info/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    return path


def a_library() -> Path:
    """Return any library that loads into this Python: one of its own."""
    folder = Path(sysconfig.get_config_var("DESTSHARED"))
    found = sorted(folder.glob("_bisect*.so")) or sorted(folder.glob("*.so"))
    if not found:
        pytest.skip("this Python has no library of its own to copy")
    return found[0]


@pytest.fixture
def project(make_project: MakeProject, wheel: Path) -> Project:
    return make_project(HANDLER, dependencies=("numpy==2.2.6", str(wheel)))


EVENTS = [("one.json", b'{"name": "one"}'), ("two.json", b'{"name": "two"}')]

Trace = Callable[..., tuple[Profile, dict[str, Touch]]]


@pytest.fixture
def traced(project: Project, tools: Tools) -> Trace:
    def run(recorder: Recorder) -> tuple[Profile, dict[str, Touch]]:
        profile = trace(prepare(project, tools), EVENTS, recorder, tools)
        return profile, {touch.path: touch for touch in profile.touches}

    return run


def test_a_profile_of_python_and_c(
    traced: Trace, project: Project, tools: Tools, strace: Recorder
) -> None:
    """C code's reads and loads are native, what is only asked about or listed is there too, and
    a library that the loader brings is mapped, at Python's word."""
    profile, touches = traced(strace)
    assert touches["reader/read_in_c.txt"] == Touch("reader/read_in_c.txt", ("opened",), True)
    assert touches["reader/plugin.so"] == Touch("reader/plugin.so", ("mapped", "opened"), True)
    assert touches["reader/only_asked.txt"] == Touch("reader/only_asked.txt", ("statted",))
    assert touches["reader/listed"] == Touch("reader/listed", ("listed",))
    assert touches["reader/one.txt"] == Touch("reader/one.txt", ("opened",))
    assert not touches.keys() & {"reader/never.txt", "reader/listed/a.txt", "app.py"}
    blas = [touch for path, touch in touches.items() if path.startswith("numpy.libs/")]
    assert blas
    assert not any(touch.native for touch in blas)
    assert {touch.ways for touch in blas} == {("mapped", "opened")}
    tree = prepare(project, tools).slimmed
    bytecode = {file.path for file in tree.files if file.kind is Kind.BYTECODE}
    assert any("opened" in touch.ways for path, touch in touches.items() if path in bytecode)
    order = list(touches)
    assert order.index("reader/read_in_c.txt") < order.index("reader/one.txt")
    assert order.index("reader/one.txt") < order.index("reader/two.txt")
    assert profile.events == ("one.json", "two.json")
    assert profile.stale({item.name: item.version for item in tree.distributions}) == ()


def test_python_alone(traced: Trace) -> None:
    """Misses what C code does by itself, and nothing else: libraries that are needed are known."""
    recorder, _ = choose("python")
    profile, touches = traced(recorder)
    assert profile.recorder == "python"
    assert not touches.keys() & {"reader/read_in_c.txt", "reader/plugin.so"}
    assert touches["reader/only_asked.txt"].ways == ("statted",)
    assert any(path.startswith("numpy.libs/libscipy_openblas") for path in touches)


def test_times_and_memory(traced: Trace) -> None:
    """Init, peak memory, and every module of the tree with its own time, the stdlib's without."""
    profile, _ = traced(choose("python")[0])
    assert profile.init_ms > 0
    assert profile.peak_memory_mb > 10
    modules = [module.name for module in profile.modules]
    assert modules.index("numpy._core.multiarray") < modules.index("numpy")
    assert "reader" in modules
    assert not {"ctypes", "app", "awslambdaric.bootstrap"} & set(modules)


def test_both_recorders_agree_on_python(traced: Trace, strace: Recorder) -> None:
    """Whatever strace sees and Python alone does not, is native."""
    _, seen = traced(strace)
    _, said = traced(choose("python")[0])
    missed = {path for path in seen if path not in said}
    assert missed == {path for path, touch in seen.items() if touch.native}
    assert not said.keys() - seen.keys()


def test_again_is_the_same_but_for_times(traced: Trace, project: Project) -> None:
    """The file keeps its order and its content; what it says it is in no machine's words."""
    recorder, _ = choose("auto")
    texts = []
    for _ in range(2):
        profile, _ = traced(recorder)
        assert keep(profile, project.root) == project.root / PROFILE_NAME
        kept = read_profile(project.root)
        assert kept is not None
        modules = tuple(replace(module, self_ms=0.0) for module in kept.modules)
        texts.append(replace(kept, init_ms=0.0, peak_memory_mb=0, modules=modules).to_json())
    assert texts[0] == texts[1]
    assert str(project.root) not in texts[0]
    assert "/var/" not in texts[0]
    assert json.loads(texts[0])["format"] == 2


def test_a_failing_event_is_named(project: Project, tools: Tools) -> None:
    """With the handler's error, and nothing is written."""
    events = [*EVENTS, ("bad.json", b'{"name": "one", "fail": "no such luck"}')]
    with pytest.raises(HotpackError, match=r"the event bad\.json failed.*ValueError: no such luck"):
        trace(prepare(project, tools), events, choose("auto")[0], tools)
    assert read_profile(project.root) is None


def test_a_failing_cold_start_is_no_events_fault(make_project: MakeProject, tools: Tools) -> None:
    """What fails before any event is said to."""
    project = make_project("import yaml, missing\ndef handler(e, c): ...")
    with pytest.raises(HotpackError, match=r"the cold start failed.*No module named 'missing'"):
        trace(prepare(project, tools), EVENTS, choose("auto")[0], tools)


def test_another_machines_function_is_refused(make_project: MakeProject, tools: Tools) -> None:
    """At once, with what to do."""
    project = make_project()
    other = "arm64" if project.config.target.architecture == "x86_64" else "x86_64"
    project = make_project(table=f'architecture = "{other}"')
    with pytest.raises(SandboxError, match=f"is built for {other}") as caught:
        check_machine(project, tools)
    assert "commit hotpack.profile.json" in (caught.value.hint or "")


@pytest.fixture
def strace() -> Recorder:
    try:
        recorder, _ = choose("strace")
    except SandboxError as error:
        pytest.skip(f"{error.message}; {error.hint}")
    return recorder
