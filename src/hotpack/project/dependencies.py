"""Finds where a project names its dependencies."""

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


def find_dependencies(project: Project) -> Dependencies | None:
    """Return the project's dependencies, None where it has none.

    The most exact source wins: `uv.lock`, then `requirements.txt`, then `[project.dependencies]`.
    """
    lock, requirements = project.root / "uv.lock", project.root / "requirements.txt"
    if lock.is_file():
        return Dependencies("uv.lock", lock, lock.read_bytes())
    if requirements.is_file():
        return Dependencies("requirements.txt", requirements, _with_includes(requirements))
    path = project.root / "pyproject.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    named = document.get("project", {}).get("dependencies", [])
    if not named:
        return None
    decides = {"dependencies": named, "uv": document.get("tool", {}).get("uv", {})}
    return Dependencies("pyproject.toml", path, repr(decides).encode())


def _with_includes(path: Path, seen: frozenset[Path] = frozenset()) -> bytes:
    """Return a requirements file's content with the files that it includes by -r and -c."""
    content = path.read_bytes()
    for line in content.decode("utf-8", "replace").splitlines():
        option, _, name = line.strip().partition(" ")
        included = path.parent / name.strip()
        if option in {"-r", "--requirement", "-c", "--constraint"} and included not in seen:
            content += _with_includes(included, seen | {path}) if included.is_file() else b""
    return content
