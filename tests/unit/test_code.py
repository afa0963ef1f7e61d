"""Collecting the project's own files."""

import json
from pathlib import Path

import pytest

from hotpack.errors import ConfigError
from hotpack.project import check_handler, collect_code, included, left_out, load_project


def project(root: Path, files: dict[str, str], table: str = "") -> Path:
    for path, text in {
        "pyproject.toml": f'[tool.hotpack]\nhandler = "app.handler"\n{table}',
        **files,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def paths(root: Path) -> list[str]:
    return [file.path for file in collect_code(load_project(root))]


def test_default(tmp_path: Path) -> None:
    """Modules and packages go in, from src/ as an install would put them; tests and caches not."""
    root = project(
        tmp_path,
        {
            "app.py": "",
            "setup.py": "",
            "test_app.py": "",
            "tests/__init__.py": "",
            "helpers/__init__.py": "",
            "helpers/words.txt": "",
            "helpers/__pycache__/x.cpython-311.pyc": "",
            "notes/todo.txt": "",
            "src/library/__init__.py": "",
            ".venv/lib/x.py": "",
        },
    )
    assert paths(root) == [
        "app.py",
        "helpers/__init__.py",
        "helpers/words.txt",
        "library/__init__.py",
    ]


def test_include(tmp_path: Path) -> None:
    """`include` says exactly what goes in; a folder is all that is in it."""
    files = {"app.py": "", "other.py": "", "models/a.bin": "", "models/deep/b.bin": ""}
    root = project(tmp_path, files, 'include = ["app.py", "models"]')
    assert paths(root) == ["app.py", "models/a.bin", "models/deep/b.bin"]


def test_include_that_matches_nothing(tmp_path: Path) -> None:
    """A pattern that matches nothing is an error: it is a typing mistake."""
    root = project(tmp_path, {"app.py": ""}, 'include = ["app.py", "modles/**"]')
    with pytest.raises(ConfigError, match=r"'modles/\*\*' matches no file"):
        paths(root)


def test_packages_without_init(tmp_path: Path) -> None:
    """A folder of modules is a package too (PEP 420), at any depth; an environment is none."""
    files = {
        "app.py": "",
        "shared/words.py": "",
        "src/company/team/tool.py": "",
        "src/company/team/.template": "",
        "venv/pyvenv.cfg": "",
        "venv/lib/site.py": "",
    }
    assert paths(project(tmp_path, files)) == [
        "app.py",
        "company/team/.template",
        "company/team/tool.py",
        "shared/words.py",
    ]


def test_links_are_followed_once(tmp_path: Path) -> None:
    """A link in a package is followed, but not for ever."""
    root = project(tmp_path / "project", {"app.py": "", "pkg/__init__.py": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "data.txt").write_text("")
    (root / "pkg" / "data").symlink_to(tmp_path / "elsewhere")
    (root / "pkg" / "loop").symlink_to(root / "pkg")
    assert paths(root) == ["app.py", "pkg/__init__.py", "pkg/data/data.txt"]


def test_two_files_of_one_path(tmp_path: Path) -> None:
    """Two files that would be the same in the function are an error, not a choice."""
    root = project(tmp_path, {"app.py": "", "src/app.py": ""})
    with pytest.raises(ConfigError, match="would both be app.py in the function"):
        paths(root)


def test_left_out(tmp_path: Path) -> None:
    """Folders of which nothing goes in are named, but for those that never do."""
    files = {"app.py": "", "data/a.csv": "", "tests/test_a.py": "", "events/a.json": ""}
    loaded = load_project(project(tmp_path, files))
    assert left_out(loaded, collect_code(loaded)) == ("data",)


@pytest.mark.parametrize("table", ["", 'include = ["app.py", "src/library/*.py"]'])
def test_include_as_it_would_be_written(tmp_path: Path, table: str) -> None:
    """With what is named, and a folder that was left out, the function has both."""
    files = {"app.py": "", "sensors/a.py": "", "src/library/a.py": "", "src/b.py": ""}
    loaded = load_project(project(tmp_path, {**files, "data/a.csv": ""}, table))
    before = collect_code(loaded)
    names = [*included(loaded, before), *left_out(loaded, before)]
    project(tmp_path, {}, f"include = {json.dumps(names)}")
    assert {"data/a.csv", *(file.path for file in before)} <= set(paths(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "def handler(event, context): ...",
        "class handler: ...",
        "from other import handler",
        "from other import *",
        "handler = make()",
        "if True:\n    handler = 1",
        "def __getattr__(name): ...",
        "globals()['handler'] = 1",
        "def broken(:",
    ],
)
def test_handler_that_may_exist(tmp_path: Path, text: str) -> None:
    """A handler is never refused where the text leaves a way for it to exist."""
    loaded = load_project(project(tmp_path, {"app.py": text}))
    check_handler(loaded, collect_code(loaded), set())


def test_handler_name_is_missing(tmp_path: Path) -> None:
    """A handler that a module surely lacks is an error with the nearest name."""
    loaded = load_project(project(tmp_path, {"app.py": "def handle(event, context): ..."}))
    with pytest.raises(ConfigError, match="does not define 'handler'") as caught:
        check_handler(loaded, collect_code(loaded), set())
    assert caught.value.hint == "did you mean app.handle?"


def test_handler_module_is_missing(tmp_path: Path) -> None:
    """A handler's module that is nowhere is an error with the nearest module."""
    loaded = load_project(project(tmp_path, {"apps.py": ""}))
    with pytest.raises(ConfigError, match=r"needs app.py") as caught:
        check_handler(loaded, collect_code(loaded), set())
    assert caught.value.hint == "did you mean apps.handler?"


def test_handler_in_a_dependency(tmp_path: Path) -> None:
    """A handler may come from a dependency."""
    loaded = load_project(project(tmp_path, {"x.py": ""}))
    check_handler(loaded, collect_code(loaded), {"app/__init__.py"})
