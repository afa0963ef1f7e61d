"""The events that a command runs: named on the command line, or the project's own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from hotpack.errors import ConfigError
from hotpack.project import Project
from hotpack.project.config import DEFAULT_EVENTS


@dataclass(frozen=True, slots=True)
class Event:
    """A JSON document and what people call it."""

    name: str
    payload: bytes


def events_of(project: Project, named: tuple[str, ...]) -> list[Event]:
    """Return the events that the command line names, else the project's, else an empty one.

    Raises ConfigError for what is no JSON, and for a pattern of the project's that matches nothing.
    """
    if named:
        return [_named(text) for text in named]
    paths: set[Path] = set()
    for pattern in project.config.events:
        matches = set(project.root.glob(pattern))
        if not matches and pattern != DEFAULT_EVENTS:
            raise ConfigError(f"events pattern {pattern!r} matches no file in {project.root}")
        paths |= matches
    return [_from_file(path) for path in sorted(paths)] or [Event("{}", b"{}")]


def _named(text: str) -> Event:
    if text == "-":
        return _checked("stdin", sys.stdin.read())
    path = Path(text)
    if text.lstrip()[:1] not in set('{["') and path.suffix == ".json":
        return _from_file(path)
    return _checked("--event", text)


def _from_file(path: Path) -> Event:
    try:
        return _checked(path.name, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the event {path} does not exist") from None


def _checked(name: str, text: str) -> Event:
    try:
        return Event(name, json.dumps(json.loads(text)).encode())
    except ValueError as error:
        raise ConfigError(f"{name} is not JSON: {error}") from None
