"""What is exported: a build, and what the function is to be called."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hotpack.pack import Release
from hotpack.project import Project


@dataclass(frozen=True, slots=True)
class Subject:
    """A function for another tool."""

    function: str
    alias: str
    region: str | None
    bucket: str | None
    release: Release
    build: str
    """Where the build is, as seen from the folder of the file that is written."""

    file: str
    """What the file that is written is called."""

    @classmethod
    def of(cls, project: Project, release: Release, file: Path) -> Self:
        """Return the project's build, for a file in some folder."""
        # The link, not the folder of this very build: the next build is found by it too.
        build = os.path.relpath(project.state / "build", file.resolve().parent)
        return cls(
            function=project.config.function,
            alias=project.config.alias,
            region=project.config.region,
            bucket=project.config.bucket or release.bucket,
            release=release,
            build=Path(build).as_posix(),
            file=file.name,
        )

    @property
    def identifier(self) -> str:
        """Return the function's name as languages with identifiers take it."""
        name = re.sub(r"[^a-z0-9_]+", "_", self.function.lower())
        return name if name[0].isalpha() else f"f_{name}"

    @property
    def words(self) -> str:
        """Return the function's name as a class has it."""
        return "".join(word.capitalize() for word in re.split(r"[^a-zA-Z0-9]+", self.identifier))
