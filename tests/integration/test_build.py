"""From a project to artifacts, with real wheels."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.cache import Cache
from hotpack.errors import ConfigError, LimitError
from hotpack.install import Uv
from hotpack.inventory import read_sizes
from hotpack.pack import read_release
from hotpack.pipeline import Build, Tools, build, prepare
from hotpack.progress import Silent
from hotpack.project import Project, load_project
from hotpack.project.config import PLACEMENTS

from .conftest import HANDLER, MakeProject


def placed(project: Project, placement: str) -> Project:
    return load_project(project.root, {"place": {"*": placement}})


def names(result: Build) -> list[str]:
    with zipfile.ZipFile(result.release.function_zip) as archive:
        return archive.namelist()


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_same_bytes(
    make_project: MakeProject, tools: Tools, tmp_path: Path, placement: str
) -> None:
    """Two builds, the second one with an empty cache, give the same bytes in every artifact."""
    project = placed(make_project(), placement)
    one = everything(build(project, tools).release.folder)
    fresh = Tools(tools.uv, Cache(tmp_path / "cache"), Silent())
    two = everything(build(project, fresh).release.folder)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_inline(make_project: MakeProject, tools: Tools) -> None:
    """A function whose layout is all inline has the starter, and its dependencies as they are."""
    result = build(make_project(), tools)
    assert result.release.handler == "hotpack_runtime.entry.handler"
    assert {"hotpack_runtime/start.json", "hotpack_runtime/start.bytecode"} < {*names(result)}
    assert not any("_zstd" in name or name.endswith("manifest.json") for name in names(result))
    assert "markupsafe/__init__.py" in names(result)


def test_inline_may_carry_nothing_of_hotpack(make_project: MakeProject, tools: Tools) -> None:
    """Without the starter it has the project's own handler and no file of hotpack's."""
    result = build(make_project(table="starter = false"), tools)
    assert result.release.handler == "app.handler"
    assert not any("hotpack" in name for name in names(result))
    assert "markupsafe/__init__.py" in names(result)
    assert any(name.startswith("__pycache__/app.") for name in names(result))


def test_bundled(make_project: MakeProject, tools: Tools) -> None:
    """A bundled function holds packs, the manifest and the runtime, and no distribution raw."""
    result = build(placed(make_project(), "bundled"), tools)
    assert result.release.handler == "hotpack_runtime.entry.handler"
    assert "hotpack_runtime/manifest.json" in names(result)
    assert any(name.endswith(".pack") for name in names(result))
    assert not any(name.startswith("markupsafe") for name in names(result))
    assert result.release.remote_packs == {}


def test_remote(make_project: MakeProject, tools: Tools) -> None:
    """A remote function holds no packs; they are beside it under the keys that S3 will have."""
    result = build(placed(make_project(), "remote"), tools)
    assert not any(name.endswith(".pack") for name in names(result))
    for key, path in result.release.remote_packs.items():
        assert (result.release.folder / path).is_file()
        name = Path(path).stem
        assert key == f"hotpack/packs/{name[:2]}/{name}.pack"


def test_size_is_what_lambda_counts(make_project: MakeProject, tools: Tools) -> None:
    """`package_bytes` is the sum of the unzipped files."""
    for placement in PLACEMENTS:
        release = build(placed(make_project(), placement), tools).release
        with zipfile.ZipFile(release.function_zip) as archive:
            assert archive.testzip() is None
            assert release.package_bytes == sum(item.file_size for item in archive.infolist())


def test_handler_change_repacks_nothing(make_project: MakeProject, tools: Tools) -> None:
    """After a change of the handler no stage is run again: neither uv nor the compressor."""
    project = placed(make_project(), "bundled")
    build(project, tools)
    cached = everything(tools.cache.root).keys()
    (project.root / "app.py").write_text(HANDLER + "\n# changed\n")

    class NoWork(Silent):
        def task(self, description: str, total: object, unit: object):  # type: ignore[no-untyped-def]
            # These look up what was read and compressed before, and do nothing else.
            if not description.startswith(("compress", "follow imports")):
                raise AssertionError(f"{description} again")
            return super().task(description, None, "files")

    result = build(project, replace(tools, progress=NoWork()))
    with zipfile.ZipFile(result.release.function_zip) as archive:
        assert archive.read("app.py").endswith(b"# changed\n")
    new = everything(tools.cache.root).keys() - cached
    assert {name.split("/")[0] for name in new} == {"bytecode"}


def test_record_of_sizes(make_project: MakeProject, tools: Tools) -> None:
    """A build says what its distributions weigh and where they are, and nothing of this machine."""
    result = build(placed(make_project(), "bundled"), tools)
    sizes = read_sizes(result.folder)
    assert [item.distribution for item in sizes.distributions] == ["markupsafe", "pyyaml"]
    for item, place in zip(sizes.distributions, result.layout.placed, strict=True):
        assert (item.slimmed_bytes, item.packed_bytes) == (place.raw_bytes, place.packed_bytes)
        assert item.placement == "bundled"
        assert item.installed_bytes > 0
    assert sizes.code_bytes == len(HANDLER)
    text = (result.folder / "sizes.json").read_text()
    assert str(tools.cache.root) not in text
    assert str(result.prepared.project.root) not in text


def test_release_is_read_back(make_project: MakeProject, tools: Tools) -> None:
    """What a build writes of itself is what is read from its folder."""
    result = build(make_project(table='environment = { MODE = "b" }'), tools)
    assert read_release(result.folder) == result.release


def test_only_the_newest_build_is_kept(make_project: MakeProject, tools: Tools) -> None:
    """A build replaces the one before, and what a killed one left behind is cleared."""
    project = make_project()
    build(project, tools)
    (project.state / "build-killed").mkdir()
    build(project, tools)
    folders = [path.name for path in project.state.glob("build-*")]
    assert folders == [(project.state / "build").readlink().name]


def test_failed_build_keeps_the_one_before(make_project: MakeProject, tools: Tools) -> None:
    """A build that fails leaves the earlier artifacts as they were."""
    project = make_project()
    before = everything(build(project, tools).release.folder)
    (project.root / "app.py").write_text("def other(event, context): ...\n")
    with pytest.raises(ConfigError, match="does not define 'handler'"):
        build(project, tools)
    assert everything((project.state / "build").resolve()) == before


def test_pinned_over_the_limit(make_project: MakeProject, tools: Tools) -> None:
    """Inline by force over the limit names the biggest and the bytes; nothing is written."""
    project = make_project(table='include = ["app.py", "model.bin"]\nplace = { "*" = "inline" }')
    with (project.root / "model.bin").open("wb") as model:
        model.truncate(262_144_000)
    with pytest.raises(LimitError) as caught:
        build(load_project(project.root), tools)
    assert "Unzipped size must be smaller than 262144000 bytes" in caught.value.message
    assert "pyyaml (inline)" in caught.value.message
    assert "bytes over" in caught.value.message
    assert not (project.state / "build").exists()


def test_own_files_win(make_project: MakeProject, tools: Tools) -> None:
    """A project's file stands for a dependency's of the same path, and that one stays inline."""
    project = make_project(table='include = ["app.py", "markupsafe/__init__.py"]')
    (project.root / "markupsafe").mkdir()
    (project.root / "markupsafe" / "__init__.py").write_text("mine = True\n")
    result = build(placed(project, "bundled"), tools)
    assert result.layout.names("inline") == ("markupsafe",)
    assert result.layout.names("bundled") == ("pyyaml",)
    assert names(result).count("markupsafe/__init__.py") == 1
    with zipfile.ZipFile(result.release.function_zip) as archive:
        assert archive.read("markupsafe/__init__.py") == b"mine = True\n"


def test_for_a_target_that_is_not_here(make_project: MakeProject, tools: Tools) -> None:
    """A build for another Python and processor works, and says that there is no bytecode."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, message: str, *, hint: str | None = None) -> None:
            said.append(f"{message} {hint}")

    class NoPython(Uv):
        def find_python(self, version: str) -> Path | None:
            return None

    project = make_project(table='runtime = "python3.13"\narchitecture = "arm64"')
    import os

    elsewhere = Tools(NoPython(os.environ), tools.cache, Listening())
    result = build(placed(project, "bundled"), elsewhere)
    assert any("_zstd.cpython-313-aarch64" in name for name in names(result))
    assert not any(name.endswith(".pyc") for name in names(result))
    assert "no Python 3.13 here" in said[0]
    assert "uv python install 3.13" in said[0]


def test_project_without_dependencies(tmp_path: Path, tools: Tools) -> None:
    """A project may have no dependencies at all."""
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    result = build(load_project(tmp_path), tools)
    assert result.layout.placed == ()
    assert json.loads((result.folder / "release.json").read_text())["handler"] == "app.handler"


def test_missing_library_is_warned_of(make_project: MakeProject, tools: Tools) -> None:
    """lightgbm needs libgomp, which neither its wheel nor Lambda has: the build says so."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, message: str, *, hint: str | None = None) -> None:
            said.append(message)

    project = make_project("def handler(e, c): ...", dependencies=("lightgbm",))
    build(project, replace(tools, progress=Listening()))
    assert any("lightgbm" in line and "needs libgomp.so.1" in line for line in said)


def test_missing_module_is_warned_of(make_project: MakeProject, tools: Tools) -> None:
    """What a start imports and nothing brings is named with the file, the project's too."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, message: str, *, hint: str | None = None) -> None:
            said.append(f"{message} {hint}")

    project = make_project(
        "import boto3, json, yaml, markupsafe, vendored\nfrom own import part\nimport absent\n"
        "try:\n    import optional\nexcept ImportError:\n    pass\n"
        "def handler(e, c):\n    import later\n"
    )
    for path, text in {
        "own/__init__.py": "",
        "own/part.py": "from . import other",
        "own/other.py": "import requests.adapters",
        "own/tool.py": "import pytest",
        "lib/vendored.py": "",
    }.items():
        (project.root / path).parent.mkdir(exist_ok=True)
        (project.root / path).write_text(text)
    build(project, replace(tools, progress=Listening()))
    absent, requests = [line for line in said if "no dependency brings" in line]
    assert absent.startswith("app.py imports absent, which")
    assert "in requirements.txt" in absent
    assert requests.startswith("own/other.py imports requests, which")


def test_display_library_is_warned_of(make_project: MakeProject, tools: Tools) -> None:
    """opencv-python needs libGL, which Lambda lacks: the build says so, and what would do."""
    said: list[str] = []

    class Listening(Silent):
        def warn(self, message: str, *, hint: str | None = None) -> None:
            said.append(f"{message} {hint}")

    project = make_project("def handler(e, c): ...", dependencies=("opencv-python<4.12",))
    prepare(project, replace(tools, progress=Listening()))
    assert any("libGL.so.1" in line and "opencv-python-headless" in line for line in said)
