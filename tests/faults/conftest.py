"""The function that faults are tried with, built once."""

import os
from pathlib import Path

import pytest

from hotpack.cache import Cache
from hotpack.install import Uv
from hotpack.pipeline import Tools
from hotpack.progress import Silent

from .stage import Built, build_all


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that sandboxes may look into, whoever they run as."""
    folder = tmp_path_factory.mktemp("faults")
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def built(place: Path) -> dict[str, Built]:
    return build_all(place, Tools(Uv(os.environ), Cache(place / "cache"), Silent()))
