"""Collects the project's own files, and checks that the handler is among them."""

import ast
import difflib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack.errors import ConfigError
from hotpack.project.config import Project

_NEVER: Final = frozenset({".DS_Store", ".git", ".venv", "__pycache__", "node_modules"})
"""In no folder."""

_NOT_BY_DEFAULT: Final = frozenset(
    {"build", "conftest.py", "dist", "docs", "noxfile.py", "setup.py", "test", "tests"}
)
"""At the top, unless `include` names it."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file of the project's own, as it goes into the function."""

    path: str
    """Relative to the function's root, with forward slashes."""

    source: Path
    size: int
    sha256: str
    executable: bool = False


def collect_code(project: Project) -> tuple[CodeFile, ...]:
    """Return the project's own files, sorted by path.

    By default its top-level modules and packages, those under `src/` included, which lands at the
    function's root as an installed package would; with `include`, what its patterns match. Assets
    are no code, wherever they are.

    Raises ConfigError for an `include` pattern that matches nothing.
    """
    root = project.root
    chosen = _included(root, project.config.include) if project.config.include else _default(root)
    assets = _assets(project)
    files: dict[str, CodeFile] = {}
    for source in chosen:
        if not assets.isdisjoint([source, *source.parents]):
            continue
        path = _path_in_function(root, source)
        if path in files and files[path].source != source:
            raise ConfigError(
                f"{files[path].source} and {source} would both be {path} in the function",
                hint="rename one, or name what goes in with `include` in [tool.hotpack]",
            )
        content = source.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        files[path] = CodeFile(path, source, len(content), digest, os.access(source, os.X_OK))
    return tuple(files[path] for path in sorted(files))


def left_out(project: Project, code: Iterable[CodeFile]) -> tuple[str, ...]:
    """Return the folders at the project's root of which nothing is in the function."""
    sources = [*(file.source for file in code), *_assets(project)]
    used = {source.relative_to(project.root).parts[0] for source in sources}
    return tuple(
        entry.name
        for entry in sorted(project.root.iterdir())
        if entry.is_dir()
        and entry.name not in used | _NOT_BY_DEFAULT | {"events"}
        and not _skipped(Path(entry.name))
    )


def included(project: Project, code: Iterable[CodeFile]) -> tuple[str, ...]:
    """Return what `include` names, or would name for the same code where it is not set."""
    if project.config.include:
        return project.config.include
    parts = (file.source.relative_to(project.root).parts for file in code)
    return tuple(sorted({"/".join(each[: 2 if each[0] == "src" else 1]) for each in parts}))


def check_handler(project: Project, code: Iterable[CodeFile], dependency_paths: set[str]) -> None:
    """Raise ConfigError where the handler's module or its name in the module does not exist.

    The module may also come from a dependency; then only its file is looked for. A name is only
    called missing where the module's text leaves no other way to define it.
    """
    module, _, name = project.config.handler.rpartition(".")
    stem = module.replace(".", "/")
    candidates = (f"{stem}.py", f"{stem}/__init__.py")
    by_path = {file.path: file for file in code}
    found = next((by_path[path] for path in candidates if path in by_path), None)
    if found is None:
        if not any(path in dependency_paths for path in candidates):
            modules = sorted(path.removesuffix(".py") for path in by_path if path.endswith(".py"))
            near = difflib.get_close_matches(stem, modules, n=1)
            raise ConfigError(
                f"the handler {project.config.handler!r} needs {candidates[0]}, "
                f"which is not among the project's files in {project.root}",
                hint=f"did you mean {near[0].replace('/', '.')}.{name}?"
                if near
                else "check `handler` and `include` in [tool.hotpack]",
            )
        return
    names = _top_level_names(found.source)
    if names is not None and name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise ConfigError(
            f"{found.source} does not define {name!r}, which the handler "
            f"{project.config.handler!r} names",
            hint=f"did you mean {module}.{near[0]}?" if near else None,
        )


def _assets(project: Project) -> set[Path]:
    return {project.root / path for path in project.config.assets.values()}


def _included(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        matches = [
            file
            for match in sorted(root.glob(pattern))
            for file in ([match] if match.is_file() else files_below(match))
            if not _skipped(file.relative_to(root))
        ]
        if not matches:
            raise ConfigError(f"include pattern {pattern!r} matches no file in {root}")
        yield from matches


def _default(root: Path) -> Iterator[Path]:
    """Yield modules and packages at the root and in src/; a package needs no `__init__.py`."""
    for folder in (root, root / "src"):
        if not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir()):
            if entry.name in _NOT_BY_DEFAULT or _skipped(Path(entry.name)):
                continue
            if entry.suffix == ".py" and entry.is_file() and not entry.name.startswith("test_"):
                yield entry
            elif entry.is_dir() and entry != root / "src":
                files = files_below(entry)
                if any(file.suffix == ".py" for file in files):
                    yield from files


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, through links too, but not twice through the same folder."""
    files: list[Path] = []
    seen: set[str] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        is_environment = "pyvenv.cfg" in names
        if is_environment or os.path.realpath(here) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        folders[:] = sorted(name for name in folders if name not in _NEVER)
        files += (Path(here, name) for name in names if not _skipped(Path("_", name)))
    return sorted(files)


def _skipped(relative: Path) -> bool:
    """Return whether a path is never the function's: caches anywhere, hidden names at the top."""
    return (
        relative.suffix == ".pyc"
        or relative.parts[0].startswith(".")
        or bool(_NEVER.intersection(relative.parts))
    )


def _path_in_function(root: Path, source: Path) -> str:
    relative = source.relative_to(root)
    is_src_layout = relative.parts[0] == "src" and not (root / "src" / "__init__.py").exists()
    return (relative.relative_to("src") if is_src_layout else relative).as_posix()


def _top_level_names(path: Path) -> set[str] | None:
    """Return the names a module surely has, None where its text alone cannot tell."""
    try:
        module = ast.parse(path.read_bytes(), str(path))
    except SyntaxError:
        return None  # the function itself will say it, in Lambda's words
    names: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name="__getattr__"):
                return None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.ImportFrom() if any(alias.name == "*" for alias in node.names):
                return None
            case ast.Import() | ast.ImportFrom():
                names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Call(func=ast.Name(id="globals" | "locals" | "vars" | "setattr" | "exec")):
                return None
            case _:
                pass
    return names
