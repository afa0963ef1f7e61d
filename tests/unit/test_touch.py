"""What is touched of a tree that is not there yet is restored first, and looks as if it always was.

Each test runs a program in a process of its own, where the runtime watches a tree of which nothing
has been restored: an audit hook cannot be taken away again.
"""

import contextlib
import importlib.util
import json
import marshal
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from .packing import Contents, change, make_packs

PACKAGE = '''\
"""A package."""

import os

WHERE = os.path.dirname(__file__)


def shout(text):
    return text.upper()


def fail():
    raise ValueError("on line 13")
'''

FILES: dict[str, bytes] = {
    "alone.py": b"VALUE = 1\n",
    "data/only.txt": b"data",
    "namespace/part/__init__.py": b"PART = 'one'\n",
    "package/__init__.py": PACKAGE.encode(),
    "package/data.txt": b"a text",
    "package/deep/er/file.txt": b"deep",
    "package/sub/__init__.py": b"from package.sub.leaf import LEAF\n",
    "package/sub/leaf.py": b"LEAF = 'green'\n",
    "package/tool": b"#!/bin/sh\necho tool\n",
    "package-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: package\nVersion: 1.0\n",
    "package-1.0.dist-info/RECORD": b"package/__init__.py,,\n",
}

HARNESS = """
import json, os, sys, threading
sys.path[:0] = {paths!r}
import conftest
from hotpack_runtime import hooks
from hotpack_runtime.importer import path_hook
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.folder import OwnPath
from hotpack_runtime.restorer import Restorer
from hotpack_runtime.tree import Tree

folder = {folder!r}
root = folder + "/tmp/0123456789abcdef"
manifest = Manifest.read(folder + "/manifest.json")
restorer = Restorer(manifest, root, folder + "/packs", None)
tree = Tree(manifest, restorer, root)
sys.path_hooks.insert(0, path_hook(tree, restorer))
hooks.install(tree, restorer)
sys.path.insert(0, root)

def there(below=""):
    found = []
    for entry in os.scandir(OwnPath(os.path.join(root, below))):  # which is not watched
        path = os.path.join(below, entry.name)
        found += there(path) if entry.is_dir() else [path]
    return sorted(found)

def say(*values):
    print(json.dumps(values))

{program}
"""


def with_bytecode(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files with bytecode as a build makes it: valid whatever the source's date is."""
    compiled = {}
    for path, source in files.items():
        if path.endswith(".py"):
            code = compile(source, path, "exec", dont_inherit=True)
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
            cached = importlib.util.cache_from_source(path)
            compiled[cached] = header + marshal.dumps(code)
    return {**files, **compiled}


class Program:
    """Runs programs against a tree of which nothing is there."""

    def __init__(
        self,
        folder: Path,
        contents: Contents,
        needs: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self._folder = folder
        make_packs(folder, contents, needs)

    def run(self, program: str) -> list[object]:
        """Return what the program said, one value for each call of `say`, or its arguments."""
        tests = Path(__file__).parents[1]
        text = HARNESS.format(
            paths=[str(tests), str(tests.parent / "src")],
            folder=str(self._folder),
            program=program,
        )
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        said = [json.loads(line) for line in done.stdout.splitlines()]
        return [values[0] if len(values) == 1 else values for values in said]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path, {"package": with_bytecode(FILES)})


def test_imports_write_no_file(program: Program) -> None:
    """Modules are imported from bytecode in memory: no file of them is written."""
    said = program.run("""
import package.sub, alone, namespace.part
say(package.sub.LEAF, alone.VALUE, namespace.part.PART, package.shout("a"))
say(there())
""")
    assert said == [["green", 1, "one", "A"], []]


def test_modules_look_as_they_do_from_files(program: Program) -> None:
    """`__file__`, `__spec__`, `__cached__`, `__path__` and the loader are those of a file."""
    said = program.run("""
import importlib.machinery, importlib.util, package, namespace
spec = package.__spec__
say(package.__file__ == root + "/package/__init__.py", spec.origin == package.__file__)
say(spec.cached == importlib.util.cache_from_source(package.__file__))
say(list(package.__path__) == [root + "/package"])
say(list(namespace.__path__) == [root + "/namespace"])
say(isinstance(spec.loader, importlib.machinery.SourceFileLoader), spec.has_location)
say(package.shout.__code__.co_filename == package.__file__, getattr(namespace, "__file__", None))
""")
    assert said == [[True, True], True, True, True, [True, True], [True, None]]


def test_sources_come_when_they_are_asked_for(program: Program) -> None:
    """`inspect.getsource`, tracebacks, `get_data` and `get_source` show the source."""
    said = program.run("""
import inspect, traceback, package
say(inspect.getsource(package.shout))
try:
    package.fail()
except ValueError:
    say("raise ValueError" in traceback.format_exc())
say(package.__loader__.get_source("package") == open(package.__file__).read())
say(package.__loader__.get_data(package.WHERE + "/data.txt").decode())
""")
    assert said == ["def shout(text):\n    return text.upper()\n", True, True, "a text"]


def test_a_missing_module_is_missing(program: Program) -> None:
    """What is in no folder is not found, and nothing is restored to find that out."""
    said = program.run("""
for name in ("package.none", "none", "namespace.none", "data.only", "package.data"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        say(error.name)
say(there())
""")
    assert said == ["package.none", "none", "namespace.none", "data.only", "package.data", []]


def test_metadata_and_resources(program: Program) -> None:
    """`importlib.metadata` and `importlib.resources` find what they would in a full install."""
    said = program.run("""
import importlib.metadata, importlib.resources, package
say(importlib.metadata.version("package"), [str(f) for f in importlib.metadata.files("package")])
files = importlib.resources.files("package")
say(sorted(p.name for p in files.iterdir() if p.name != "__pycache__"))
say((files / "data.txt").read_text())
say((files / "deep" / "er" / "file.txt").is_file(), (files / "deep").is_dir())
""")
    assert said == [
        ["1.0", ["package/__init__.py"]],
        ["__init__.py", "data.txt", "deep", "sub", "tool"],
        "a text",
        [True, True],
    ]


def test_walking_packages(program: Program) -> None:
    """`pkgutil` lists modules and packages as it does for files."""
    said = program.run("""
import pkgutil, package
say([[m.name, m.ispkg] for m in pkgutil.walk_packages([root])])
say([m.name for m in pkgutil.iter_modules(package.__path__, "package.")])
""")
    assert said == [
        [
            *(["alone", False], ["package", True], ["package.sub", True]),
            ["package.sub.leaf", False],
        ],
        ["package.sub"],
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("open(root + '/package/data.txt').read()", "a text"),
        ("os.stat(root + '/package/data.txt').st_size", 6),
        ("os.lstat(root + '/package/data.txt').st_size", 6),
        ("os.stat((root + '/package/data.txt').encode()).st_size", 6),
        ("os.access(root + '/package/tool', os.X_OK)", True),
        ("os.access(root + '/package/data.txt', os.X_OK)", False),
        ("os.path.exists(root + '/package/none.txt')", False),
        ("os.path.isdir(root + '/package/deep/er')", True),
        ("os.path.getsize(root + '/package/../package//./data.txt')", 6),
        ("os.path.getsize(root + '/package/deep/er/../../data.txt')", 6),
        ("sorted(os.listdir(root + '/package/deep'))", ["er"]),
        ("sorted(e.name for e in os.scandir(root + '/data'))", ["only.txt"]),
        ("sorted(os.path.basename(p) for p in __import__('glob').glob(root + '/*/*.txt'))",
         ["data.txt", "only.txt"]),
        ("str(__import__('pathlib').Path(root, 'data').resolve().name)", "data"),
        ("__import__('pathlib').Path(root, 'package', 'data.txt').read_text()", "a text"),
        ("os.path.realpath(root + '/data/only.txt').endswith('only.txt')", True),
        ("os.stat('only.txt', dir_fd=os.open(root + '/data', os.O_RDONLY)).st_size", 4),
        ("os.open('only.txt', os.O_RDONLY, dir_fd=os.open(root + '/data', os.O_RDONLY)) > 0", True),
        ("sorted(os.listdir(os.open(root + '/data', os.O_RDONLY)))", ["only.txt"]),
        ("(os.chdir(root + '/package'), open('data.txt').read(), os.path.exists('tool'))[1:]",
         ["a text", True]),
        ("(os.chdir(root), sorted(os.listdir()))[1][:2]", ["__pycache__", "alone.py"]),
        ("(os.chdir(root), os.chdir('package'), os.listdir('deep'))[2]", ["er"]),
        ("(os.symlink(root + '/data', root + '-link'), open(root + '-link/only.txt').read())[1]",
         "data"),
        ("(os.link(root + '/data/only.txt', root + '-hard'), open(root + '-hard').read())[1]",
         "data"),
        ("(os.link(root + '/data/only.txt', root + '-hard'), restorer.is_complete)[1]", False),
        ("(os.symlink(root + '/data/only.txt', root + '-s'), open(root + '-s').read(), "  # noqa: ISC004
         "restorer.is_complete)[1:]", ["data", False]),
        ("os.stat in os.supports_dir_fd and os.stat in os.supports_follow_symlinks", True),
        ("(__import__('shutil').copytree(root + '/package/deep', root + '-copy'), "  # noqa: ISC004
         "open(root + '-copy/er/file.txt').read())[1]", "deep"),
        ("(sys.path.insert(0, root + '/'), __import__('alone').__file__ == root + '/alone.py')[1]",
         True),
        ("__import__('pickle').loads(__import__('pickle').dumps(__import__('package').__spec__)).name",
         "package"),
        ("__import__('runpy').run_path(root + '/alone.py')['VALUE']", 1),
        ("__import__('runpy').run_module('alone')['VALUE']", 1),
        ("__import__('pickle').loads(__import__('pickle').dumps(__import__('package').shout))('x')",
         "X"),
        ("[len(list(os.walk(root))), sum(len(f) for _, _, f in os.walk(root))]", [13, 16]),
        ("sum(len(f) for _, _, f, _ in os.fwalk(root))", 16),
        ("open(os.path.relpath(root + '/package/data.txt')).read()", "a text"),
        ("(os.chdir(os.path.dirname(root)), open('0123456789abcdef/data/only.txt').read())[1]",
         "data"),
        ("type('Files', (), {'stat': os.stat})().stat(root + '/data/only.txt').st_size", 4),
        ("os.stat(root + '/data/only.txt', dir_fd=os.open('/', os.O_RDONLY)).st_size", 4),
        ("(os.unlink('only.txt', dir_fd=os.open(root + '/data', os.O_RDONLY)), "  # noqa: ISC004
         "os.path.exists(root + '/data/only.txt'))[1]", False),
        ("(os.symlink('0123456789abcdef/data', root + '-link'), "  # noqa: ISC004
         "open(root + '-link/only.txt').read())[1]", "data"),
        ("(os.symlink(folder + '/tmp', folder + '/link'), "  # noqa: ISC004
         "open(folder + '/link/0123456789abcdef/data/only.txt').read())[1]", "data"),
        ("(os.symlink('/', folder + '/link'), "  # noqa: ISC004
         "open(folder + '/link' + root + '/data/only.txt').read())[1]", "data"),
        ("(os.chdir(folder), os.symlink('.', 'link'), "  # noqa: ISC004
         "open('link/tmp/0123456789abcdef/data/only.txt').read())[2]", "data"),
        ("(os.rename(folder + '/tmp', folder + '/moved'), "  # noqa: ISC004
         "open(folder + '/moved/0123456789abcdef/data/only.txt').read())[1]", "data"),
        ("(os.symlink(folder + '/packs', folder + '/link'), restorer.is_complete)[1]", False),
        ("os.mkfifo(root + '/package/deep/fifo')", None),
        ("os.mknod(root + '/package/deep/node')", None),
        ("sys.audit('import', 'package')", None),
        ("(os.replace(root + '/data/only.txt', root + '/data/new.txt'), "  # noqa: ISC004
         "restorer.is_complete, "
         "open(root + '/data/new.txt').read())[1:]", [False, "data"]),
    ],
)  # fmt: skip
def test_touches(program: Program, expression: str, value: object) -> None:
    """Every way to look at a file finds it, though it was in a pack a moment ago."""
    assert program.run(f"say({expression})") == [value]


def test_a_touch_restores_its_group_alone(program: Program) -> None:
    """One touch does not restore everything: bytecode and sources are other groups."""
    said = program.run("""
os.stat(root + "/package/data.txt")
say(restorer.is_complete, any(path.endswith(".pyc") for path in there()))
""")
    assert said == [[False, False]]


def test_other_processes_find_everything(program: Program) -> None:
    """Before another program starts, all is there: nobody watches what it touches."""
    said = program.run("""
import subprocess
done = subprocess.run([sys.executable, "-c", "import package.sub; print(package.sub.LEAF)"],
                      env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)
say(done.stdout, restorer.is_complete, os.stat.__class__.__name__)
""")
    assert said == [["green\n", True, "builtin_function_or_method"]]


WORK = """\
def work(_):
    import package.sub
    return package.sub.LEAF
"""


def test_workers_of_multiprocessing_find_everything(program: Program, tmp_path: Path) -> None:
    """Started anew, a worker watches nothing: all is there for it."""
    (tmp_path / "work.py").write_text(WORK)
    said = program.run(f"""
import multiprocessing
sys.path.insert(0, {str(tmp_path)!r})
import work
with multiprocessing.get_context("spawn").Pool(1) as pool:
    say(pool.map(work.work, [0]), restorer.is_complete)
""")
    assert said == [[["green"], True]]


def test_a_harmless_program_needs_nothing(program: Program) -> None:
    """Asking for the system's name restores nothing, unless it is given a path of the tree."""
    said = program.run("""
import subprocess
subprocess.run(["uname", "-a"], capture_output=True)
say(there())
try:
    subprocess.run(["no-such-program", root])
except FileNotFoundError:
    say(there())
subprocess.run(["uname", root], capture_output=True)
say(restorer.is_complete)
""")
    assert said == [[], [], True]


@pytest.mark.parametrize(
    "call",
    [
        'subprocess.run(["./tool"], cwd=root + "/package")',
        'subprocess.run(["../package/tool"], cwd=root + "/data")',
        'subprocess.run(["tool"], env={"PATH": "/usr/bin:" + root + "/package"})',
        'subprocess.run(["tool"], cwd=root + "/package", env={"PATH": "/usr/bin:"})',
        'subprocess.run(["x"], executable="./tool", cwd=root + "/package")',
        'subprocess.run(["uname"], cwd=root)',
    ],
)
def test_a_program_in_the_tree_finds_everything(program: Program, call: str) -> None:
    """It is found as the child will look for it: in its folder, with its own PATH."""
    said = program.run(f"""
import subprocess
os.stat(root + "/package/tool")
say({call.replace("subprocess.run(", "subprocess.run(stdout=-3, args=")}.returncode)
say(restorer.is_complete)
""")
    assert said == [0, True]


def test_a_forked_child_goes_on(program: Program) -> None:
    """A child restores what it needs; what the parent's threads had begun is begun again."""
    said = program.run("""
restorer.start(len(manifest.groups))
read, write = os.pipe()
if os.fork() == 0:
    import package.sub
    os.write(write, json.dumps([package.sub.LEAF, open(root + "/data/only.txt").read()]).encode())
    os._exit(0)
say(json.loads(os.read(read, 1000)))
restorer.wait(len(manifest.groups))
say(os.path.getsize(root + "/data/only.txt"))
""")
    assert said == [["green", "data"], 4]


def test_threads_at_once(program: Program) -> None:
    """Threads that touch the same and other files at the same time all find them."""
    said = program.run("""
import threading
results = []
def look():
    for _ in range(5):
        results.append(sum(len(f) for _, _, f in os.walk(root)))
        import package.sub
threads = [threading.Thread(target=look) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
say(set(results) == {16}, len(results))
""")
    assert said == [[True, 40]]


def test_what_the_parent_changed_stays(program: Program) -> None:
    """A child restores nothing over what its parent restored and wrote since."""
    said = program.run("""
name = root + "/data/only.txt"
read, write = os.pipe()
child = os.fork()
if not child:
    os.read(read, 1)
    os.stat(name)
    os._exit(0)
open(name, "w").write("new")
os.write(write, b"x")
os.waitpid(child, 0)
say(open(name).read(), os.listdir(folder + "/tmp/partial"))
""")
    assert said == [["new", []]]


def test_a_child_that_closes_everything_and_starts_a_program(program: Program) -> None:
    """Programs that are started by hand, as pexpect does, close what they do not know."""
    said = program.run("""
pid = os.fork()
if pid == 0:
    os.closerange(3, 256)
    os.execv(sys.executable, [sys.executable, "-c", f"import os; os.stat({root!r} + '/alone.py')"])
say(os.waitpid(pid, 0)[1])
""")
    assert said == [0]


def test_a_library_comes_with_what_it_needs(tmp_path: Path) -> None:
    """Whoever touches a library finds those that a loader loads with it, and no others."""
    files = {f"lib/{name}.so": bytes([number]) * 1_100_000 for number, name in enumerate("abc")}
    program = Program(tmp_path, {"lib": files}, {"lib/a.so": ["lib/b.so"]})
    assert program.run("""
os.stat(root + "/lib/a.so")
say(there())
""") == [["lib/a.so", "lib/b.so"]]


def test_a_library_comes_without_what_is_not_there(tmp_path: Path) -> None:
    """A library that another one names and that is no file of the tree is left to the loader."""
    files = {"lib/a.so": b"a", "lib/b.so": b"b" * 1_100_000}
    program = Program(tmp_path, {"lib": files})
    needs = {"lib/a.so": ["lib/gone.so", "lib/b.so"]}
    change(tmp_path, lambda document: document.update(needs=needs))
    assert program.run("""
os.stat(root + "/lib/a.so")
say(there())
""") == [["lib/a.so", "lib/b.so"]]


def test_what_c_opens_for_python_is_there(tmp_path: Path) -> None:
    """Extension modules, ctypes and sqlite3 open their files in C, and tell it before."""
    extension = next(Path(sysconfig.get_config_var("DESTSHARED")).glob("_heapq.*.so"))
    database = tmp_path / "made.db"
    with contextlib.closing(sqlite3.connect(database)) as made:
        made.execute("create table words (word)")
        made.execute("insert into words values ('hot')")
        made.commit()
    suffix = extension.name.partition(".")[2]
    files = {
        f"{name}/_heapq.{suffix}": extension.read_bytes() + bytes([number])
        for number, name in enumerate(("imported", "loaded"))
    }
    program = Program(tmp_path, {"c": {**files, "data/words.db": database.read_bytes()}})
    assert program.run(f"""
import ctypes, importlib, sqlite3
sys.modules.pop("_heapq", None)
sys.path.insert(0, root + "/imported")
say(importlib.import_module("_heapq").__file__ == root + "/imported/_heapq.{suffix}")
say(hasattr(ctypes.CDLL(root + "/loaded/_heapq.{suffix}"), "PyInit__heapq"))
say(sqlite3.connect(root + "/data/words.db").execute("select word from words").fetchall())
say(sqlite3.connect(f"file:{{root}}/data/words.db?mode=ro", uri=True).total_changes)
""") == [True, True, [["hot"]], 0]


def test_an_import_off_the_way_brings_what_c_may_open(tmp_path: Path) -> None:
    """Who imports something cold finds the lukewarm files too, without asking for them."""
    files = with_bytecode({"cold_way.py": b"X = 1\n"})
    program = Program(tmp_path, {"way": {**files, "way/lukewarm.bin": b"data"}})
    assert program.run("""
import cold_way
say(there())
""") == [["way/lukewarm.bin"]]


def test_a_forked_child_does_what_a_thread_of_its_parent_had_begun(program: Program) -> None:
    """What was taken when the process was forked nobody goes on with in the child."""
    said = program.run("""
for unit in restorer.units:
    unit.state, unit.owner = 1, 12345  # as if a thread were at it that the child does not have
if os.fork() == 0:
    found = os.path.getsize(root + "/data/only.txt")
    os._exit(found if {unit.state for unit in restorer.units} == {0, 3} else 99)
say(os.waitstatus_to_exitcode(os.wait()[1]))
""")
    assert said == [4]


def test_a_subinterpreter_finds_everything(program: Program) -> None:
    """A subinterpreter has no hooks: all is there before it starts."""
    said = program.run("""
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
interpreters.destroy(interpreters.create())
say(restorer.is_complete)
""")
    assert said == [True]


def test_an_interrupted_touch_is_made_good(program: Program) -> None:
    """What a touch was interrupted in, anywhere, another one does again."""
    said = program.run(
        """
import signal
class Late(Exception): ...
def late(*_): raise Late
signal.signal(signal.SIGALRM, late)
paths = [os.path.join(f, n) if f else n for f in tree.folders for n in tree.files_in(f)]
for number in range(300):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + number % 30 * 0.0001)
        try:
            os.stat(os.path.join(root, paths[number % len(paths)]))
            restorer.everything()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Late:  # also one that comes amid the finally
        pass
def deep(left):
    try:
        if left: deep(left - 1)
        os.stat(os.path.join(root, paths[left % len(paths)]))
    except RecursionError:
        pass
try:
    deep(5000)
except RecursionError:
    pass
restorer.everything()
say(there() == sorted(paths), restorer.is_complete)
""".replace("def deep", "sys.setrecursionlimit(400)\ndef deep")
    )
    assert said == [[True, True]]


def test_a_signal_handler_may_touch_too(program: Program) -> None:
    """A handler that runs while its thread restores something finds what it asks for."""
    said = program.run("""
import signal
seen = []
def look(*_):
    seen.append(os.path.getsize(root + "/package/data.txt"))
    if len(seen) < 20:
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
signal.signal(signal.SIGALRM, look)
signal.setitimer(signal.ITIMER_REAL, 0.0003)
restorer.everything()
import package.sub
while len(seen) < 20:
    pass
say(list(set(seen)), restorer.is_complete)
""")
    assert said == [[[6], True]]


def test_what_a_signal_handler_restored_counts_once(program: Program) -> None:
    """Taken by a thread when its signal's handler has just restored it, a group counts once."""
    said = program.run("""
from hotpack_runtime.units import Unit
class Interrupted(Unit):
    __slots__ = ()
    @property
    def is_large(self):
        if not seen:  # where it is taken; as a handler that runs right there
            seen.append(1)
            os.stat(root + "/data/only.txt")
        return False
seen = []
unit = restorer.units[tree.files_in("data")["only.txt"][0]]
unit.__class__ = Interrupted
os.stat(root + "/data/only.txt")
for folder in tree.folders:
    for name in tree.files_in(folder):
        assert not restorer.is_complete or len(there()) == 16
        os.stat(os.path.join(root, folder, name))
say(seen, restorer.is_complete, len(there()))
""")
    assert said == [[[1], True, 16]]


def test_touching_all_ends_the_watch(program: Program) -> None:
    """When the last file came by a touch of its own, the wrappers go."""
    said = program.run("""
for folder in tree.folders:
    for name in tree.files_in(folder):
        os.stat(os.path.join(root, folder, name))
say(restorer.is_complete, os.stat.__class__.__name__)
""")
    assert said == [[True, "builtin_function_or_method"]]


def test_a_tree_that_is_there_is_not_watched(program: Program) -> None:
    """After a reset with all files there nothing is wrapped, and a fork begins nothing."""
    program.run("restorer.everything()")
    said = program.run("""
restorer.start = lambda *_, **__: say("begun")
restorer._until = len(manifest.groups)
os.waitpid(os.fork() or os._exit(0), 0)
restorer.go_on()
import package.sub
say(restorer.is_complete, os.stat.__class__.__name__, package.sub.LEAF)
""")
    assert said == [[True, "builtin_function_or_method", "green"]]


def test_a_passed_failure_is_over(tmp_path: Path) -> None:
    """What could not be restored once can be later, and is no failure then."""
    program = Program(tmp_path, {"package": with_bytecode(FILES)})
    said = program.run("""
import shutil
shutil.move(folder + "/packs", folder + "/away")
try:
    restorer.catch_up()
    import package
except Exception as error:
    say(type(error).__name__, restorer.failed is not None)
shutil.move(folder + "/away", folder + "/packs")
import package.sub
restorer.everything()
say(package.sub.LEAF, restorer.failed is None)
""")
    assert said == [["RestoreError", True], ["green", True]]


def test_a_failure_is_not_taken_for_a_missing_file(tmp_path: Path) -> None:
    """Where a pack is damaged, neither exists() nor an import says that there is no such thing."""
    program = Program(tmp_path, {"package": with_bytecode(FILES)})
    for pack in (tmp_path / "packs").iterdir():
        pack.write_bytes(bytes(pack.stat().st_size))
    said = program.run("""
for touch in (lambda: os.path.exists(root + "/alone.py"), lambda: __import__("package"),
              lambda: open(root + "/data/only.txt")):
    try:
        say("found", str(touch()))
    except Exception as error:
        say(type(error).__name__, isinstance(error, (OSError, ImportError)))
say(restorer.failed is not None)
""")
    assert said == [["DamagedError", False]] * 3 + [True]


def test_paths_elsewhere_are_left_alone(program: Program, tmp_path: Path) -> None:
    """What is not in the tree is not touched, and its errors are the system's."""
    (tmp_path / "elsewhere.txt").write_text("x")
    said = program.run(f"""
say(os.stat({str(tmp_path / "elsewhere.txt")!r}).st_size, os.path.exists("/none"))
for wrong in (("/none",), (1.5,), (), ("\\0",)):
    try:
        os.stat(*wrong)
    except Exception as error:
        say(type(error).__name__)
say(os.fstat(0).st_size >= 0, os.stat(0).st_size >= 0, there())
""")
    assert said == [
        [1, False],
        "FileNotFoundError",
        "TypeError",
        "TypeError",
        "ValueError",
        [True, True, []],
    ]


def test_a_folder_that_another_thread_changes(program: Program) -> None:
    """A path is where the process is, whatever a thread saw that asked while that changed."""
    said = program.run("""
os.makedirs(root, exist_ok=True)
os.chdir("/")
getcwd = os.getcwd
def late():
    found = getcwd()
    os.getcwd = getcwd
    os.chdir(root)  # as another thread does
    return found
os.getcwd = late
os.path.exists("nothing")
say(open("package/data.txt").read())
""")
    assert said == ["a text"]


@pytest.mark.parametrize(
    "what",
    [
        "os.listdir('.')",
        "os.chdir('/')",
        "__import__('sqlite3').connect(':memory:') and None",
        "__import__('ctypes').CDLL('libc.so.6') and None",
        "__import__('subprocess').run(['true'], cwd='/').returncode",
    ],
)
def test_a_folder_that_was_removed(program: Program, what: str) -> None:
    """In a folder that is gone everything goes on as without hotpack."""
    said = program.run(f"""
import ctypes, sqlite3, subprocess, tempfile
os.chdir(tempfile.mkdtemp())
os.rmdir(os.getcwd())
say({what})
""")
    assert said == [[] if "listdir" in what else 0 if "run" in what else None]


def test_tree_is_the_same_whatever_is_touched_first(tmp_path: Path) -> None:
    """In any order of touches the tree ends up with the same files."""
    program = Program(tmp_path, {"package": with_bytecode(FILES)})
    assert program.run("""
import random
paths = [os.path.join(f, n) if f else n for f in tree.folders for n in tree.files_in(f)]
random.Random(5).shuffle(paths)
for path in paths:
    os.stat(os.path.join(root, path))
say(there() == sorted(paths), len(paths))
""") == [[True, len(with_bytecode(FILES))]]


def test_what_no_manifest_names_is_not_imported(program: Program) -> None:
    """A module that somebody put into the tree's folder is not found there."""
    said = program.run("""
import package
os.stat(f"{root}/package/data.txt")
for below in ("evil.py", "package/evil.py"):
    handle = os.open(OwnPath(f"{root}/{below}"), os.O_WRONLY | os.O_CREAT)
    os.write(handle, b"EVIL = 1")
    os.close(handle)
for name in ("evil", "package.evil"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        say(error.name)
""")
    assert said == ["evil", "package.evil"]
