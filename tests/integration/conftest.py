"""Real wheels, a cache of the session's own, and projects made on the spot."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hotpack.cache import Cache
from hotpack.install import Uv
from hotpack.pipeline import Tools
from hotpack.progress import Silent
from hotpack.project import Project, load_project
from hotpack.target import RUNTIMES, Target
from hotpack.target.runtimes import host_architecture, host_runtime

HANDLER = """\
import markupsafe._speedups
import yaml

def handler(event, context):
    return {"html": str(markupsafe.escape(event["text"])), "yaml": yaml.safe_load("a: [1, 2]")}
"""
"""Needs two real distributions with extension modules, one of which has a top-level `_yaml`."""

MakeProject = Callable[..., Project]


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(Uv(os.environ), Cache(tmp_path_factory.mktemp("cache")), Silent())


@pytest.fixture(scope="session")
def target() -> Target:
    architecture = host_architecture()
    if host_runtime() not in RUNTIMES or architecture is None:
        pytest.skip(f"Lambda has no {host_runtime()} for this machine")
    return Target(RUNTIMES[host_runtime()], architecture)


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    def make(
        handler: str = HANDLER,
        *,
        dependencies: tuple[str, ...] = ("markupsafe==3.0.3", "pyyaml==6.0.3"),
        table: str = "",
    ) -> Project:
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        (root / "app.py").write_text(handler)
        (root / "requirements.txt").write_text("\n".join(dependencies) + "\n")
        (root / "pyproject.toml").write_text(f'[tool.hotpack]\nhandler = "app.handler"\n{table}\n')
        return load_project(root)

    return make


@pytest.fixture(scope="session")
def python() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable))
