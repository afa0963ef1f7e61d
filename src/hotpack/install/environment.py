"""Makes virtual environments of tools that are run beside the project, once for the same wish."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hotpack.cache import Cache, digest_of
from hotpack.errors import DependencyError
from hotpack.install.uv import Uv
from hotpack.progress import Progress
from hotpack.target import Target


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment of the target's Python on this machine."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin/python"

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found


def install_environment(
    requirements: Sequence[str],
    target: Target,
    uv: Uv,
    cache: Cache,
    progress: Progress,
    *,
    dependencies: bool = True,
) -> Environment:
    """Return an environment with the requirements, sdists built where there is no wheel.

    What its dependencies resolve to is the newest of the day on which it was first needed.

    Raises DependencyError where this machine has no Python of the target's version, or where the
    requirements cannot be had.
    """
    version = target.runtime.python_version
    python = uv.find_python(version)
    if python is None:
        raise DependencyError(
            f"no Python {version} here to install {' '.join(requirements)} for",
            hint=f"`uv python install {version}` brings it",
        )
    environment = Environment(cache.path("environments", _key(requirements, python, dependencies)))
    done = environment.folder / "installed"
    if not done.is_file():
        # Not beside its place and renamed: its scripts name the folder that they are in.
        shutil.rmtree(environment.folder, ignore_errors=True)
        with progress.task(f"install {' '.join(requirements)}", None, "files"):
            uv.run(["venv", "--quiet", "--python", str(python), str(environment.folder)], target)
            uv.run(
                ["pip", "install", "--quiet", "--link-mode", "copy",
                 "--python", str(environment.python),
                 *(() if dependencies else ("--no-deps",)), *requirements],
                target,
            )  # fmt: skip
        done.touch()
    return environment


def _key(requirements: Sequence[str], python: Path, dependencies: bool) -> str:
    return digest_of(*requirements, python, dependencies)
