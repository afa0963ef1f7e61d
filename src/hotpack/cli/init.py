"""`hotpack init`."""

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from packaging.utils import canonicalize_name

from hotpack.cli.console import print_json, show
from hotpack.cli.options import json_option, project_option
from hotpack.errors import ConfigError
from hotpack.project.config import default_runtime, runtimes_allowed
from hotpack.target.runtimes import host_architecture

_NAMES: Final = ("handler", "lambda_handler", "main")
_MODULES: Final = ("app", "lambda_function", "handler", "main")

_SAMPLE_HANDLER: Final = '''\
"""Answers one event."""


def handler(event, context):
    return {"hello": event.get("name", "world")}
'''
_SAMPLE_EVENT: Final = {"name": "Ada"}


@click.command(
    epilog="""\b
Example:
  mkdir my-function && cd my-function && hotpack init
"""
)
@project_option
@json_option
def init(root: Path, as_json: bool) -> None:
    """Write a starting [tool.hotpack] and a sample event.

    Nothing that is there is changed: the table is appended to pyproject.toml. A handler is looked
    for in the project's modules; where there is none, app.py is written.
    """
    root = root.resolve()
    handler = _find_handler(root)
    written = [_write_configuration(root, handler or "app.handler")]
    if handler is None:
        written.append(_write(root / "app.py", _SAMPLE_HANDLER))
    if not any(root.glob("events/*.json")):
        text = json.dumps(_SAMPLE_EVENT, indent=2) + "\n"
        written.append(_write(root / "events" / "sample.json", text))
    names = [path.relative_to(root).as_posix() for path in written]
    if as_json:
        print_json({"written": names, "handler": handler or "app.handler"})
        return
    first = "" if _has_requirements(root) else "name the dependencies in pyproject.toml, then "
    show(
        f"wrote {', '.join(names)}",
        f"next: {first}[bold]hotpack build[/] and [bold]hotpack invoke[/]",
    )


def _has_requirements(root: Path) -> bool:
    return any((root / name).is_file() for name in ("requirements.txt", "uv.lock"))


def _find_handler(root: Path) -> str | None:
    """Return the first function that looks like a handler, as Lambda writes it."""
    for module in _MODULES:
        path = root / f"{module}.py"
        if path.is_file():
            found = [name for name in _NAMES if name in set(_functions(path))]
            if found:
                return f"{module}.{found[0]}"
            raise ConfigError(
                f"{path} has no function named {' or '.join(_NAMES)}",
                hint="add one that takes (event, context), then run `hotpack init` again",
            )
    return None


def _functions(path: Path) -> Iterator[str]:
    try:
        module = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise ConfigError(f"{path} is not valid Python: {error}") from None
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name


def _write_configuration(root: Path, handler: str) -> Path:
    path = root / "pyproject.toml"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        document = tomllib.loads(before)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    if "hotpack" in document.get("tool", {}):
        raise ConfigError(f"{path} has a [tool.hotpack] table already", hint="edit it there")
    project = "" if "project" in document else _project_table(root)
    runtime = default_runtime(runtimes_allowed(path, document.get("project", {})))
    table = f"""\
[tool.hotpack]
handler = "{handler}"
runtime = "{runtime}"
architecture = "{host_architecture() or "x86_64"}"
memory_mb = 1769             # 1 vCPU; Lambda gives CPU in proportion
ephemeral_storage_mb = 512   # /tmp, where packed dependencies are restored to
timeout_s = 30
"""
    separator = "\n" if before and not before.endswith("\n\n") else ""
    path.write_text(f"{before}{separator}{project}{table}", encoding="utf-8")
    return path


def _project_table(root: Path) -> str:
    dependencies = "" if _has_requirements(root) else "dependencies = []\n"
    return f"""\
[project]
name = "{canonicalize_name(root.name) or "my-function"}"
version = "0.1.0"
{dependencies}
"""


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
