"""Every way to ship a project runs in the local Lambda; other tools come from their registries."""

import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotpack import local
from hotpack.errors import DependencyError, HotpackError, IndexUnreachableError
from hotpack.measure import compare_cold_starts
from hotpack.measure.cold_starts import Comparison
from hotpack.measure.page_cache import forget, settle
from hotpack.measure.ways import BARE, PEERS, WAYS, Shipped, Way
from hotpack.pipeline import Prepared, Tools, prepare
from hotpack.project import Project
from hotpack.sandbox import Settings

from .conftest import MakeProject

EVENT = b'{"text": "<a>"}'
# A package that no tool brings along for itself, as Zappa brings markupsafe.
HANDLER = """\
import os
import msgpack

def handler(event, context):
    with open(os.environ["HOTPACK_ASSET_WORDS"]) as words:
        return {
            "text": msgpack.unpackb(msgpack.packb(event["text"])),
            "from": msgpack.__file__,
            "words": words.read(),
        }
"""


@pytest.fixture
def project(make_project: MakeProject, tmp_path: Path) -> Project:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/words.txt").write_text("asset")
    return make_project(
        HANDLER,
        dependencies=("msgpack==1.1.1",),
        table='[tool.hotpack.assets]\nwords = "words.txt"',
    )


def ship(way: Way, prepared: Prepared, tools: Tools) -> Shipped:
    """Return what the way comes to; skip the test where a registry cannot be reached."""
    try:
        return way.ship(prepared, tools)
    except IndexUnreachableError as error:
        pytest.skip(f"{way.name}: its registry cannot be reached: {error.message}")


def answers(shipped: Shipped, tools: Tools, *events: bytes) -> list[Any]:
    with local.run(
        shipped.function, tools, release=shipped.release, objects=shipped.objects
    ) as running:
        invocations = [running.function.invoke(shipped.event(event)) for event in events]
    assert [item.status for item in invocations] == ["success"] * len(events), invocations[0].log
    return [json.loads(item.payload) for item in invocations]


PLACES = {
    "article": "/tmp/packages/",
    "zappa": "/tmp/project/",
    "serverless": "/tmp/sls-py-req/",
    "serverless-unstripped": "/tmp/sls-py-req/",
    "snaploader": "/var/task/msgpack/",
}
"""Where each says that the package is; snaploader's files are nowhere."""


@pytest.mark.parametrize("name", WAYS)
def test_each_way_runs(name: str, project: Project, tools: Tools) -> None:
    """The handler answers alike however it was shipped, twice, with its asset."""
    first, second = answers(ship(WAYS[name], prepare(project, tools), tools), tools, EVENT, EVENT)
    assert first == second
    assert (first["text"], first["words"]) == ("<a>", "asset")
    if name in PLACES:
        assert first["from"].startswith(PLACES[name])


def test_each_peer_is_here() -> None:
    """No tool is measured that the test above does not run."""
    assert set(PLACES) == {way.name for way in PEERS}


def test_article_fetches_its_zip(project: Project, tools: Tools) -> None:
    """The packages come from the bucket, at the network's pace, and not from the function."""
    shipped = WAYS["article"].ship(prepare(project, tools), tools)
    assert not list(shipped.function.code.rglob("msgpack"))
    with local.run(shipped.function, tools, objects=shipped.objects) as running:
        running.function.invoke(EVENT)
        assert running.bucket is not None
        assert {request.key for request in running.bucket.requests} == {"packages.zip"}


def test_slim_strips_and_deletes(project: Project, tools: Tools) -> None:
    """serverless-python-requirements does what its `slim` says: no metadata, stripped libraries."""
    import zipfile

    prepared = prepare(project, tools)
    sizes = {}
    for name in ("serverless", "serverless-unstripped"):
        code = ship(WAYS[name], prepared, tools).function.code
        with zipfile.ZipFile(code / ".requirements.zip") as packed:
            entries = {item.filename: item.file_size for item in packed.infolist()}
        assert not [entry for entry in entries if ".dist-info" in entry or entry.endswith(".pyc")]
        sizes[name] = sum(size for entry, size in entries.items() if entry.endswith(".so"))
    assert 0 < sizes["serverless"] < sizes["serverless-unstripped"]


def test_zappas_event_is_an_object(project: Project, tools: Tools) -> None:
    """An event that Zappa cannot pass on is refused in words."""
    shipped = ship(WAYS["zappa"], prepare(project, tools), tools)
    with pytest.raises(HotpackError, match="JSON objects"):
        shipped.event(b"[1]")


def resident_bytes(path: Path) -> int:
    """Return how much of a file is in the page cache, as mincore tells."""
    import ctypes

    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    file = os.open(path, os.O_RDONLY)
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file, 0)
    found = (ctypes.c_ubyte * pages)()
    failed = libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), found)
    libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
    os.close(file)
    assert not failed
    return sum(page & 1 for page in found) * mmap.PAGESIZE


def test_forgotten_files_are_cold(tmp_path: Path) -> None:
    """What is forgotten is in the page cache no more; what is elsewhere stays."""
    folder = Path(os.environ.get("HOTPACK_TEST_DISK", Path.cwd())) / ".pytest-page-cache"
    folder.mkdir(exist_ok=True)
    forgotten, kept = folder / "a/forgotten", folder / "kept"
    try:
        forgotten.parent.mkdir(exist_ok=True)
        for path in (forgotten, kept):
            path.write_bytes(b"x" * 1_000_000)
        settle()
        if not resident_bytes(forgotten):
            pytest.skip("this file system has no page cache")
        forget([forgotten.parent])
        assert resident_bytes(forgotten) == 0
        assert resident_bytes(kept) > 0
    finally:
        for path in (forgotten, kept):
            path.unlink(missing_ok=True)
        forgotten.parent.rmdir()
        folder.rmdir()


def fails(message: str) -> Way:
    def refuse(_: Prepared, __: Tools) -> Shipped:
        raise DependencyError(message)

    return Way("absent", "a tool that cannot be had", refuse)


def broken(name: str, handler: str) -> Way:
    def ship_broken(prepared: Prepared, tools: Tools) -> Shipped:
        from dataclasses import replace

        shipped = BARE.ship(prepared, tools)
        return replace(shipped, function=replace(shipped.function, handler=handler))

    return Way(name, "a way whose handler is not there", ship_broken)


@pytest.fixture
def compare(project: Project, tools: Tools) -> Callable[..., Comparison]:
    def run(*ways: Way, rounds: int = 2) -> Comparison:
        return compare_cold_starts(project, EVENT, ways, rounds, tools)

    return run


def test_comparison(compare: Callable[..., Comparison]) -> None:
    """Each way has as many cold starts in each state as the bare import, and a waterfall."""
    found = compare(WAYS["bundled"], WAYS["article"])
    names = ["bare import", "bundled", "article"]
    assert [item.way for item in found.of("warm")] == names
    assert [item.way for item in found.of("cold")] == names
    assert {len(item.durations_ms) for item in found.starts} == {2}
    assert found.of("cold")[0].ratios == (1.0, 1.0)
    assert found.left_out == {}
    bare, bundled, article = found.waterfalls
    assert {part.detail for part in bare.parts} >= {"msgpack", "app", "awslambdaric"}
    assert "msgpack" in {part.detail for part in bundled.parts}
    assert {part.phase for part in article.parts} >= {"fetch", "unpack", "import"}


def test_what_cannot_be_is_said(compare: Callable[..., Comparison]) -> None:
    """A tool that is not to be had, or that fails, is left out with its own words."""
    found = compare(fails("it is not there"), broken("broken", "nothing.handler"), rounds=1)
    assert found.left_out["absent"] == "it is not there"
    assert "No module named 'nothing'" in found.left_out["broken"]
    assert [item.way for item in found.of("warm")] == ["bare import"]


def test_a_package_over_the_limit(project: Project, tools: Tools) -> None:
    """Other tools' packages are held to Lambda's limit; the bare import is not."""
    (project.root / "big.bin").write_bytes(os.urandom(1) + bytes(263_000_000))
    from hotpack.project import load_project

    big = load_project(project.root, {"include": ["app.py", "big.bin"]})
    found = compare_cold_starts(big, EVENT, [WAYS["article"]], 1, tools, ("warm",))
    assert "Unzipped size must be smaller than 262144000 bytes" in found.left_out["article"]
    assert [item.way for item in found.starts] == ["bare import"]


def test_init_that_begins_again(make_project: MakeProject, tools: Tools) -> None:
    """An init phase that passes its limit counts with the second one, and is said to."""
    slow = f"""\
import os, time
if not os.path.exists("/tmp/again"):
    open("/tmp/again", "w").close()
    time.sleep({Settings().init_timeout_s + 5})
def handler(event, context): ...
"""
    project = make_project(slow, dependencies=())
    found = compare_cold_starts(project, EVENT, [], 1, tools, ("warm",))
    (bare,) = found.starts
    assert bare.restarts == 1
    assert bare.median_ms > Settings().init_timeout_s * 1000
