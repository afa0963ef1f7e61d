"""Finds the project's assets: model files that are no Python package."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from hotpack.errors import ConfigError
from hotpack.project.code import CodeFile, files_below
from hotpack.project.config import ASSET_VARIABLE, Project

ASSET_PREFIX: Final = "asset:"
"""What the name of an asset's distribution begins with; no package's name has a colon."""

_FOLDER: Final = "hotpack-asset-"
"""An asset has a folder of its own at the root, so that each can be placed alone. The hyphens keep
it from being imported."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file or a folder of the project's that travels as distributions do."""

    name: str
    place: str
    """What its variable leads to: the file or the folder, relative to the function's root."""

    files: tuple[CodeFile, ...]

    @property
    def distribution(self) -> str:
        """Its name among the distributions, e.g. in `[tool.hotpack.place]`."""
        return ASSET_PREFIX + canonicalize_name(self.name)

    @property
    def variable(self) -> str:
        """The environment variable by which the function finds it."""
        return ASSET_VARIABLE + self.name.upper()

    @property
    def version(self) -> str:
        """Tells its content from another."""
        listing = "".join(f"{file.path}\0{file.sha256}\n" for file in self.files)
        return hashlib.sha256(listing.encode()).hexdigest()[:12]


def collect_assets(project: Project) -> tuple[Asset, ...]:
    """Return the project's assets, sorted by name.

    Raises ConfigError for one that does not exist, or that holds no file.
    """
    return tuple(
        _collect(project.root, name, path) for name, path in sorted(project.config.assets.items())
    )


def _collect(root: Path, name: str, path: str) -> Asset:
    source = root / path
    folder = _FOLDER + name
    if source.is_file():
        place = f"{folder}/{source.name}"
        return Asset(name, place, (_file(source, place),))
    files = files_below(source)
    if not files:
        problem = "is an empty folder" if source.is_dir() else "does not exist"
        raise ConfigError(
            f"{root / 'pyproject.toml'}: assets.{name} = {path!r} {problem}",
            hint="an asset is a file or a folder, named from the project's folder on",
        )
    return Asset(
        name,
        folder,
        tuple(_file(file, f"{folder}/{file.relative_to(source).as_posix()}") for file in files),
    )


def _file(source: Path, path: str) -> CodeFile:
    with source.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return CodeFile(path, source, source.stat().st_size, digest)
