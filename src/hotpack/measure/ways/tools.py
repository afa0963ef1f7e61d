"""Runs other tools' own programs, and npm, which brings those that are not on PyPI."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hotpack.cache import digest_of
from hotpack.errors import DependencyError, IndexUnreachableError
from hotpack.pipeline import Tools

_LAST_WORDS = 400


def run_tool(
    name: str,
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a program of the tool in a folder.

    Raises DependencyError with the last of what it said where it fails.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise DependencyError(f"{name} cannot be run: {error}") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise DependencyError(f"{name} failed with status {done.returncode}: {said[-_LAST_WORDS:]}")


def npm_package(requirement: str, tools: Tools) -> Path:
    """Return the folder of an npm package (`name@version`), its dependencies beside it.

    Raises DependencyError where there is no npm, IndexUnreachableError where it brings nothing.
    """
    name, _, _ = requirement.rpartition("@")
    key = digest_of("npm", requirement)
    folder = tools.cache.path("npm", key)
    if not folder.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise DependencyError(
                f"{requirement} comes from npm, which is not installed", hint="apt install npm"
            )
        options = ("--no-audit", "--no-fund", "--ignore-scripts")
        with (
            tools.cache.folder("npm", key) as beside,
            tools.progress.task(f"install {requirement}", None, "files"),
        ):
            try:
                run_tool("npm", [npm, "install", *options, "--prefix", beside, requirement], beside)
            except DependencyError as error:
                raise IndexUnreachableError(error.message) from error
    return folder / "node_modules" / name
