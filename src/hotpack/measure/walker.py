"""The handler of the proof: visits a tree in every way that Python has, and says what it found.

Copied into the function; standard library only. An operation is a list, its kind and its
arguments; paths are relative to the tree's root. What it found is comparable between functions
whose trees are the same and stand elsewhere: the root is `<root>` in every text.
"""

import contextlib
import ctypes
import errno
import glob
import hashlib
import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import inspect
import io
import json
import linecache
import mmap
import os
import pkgutil
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOO_LONG = "took too long"
ENDED = "ended the process"

LIMIT_S = 30.0
"""For one module: some wait for a network that is not there."""

ENOUGH_BYTES = 2_000_000
ENOUGH_S = 60.0
"""An answer is given when it has this size or took this long; the rest is asked for again."""

_HERE = os.path.dirname(os.path.abspath(__file__))
_ITSELF = os.path.basename(__file__)
_OWN_MODULE = os.path.splitext(_ITSELF)[0]
_CHUNK = 1 << 20

Json = Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Return what the first operations of the event found, as many as an answer holds.

    And how much is missing of the tree then.
    """
    results: list[Json] = []
    size, end = 0, time.monotonic() + ENOUGH_S
    for kind, *arguments in event["operations"]:
        results.append(_perform(kind, arguments))
        size += len(json.dumps(results[-1]))
        if size > ENOUGH_BYTES or time.monotonic() > end:
            break
    return {"results": results, "missing": _missing()}


def _missing() -> int:
    """Return how many groups are not restored, by their journal (docs/pack-format.md)."""
    if ROOT == _HERE:
        return 0
    with open(f"{_HERE}/hotpack_runtime/manifest.json", "rb") as file:
        groups = len(json.load(file)["groups"])
    return groups - os.stat(f"{ROOT}.restored").st_size // 4


def _root() -> str:
    """Return where the tree is: restored behind the function on the path, or the function."""
    if "hotpack_runtime" not in sys.modules:
        return _HERE
    return sys.path[sys.path.index(_HERE) + 1]


ROOT = _root()


def _perform(kind: str, arguments: list[Any]) -> Json:
    try:
        return _normal(OPERATIONS[kind](*arguments))
    except Exception as error:  # noqa: BLE001 - what goes wrong is an answer too
        return _failure(error)


def _failure(error: BaseException) -> Json:
    number = getattr(error, "errno", None)
    return {
        "error": type(error).__name__,
        "errno": errno.errorcode.get(number, number) if isinstance(number, int) else None,
        "message": _normal(str(error)[:500]),
    }


def _normal(value: Json) -> Json:
    """Return the value without what differs from function to function: the root, addresses."""
    if isinstance(value, str):
        return re.sub(r"0x[0-9a-f]{6,}", "0x", value.replace(ROOT, "<root>"))
    if isinstance(value, dict):
        return {_normal(key): _normal(item) for key, item in value.items()}
    return [_normal(item) for item in value] if isinstance(value, (list, tuple)) else value


def _at(path: str) -> str:
    return os.path.join(ROOT, path) if path else ROOT


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _names(path: str, names: Any) -> list[str]:
    """Return names sorted; at the root without this module's, which is in no tree."""
    return sorted(names if path else set(names) - {_ITSELF})


# --- the file system -------------------------------------------------------------------------


def _stat(path: str) -> Json:
    return _status(os.stat(_at(path)))


def _lstat(path: str) -> Json:
    return _status(os.lstat(_at(path)))


def _status(status: os.stat_result) -> Json:
    if stat.S_ISDIR(status.st_mode):
        return "a folder"  # its size is the file system's, its mode the sandbox's
    return [stat.filemode(status.st_mode), status.st_size]


def _access(path: str) -> Json:
    return [os.access(_at(path), mode) for mode in (os.F_OK, os.R_OK, os.X_OK)]


def _exists(path: str) -> Json:
    tests = (os.path.exists, os.path.isfile, os.path.isdir, os.path.islink, os.path.lexists)
    return [test(_at(path)) for test in tests]


def _pathlib(path: str) -> Json:
    place = Path(_at(path))
    found = [place.exists(), place.is_file(), place.is_dir(), place.is_symlink()]
    return [*found, str(place.resolve()), place.stat().st_size if place.is_file() else None]


def _by_descriptor(path: str) -> Json:
    folder, name = os.path.split(path)
    descriptor = os.open(_at(folder), os.O_RDONLY)
    try:
        file = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        with open(file, "rb") as content:
            return [_status(os.stat(name, dir_fd=descriptor)), _digest(content.read())]
    finally:
        os.close(descriptor)


def _read_open(path: str) -> Json:
    with open(_at(path), "rb") as file:
        return _digest(file.read())


def _read_os(path: str) -> Json:
    file = os.open(_at(path), os.O_RDONLY)
    try:
        content = hashlib.sha256()
        while part := os.read(file, _CHUNK):
            content.update(part)
        return content.hexdigest()[:16]
    finally:
        os.close(file)


def _read_pathlib(path: str) -> Json:
    return _digest(Path(_at(path)).read_bytes())


def _read_io(path: str) -> Json:
    with io.FileIO(os.fsencode(_at(path))) as file:
        return _digest(file.readall())


def _read_mapped(path: str) -> Json:
    with open(_at(path), "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return _digest(b"")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _digest(content[:])


def _read_relative(path: str) -> Json:
    return _forked(lambda: _inside("", lambda: _digest(Path(path).read_bytes())))


def _read_copied(path: str) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        return _digest(Path(shutil.copy(_at(path), folder)).read_bytes())


def _read_forked(path: str) -> Json:
    return _forked(lambda: _read_open(path))


def _read_elsewhere(path: str) -> Json:
    """By another program, which Python does not see into."""
    done = subprocess.run(["/bin/cat", _at(path)], capture_output=True, check=False)
    return [done.returncode, _digest(done.stdout)]


def _lines(path: str) -> Json:
    return _digest("".join(linecache.getlines(_at(path))).encode("utf-8", "surrogatepass"))


def _list(path: str) -> Json:
    return _names(path, os.listdir(_at(path)))


def _list_bytes(path: str) -> Json:
    return _names(path, map(os.fsdecode, os.listdir(os.fsencode(_at(path)))))


def _list_descriptor(path: str) -> Json:
    descriptor = os.open(_at(path), os.O_RDONLY)
    try:
        return _names(path, os.listdir(descriptor))
    finally:
        os.close(descriptor)


def _list_relative(path: str) -> Json:
    return _forked(lambda: _inside(path, lambda: _names(path, os.listdir())))


def _list_pathlib(path: str) -> Json:
    return _names(path, (entry.name for entry in Path(_at(path)).iterdir()))


def _list_forked(path: str) -> Json:
    return _forked(lambda: _list(path))


def _scan(path: str) -> Json:
    with os.scandir(_at(path)) as entries:
        return sorted(
            [
                entry.name,
                entry.is_dir(),
                entry.is_file(),
                entry.is_symlink(),
                entry.path,
                _status(entry.stat()),
            ]
            for entry in entries
            if path or entry.name != _ITSELF
        )


def _walk(path: str) -> Json:
    return sorted(
        [os.path.relpath(folder, ROOT), sorted(folders), sorted(set(files) - {_ITSELF})]
        for folder, folders, files in os.walk(_at(path))
    )


def _walk_descriptors(path: str) -> Json:
    return sorted(
        [os.path.relpath(folder, _at(path)), sorted(folders), sorted(files)]
        for folder, folders, files, _ in os.fwalk(_at(path))
    )


def _glob(pattern: str) -> Json:
    return _names("", glob.glob(pattern, root_dir=ROOT))


def _glob_below(path: str, pattern: str) -> Json:
    return sorted(glob.glob(os.path.join(glob.escape(_at(path)), "**", pattern), recursive=True))


def _glob_pathlib(path: str, pattern: str) -> Json:
    return sorted(str(found) for found in Path(_at(path)).rglob(pattern))


# --- modules ---------------------------------------------------------------------------------


def _each(ask: Callable[[str], Json]) -> Callable[[list[str]], Json]:
    """Return what asks about several names in a child process, one after the other.

    If that ends the process, it goes on in another one.
    """

    def ask_all(names: list[str]) -> Json:
        results: dict[str, Json] = {}
        waiting = deque(names)
        path = [*sys.path]

        def answer(name: str) -> Json:
            # One module of pandas' takes the first entry off: here the function's folder, and with
            # it the tree where that is raw in the function.
            sys.path[:] = path
            return _tried(lambda: ask(name))

        end = time.monotonic() + LIMIT_S * 5
        while waiting and time.monotonic() < end:
            failure = ENDED
            for result in _child(lambda: map(answer, tuple(waiting))):
                if result is None:
                    failure = TOO_LONG
                else:
                    results[waiting.popleft()] = result
            if waiting:
                results[waiting.popleft()] = {"error": failure}
        return {**results, **{name: {"error": TOO_LONG} for name in waiting}}

    return ask_all


def _describe(name: str) -> Json:
    module = importlib.import_module(name)
    spec = module.__spec__
    return {
        "file": getattr(module, "__file__", None),
        "path": list(getattr(module, "__path__", ())),
        "spec": spec and [spec.name, spec.origin, spec.cached, spec.has_location, spec.parent],
        "names": _digest("\n".join(sorted(vars(module))).encode("utf-8", "surrogatepass")),
        "doc": _digest(str(module.__doc__).encode("utf-8", "surrogatepass")),
    }


def _import_elsewhere(name: str) -> Json:
    """In a new interpreter, which finds the tree by its environment alone."""
    code = f"import {name} as module; print(module.__file__, len(vars(module)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=_HERE,
        timeout=LIMIT_S,
    )
    reason = done.stderr.strip().rpartition("\n")[2] if done.returncode else None
    return [done.returncode, done.stdout, reason]


def _find(name: str) -> Json:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    where = list(spec.submodule_search_locations or ())
    return [spec.name, spec.origin, spec.cached, spec.has_location, where]


def _load(name: str) -> Json:
    """Ask a module's loader for all that loaders have (PEP 302, 420, 451)."""
    spec = importlib.util.find_spec(name)
    loader: Any = spec and spec.loader
    source = loader.get_source(name)
    code = loader.get_code(name)
    return [
        loader.get_filename(name),
        loader.is_package(name),
        None if source is None else _digest(source.encode("utf-8", "surrogatepass")),
        code and [code.co_name, len(code.co_consts), code.co_filename],
        _digest(loader.get_data(loader.get_filename(name))),
    ]


def _source(name: str) -> Json:
    """Ask for the source of a module, of what it defines, and of a line in a traceback."""
    module = importlib.import_module(name)
    found = [_digest(inspect.getsource(module).encode("utf-8", "surrogatepass"))]
    for key, value in sorted(vars(module).items()):
        own = getattr(value, "__module__", None) == name
        if own and (inspect.isclass(value) or inspect.isfunction(value)):
            try:
                found.append(f"{key} {_digest(inspect.getsource(value).encode())}")
            except (OSError, TypeError) as error:
                found.append(f"{key} {type(error).__name__}")
    frame = traceback.FrameSummary(str(module.__file__), 1, "<module>")
    return [found, frame.line]


def _iter_modules(path: str | None) -> Json:
    paths = None if path is None else [_at(path)]
    found = pkgutil.iter_modules(paths)
    return sorted([item.name, item.ispkg] for item in found if item.name != _OWN_MODULE)


def _walk_packages(name: str) -> Json:
    package = importlib.import_module(name)
    found = pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None)
    return sorted([item.name, item.ispkg] for item in found)


def _resources(name: str) -> Json:
    def visit(place: Any, path: str) -> Iterator[Json]:
        for entry in sorted(place.iterdir(), key=lambda item: item.name):
            here = f"{path}/{entry.name}"
            if entry.is_dir():
                yield from visit(entry, here)
            else:
                yield [here, _digest(entry.read_bytes())]

    files = importlib.resources.files(name)
    with importlib.resources.as_file(files / "__init__.py") as path:
        exists = os.path.exists(path)
    return [exists, list(visit(files, ""))]


def _data(name: str) -> Json:
    package, _, resource = name.partition(":")
    return _digest(pkgutil.get_data(package, resource) or b"")


def _load_library(path: str) -> Json:
    return _forked(lambda: bool(ctypes.CDLL(_at(path))))


def _suite(package: str, arguments: list[str]) -> Json:
    """Run tests that a package brings, here; return the outcome of each by its name."""
    import pytest

    outcomes: dict[str, str] = {}

    class Recorder:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.when == "call" or report.outcome != "passed":
                outcomes[report.nodeid] = report.outcome

        def pytest_collectreport(self, report: Any) -> None:
            if report.outcome != "passed":
                outcomes[report.nodeid] = f"{report.outcome} to be collected"

    sys.dont_write_bytecode = True  # of rewritten assertions, beside the tests
    options = ["--capture=sys", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ROOT]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*options, *arguments, "--pyargs", package], plugins=[Recorder()])
    return outcomes


# --- metadata --------------------------------------------------------------------------------


def _metadata(name: str) -> Json:
    found = importlib.metadata.distribution(name)
    return {
        "version": found.version,
        "name": found.metadata["Name"],
        "requires": found.requires,
        "entry points": sorted([item.group, item.name, item.value] for item in found.entry_points),
        "files": sorted(
            [str(file), file.size, file.hash and file.hash.value] for file in found.files or ()
        ),
        "there": sum(Path(str(file.locate())).exists() for file in found.files or ()),
    }


def _all_entry_points() -> Json:
    groups = sorted(importlib.metadata.entry_points().groups)
    found = (importlib.metadata.entry_points(group=group) for group in groups)
    return sorted([item.group, item.name, item.value] for points in found for item in points)


def _all_distributions() -> Json:
    found = importlib.metadata.distributions()
    return sorted([item.metadata["Name"], item.version] for item in found)


def _packages() -> Json:
    found = importlib.metadata.packages_distributions()
    return sorted([name, sorted(set(owners))] for name, owners in found.items())


# --- children --------------------------------------------------------------------------------


def _forked(work: Callable[[], Json]) -> Json:
    """Return what the work comes to in a child process, or that it ended the process."""
    for line in _child(lambda: iter([_tried(work)])):
        return {"error": TOO_LONG} if line is None else line
    return {"error": ENDED}


def _inside(path: str, work: Callable[[], Json]) -> Json:
    os.chdir(_at(path))
    return work()


def _tried(work: Callable[[], Json]) -> Json:
    try:
        return work()
    except BaseException as error:  # noqa: BLE001 - SystemExit is an answer too
        return _failure(error)


def _child(work: Callable[[], Iterator[Json]]) -> Iterator[Json]:
    """Yield each result of the work, done in a child process; None if one takes too long."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(nothing, descriptor)
            for result in work():
                line = json.dumps(_normal(result)).encode() + b"\n"
                while line:
                    line = line[os.write(write, line) :]
        finally:
            os._exit(0)
    os.close(write)
    try:
        yield from _lines_of(read)
    finally:
        os.close(read)
        for kill in (os.killpg, os.kill):  # what it has started, and itself if it is no leader yet
            with contextlib.suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _lines_of(read: int) -> Iterator[Json]:
    rest, end = b"", time.monotonic() + LIMIT_S
    while True:
        if not select.select([read], [], [], max(0.0, end - time.monotonic()))[0]:
            yield None
            return
        part = os.read(read, _CHUNK)
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield json.loads(line)
            end = time.monotonic() + LIMIT_S
        if not part:
            return


OPERATIONS: dict[str, Callable[..., Json]] = {
    "access": _access,
    "all distributions": _all_distributions,
    "all entry points": _all_entry_points,
    "all packages": _packages,
    "by descriptor": _by_descriptor,
    "dlopen": _load_library,
    "exists": _exists,
    "find_spec": _each(_find),
    "get_data": _each(_data),
    "getsource": _each(_source),
    "glob": _glob,
    "glob below": _glob_below,
    "import": _each(_describe),
    "import here": _describe,
    "import in a new interpreter": _import_elsewhere,
    "iter_modules": _iter_modules,
    "linecache": _lines,
    "listdir": _list,
    "listdir in a fork": _list_forked,
    "listdir of a descriptor": _list_descriptor,
    "listdir of bytes": _list_bytes,
    "listdir, relative": _list_relative,
    "loader": _each(_load),
    "lstat": _lstat,
    "metadata": _metadata,
    "os.fwalk": _walk_descriptors,
    "os.walk": _walk,
    "pathlib": _pathlib,
    "pathlib iterdir": _list_pathlib,
    "pathlib rglob": _glob_pathlib,
    "read by another program": _read_elsewhere,
    "read by io": _read_io,
    "read by mmap": _read_mapped,
    "read by open": _read_open,
    "read by os": _read_os,
    "read by pathlib": _read_pathlib,
    "read in a fork": _read_forked,
    "read, copied": _read_copied,
    "read, relative": _read_relative,
    "resources": _each(_resources),
    "scandir": _scan,
    "stat": _stat,
    "suite": _suite,
    "walk_packages": _each(_walk_packages),
}
