"""What the project itself asks for, out of the file that names its dependencies."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from hotpack.project import Dependencies


def direct_requirements(dependencies: Dependencies | None) -> tuple[Requirement, ...]:
    """Return the requirements that the project names itself, in their order.

    A line that is the place of a wheel counts by the wheel's name; options of pip do not count.
    """
    if dependencies is None:
        return ()
    if dependencies.source == "requirements.txt":
        lines = _lines(dependencies.requirements)
    else:
        document = tomllib.loads((dependencies.path.parent / "pyproject.toml").read_text("utf-8"))
        lines = document.get("project", {}).get("dependencies", [])
    return tuple(item for line in lines for item in _parse(line))


def _lines(text: str) -> Iterable[str]:
    """Yield a requirements file's requirements without comments, options and line breaks."""
    for line in text.replace("\\\n", " ").splitlines():
        requirement = re.split(r"(?:^|\s)(?:#|--?\w)", line, maxsplit=1)[0].strip()
        if requirement:
            yield requirement


def _parse(line: str) -> tuple[Requirement, ...]:
    try:
        return (Requirement(line),)
    except InvalidRequirement:
        pass
    place, _, marker = line.partition(";")
    file = PurePosixPath(unquote(urlsplit(place.strip()).path)).name
    try:
        name = parse_wheel_filename(file)[0]
        return (Requirement(f"{name} ;{marker}" if marker.strip() else name),)
    except (InvalidWheelFilename, InvalidRequirement):
        return ()
