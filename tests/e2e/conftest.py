"""The commands as a user types them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Hotpack = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def hotpack(tmp_path: Path, cache_dir: Path) -> Hotpack:
    """Run `hotpack ARGUMENTS` in a folder; a project's, if none is named."""

    def run(
        *arguments: str, cwd: Path = tmp_path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir), **(environment or {})}
        return subprocess.run(
            [sys.executable, "-m", "hotpack", *arguments],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """Return what a command printed for programs."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
