"""The events that a command runs: named on the command line, or the project's own."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from hotpack.cli.options import Command
from hotpack.errors import ConfigError
from hotpack.project import Project
from hotpack.project.config import DEFAULT_EVENTS


@dataclass(frozen=True, slots=True)
class Event:
    """A JSON document and what people call it."""

    name: str
    payload: bytes


def event_option(default: str = "the project's events") -> Callable[[Command], Command]:
    """Return what adds `--event`, which may be given more than once, as `named`."""
    text = f"A JSON document, a file that holds one, or - for stdin.  [default: {default}]"
    return click.option("--event", "named", multiple=True, help=text)


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
        return _checked(path.name, path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"the event {path} does not exist") from None


def _checked(name: str, text: str | bytes) -> Event:
    try:
        return Event(name, json.dumps(json.loads(text)).encode())
    except ValueError as error:
        raise ConfigError(f"{name} is not JSON: {error}") from None
