"""Modules, found, loaded, imported and asked for their sources, resources and tests."""

import contextlib
import ctypes
import importlib
import importlib.resources
import importlib.util
import inspect
import io
import os
import pkgutil
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .children import ENDED, LIMIT_S, TOO_LONG, child, forked, tried
from .place import HERE, ITSELF, ROOT, Json, at, digest


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
            return tried(lambda: ask(name))

        end = time.monotonic() + LIMIT_S * 5
        while waiting and time.monotonic() < end:
            failure = ENDED
            for result in child(lambda: map(answer, tuple(waiting))):
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
        "names": digest("\n".join(sorted(vars(module))).encode("utf-8", "surrogatepass")),
        "doc": digest(str(module.__doc__).encode("utf-8", "surrogatepass")),
    }


def _import_elsewhere(name: str) -> Json:
    """In a new interpreter, which finds the tree by its environment alone."""
    code = f"import {name} as module; print(module.__file__, len(vars(module)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
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
        None if source is None else digest(source.encode("utf-8", "surrogatepass")),
        code and [code.co_name, len(code.co_consts), code.co_filename],
        digest(loader.get_data(loader.get_filename(name))),
    ]


def _source(name: str) -> Json:
    """Ask for the source of a module, of what it defines, and of a line in a traceback."""
    module = importlib.import_module(name)
    found = [digest(inspect.getsource(module).encode("utf-8", "surrogatepass"))]
    for key, value in sorted(vars(module).items()):
        own = getattr(value, "__module__", None) == name
        if own and (inspect.isclass(value) or inspect.isfunction(value)):
            try:
                found.append(f"{key} {digest(inspect.getsource(value).encode())}")
            except (OSError, TypeError) as error:
                found.append(f"{key} {type(error).__name__}")
    frame = traceback.FrameSummary(str(module.__file__), 1, "<module>")
    return [found, frame.line]


def _iter_modules(path: str | None) -> Json:
    paths = None if path is None else [at(path)]
    found = pkgutil.iter_modules(paths)
    return sorted([item.name, item.ispkg] for item in found if item.name != ITSELF)


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
                yield [here, digest(entry.read_bytes())]

    files = importlib.resources.files(name)
    with importlib.resources.as_file(files / "__init__.py") as path:
        exists = os.path.exists(path)
    return [exists, list(visit(files, ""))]


def _data(name: str) -> Json:
    package, _, resource = name.partition(":")
    return digest(pkgutil.get_data(package, resource) or b"")


def _load_library(path: str) -> Json:
    return forked(lambda: bool(ctypes.CDLL(at(path))))


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


OPERATIONS: dict[str, Callable[..., Json]] = {
    "dlopen": _load_library,
    "find_spec": _each(_find),
    "get_data": _each(_data),
    "getsource": _each(_source),
    "import": _each(_describe),
    "import here": _describe,
    "import in a new interpreter": _import_elsewhere,
    "iter_modules": _iter_modules,
    "loader": _each(_load),
    "resources": _each(_resources),
    "suite": _suite,
    "walk_packages": _each(_walk_packages),
}
