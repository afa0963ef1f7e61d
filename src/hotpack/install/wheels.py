"""Which wheel a distribution was installed from, with the SHA-256 that the lock stands for."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel, as an index or a folder has it."""

    name: str
    """Its file's name."""

    sha256: str

    @property
    def tags(self) -> frozenset[Tag]:
        """The interpreters and platforms that it is for."""
        try:
            return parse_wheel_filename(self.name)[3]
        except InvalidWheelFilename:
            return frozenset()


@dataclass(frozen=True, slots=True)
class Wheels:
    """The wheels that the target can run, by the canonical name of their distribution."""

    by_distribution: Mapping[str, tuple[Wheel, ...]]

    @classmethod
    def of_pylock(cls, text: str) -> Self:
        """Return the wheels with a SHA-256 that a `pylock.toml` (PEP 751) lists."""
        packages = tomllib.loads(text).get("packages", [])
        return cls({canonicalize_name(item["name"]): tuple(_wheels_of(item)) for item in packages})

    def installed(self, info: Path) -> Wheel | None:
        """Return the wheel that the `.dist-info` folder came from, None where that is not sure.

        An index can have several that the target can run (one for any platform beside the fast
        one): then it is the one whose tags are in the installed WHEEL file.
        """
        name = canonicalize_name(info.name.removesuffix(".dist-info").rpartition("-")[0])
        candidates = self.by_distribution.get(name, ())
        if len(candidates) > 1:
            tags = _installed_tags(info)
            candidates = tuple(wheel for wheel in candidates if wheel.tags & tags)
        return candidates[0] if len(candidates) == 1 else None


NO_WHEELS = Wheels({})


def _wheels_of(package: Mapping[str, Any]) -> Iterable[Wheel]:
    archive = [package["archive"]] if "archive" in package else []
    for item in [*package.get("wheels", []), *archive]:
        path = item.get("name") or item.get("path") or urlsplit(item.get("url", "")).path
        sha256 = item.get("hashes", {}).get("sha256")
        if sha256:
            yield Wheel(unquote(PurePosixPath(path).name), sha256)


def _installed_tags(info: Path) -> frozenset[Tag]:
    lines = re.findall(r"^Tag: *(\S+)", (info / "WHEEL").read_text(), re.MULTILINE)
    return frozenset(tag for line in lines for tag in parse_tag(line))
