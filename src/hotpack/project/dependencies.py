"""Finds where a project names its dependencies."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hotpack.project.config import Project

Source = Literal["uv.lock", "requirements.txt", "pyproject.toml"]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The file that names them and what decides a resolution of it."""

    source: Source
    path: Path

    content: bytes
    """All that a resolution depends on: a change of it makes an earlier resolution stale."""

    requirements: str = ""
    """Of a requirements file: its lines, with those of the files that it includes by -r."""


def find_dependencies(project: Project) -> Dependencies | None:
    """Return the project's dependencies, None where it has none.

    The most exact source wins: `uv.lock`, then `requirements.txt`, then `[project.dependencies]`.
    """
    lock, requirements = project.root / "uv.lock", project.root / "requirements.txt"
    if lock.is_file():
        return Dependencies("uv.lock", lock, lock.read_bytes())
    if requirements.is_file():
        content, lines = _with_includes(requirements)
        content += _settings_of_uv(project)
        return Dependencies("requirements.txt", requirements, content, "\n".join(lines) + "\n")
    path = project.root / "pyproject.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    named = document.get("project", {}).get("dependencies", [])
    if not named:
        return None
    return Dependencies("pyproject.toml", path, repr(named).encode() + _settings_of_uv(project))


def _settings_of_uv(project: Project) -> bytes:
    """Return what the project tells uv, constraints and indexes among it."""
    document = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    own = project.root / "uv.toml"
    table = document.get("tool", {}).get("uv", {})
    return repr(table).encode() + (own.read_bytes() if own.is_file() else b"")


_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)[ =]*(.+)")


def _with_includes(path: Path, seen: frozenset[Path] = frozenset()) -> tuple[bytes, list[str]]:
    """Return a requirements file's content with what it includes, and its requirements alone."""
    content = path.read_bytes()
    lines: list[str] = []
    for line in content.decode("utf-8", "replace").splitlines():
        include = _INCLUDE.match(line.strip())
        if include is None:
            lines.append(line)
            continue
        included = path.parent / include[2].strip()
        if included not in seen and included.is_file():
            more, its_lines = _with_includes(included, seen | {path})
            content += more
            lines += its_lines if include[1] in {"-r", "--requirement"} else []
    return content, lines
