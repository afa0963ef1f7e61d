"""The cache under builds: pruned between them, and while they run."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hotpack import local
from hotpack.cache import Cache, census, prune
from hotpack.errors import CacheInUseError
from hotpack.pipeline import Tools, build, prepare
from hotpack.progress import Silent
from hotpack.sandbox import Settings

from .conftest import MakeProject


@pytest.fixture
def fresh(tools: Tools, tmp_path: Path) -> Tools:
    return Tools(tools.uv, Cache(tmp_path / "cache"), Silent())


@pytest.mark.parametrize("kind", ["stripped", "bytecode", "records", "trees", "slimmed", "frames"])
def test_what_was_pruned_is_made_again(make_project: MakeProject, fresh: Tools, kind: str) -> None:
    """Whatever kind of entry is gone, the next build makes the same function."""
    project = make_project(table='place = { "*" = "bundled" }')
    before = build(project, fresh).release.function_zip.read_bytes()
    shutil.rmtree(fresh.cache.root / kind)
    again = build(project, fresh)
    assert again.release.function_zip.read_bytes() == before
    assert all(file.source.is_file() for file in again.prepared.slimmed.files)


def test_a_build_uses_all_that_it_needs(make_project: MakeProject, fresh: Tools) -> None:
    """After a build that found everything, nothing of it counts as unused."""
    project = make_project()
    prepare(project, fresh)
    began_s = max(entry.used_s for entry in census(fresh.cache.root))
    again = prepare(project, fresh)
    used = {entry.path for entry in census(fresh.cache.root) if entry.used_s > began_s}
    for file in (*again.installed.files, *again.slimmed.files):
        assert used.intersection(file.source.parents) or file.source in used


def test_builds_at_once_and_prunes_between(
    make_project: MakeProject, tools: Tools, tmp_path: Path
) -> None:
    """Two builds of an empty cache that is cleared all the while both come out right."""
    project = make_project(table='place = { "*" = "bundled" }')
    expected = build(project, tools).release.function_zip.read_bytes()
    cache = tmp_path / "cache"
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from hotpack.cache import Cache\n"
        "from hotpack.install import Uv\n"
        "from hotpack.pipeline import Tools, build\n"
        "from hotpack.progress import Silent\n"
        "from hotpack.project import load_project\n"
        "for _ in range(3):\n"
        "    tools = Tools(Uv(os.environ), Cache(Path(sys.argv[2])), Silent())\n"
        "    build(load_project(Path(sys.argv[1])), tools)\n"
        "    tools.cache.release()\n"
    )
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        shutil.copytree(project.root, folder, ignore=shutil.ignore_patterns(".hotpack"))
    builds = [
        subprocess.Popen([sys.executable, "-c", program, str(folder), str(cache)])
        for folder in folders
    ]
    pruned = 0
    while any(process.poll() is None for process in builds):
        with contextlib.suppress(CacheInUseError):
            pruned += prune(cache, 0).removed_entries
    assert [process.returncode for process in builds] == [0, 0]
    assert pruned
    for folder in folders:
        assert (folder / ".hotpack/build/function.zip").read_bytes() == expected


def test_a_served_function_outlives_clearing(make_project: MakeProject, fresh: Tools) -> None:
    """While `hotpack serve` serves, the cache can be cleared but for what it runs."""
    project = make_project()
    build(project, fresh)
    served = local.serve(
        project.state / "build",
        fresh,
        lambda release: local.function_of(release, "served"),
        settings=Settings(idle_life_s=0.01),
    )
    with served as function:
        assert prune(fresh.cache.root, 0).removed_entries
        answer = function.invoke(b'{"text": "<"}')
        assert b"&lt;" in answer.payload
        kinds = {entry.kind for entry in census(fresh.cache.root)}
        assert kinds == {"runtimes", "packages"}
    assert prune(fresh.cache.root, 0).size_bytes == 0
