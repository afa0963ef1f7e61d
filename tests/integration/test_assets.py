"""Assets in a function, from the project to the handler."""

import json
import zipfile

import pytest

from hotpack import local
from hotpack.inventory import read_sizes
from hotpack.measure import bare_function
from hotpack.pipeline import Tools, build, prepare, requirements_of, sbom_of
from hotpack.project import Project, load_project
from hotpack.sandbox import LocalLambda, Settings

from .conftest import MakeProject

HANDLER = """\
import os

def handler(event, context):
    folder = os.environ["HOTPACK_ASSET_WEIGHTS"]
    with open(os.environ["HOTPACK_ASSET_MODEL"], "rb") as model:
        return {"model": model.read().hex(), "weights": sorted(os.listdir(folder)), "at": folder}
"""
TABLE = '[tool.hotpack.assets]\nmodel = "models/a.bin"\nweights = "weights"'


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    project = make_project(HANDLER, dependencies=("markupsafe==3.0.3",), table=TABLE)
    (project.root / "models").mkdir()
    (project.root / "models" / "a.bin").write_bytes(bytes(range(256)) * 40)
    (project.root / "weights").mkdir()
    for name in ("x.npy", "y.npy"):
        (project.root / "weights" / name).write_text(name)
    return project


def answer(function: LocalLambda) -> dict[str, object]:
    invocation = function.invoke(b"{}")
    assert invocation.status == "success", invocation.payload
    found: dict[str, object] = json.loads(invocation.payload)
    return found


def test_inline(project: Project, tools: Tools) -> None:
    """The handler finds assets that are raw in the function by their variables."""
    built = build(project, tools)
    assert built.layout.names("inline") == ("asset:model", "asset:weights", "markupsafe")
    assert not built.layout.is_packed
    assert built.release.environment == {
        "HOTPACK_ASSET_MODEL": "/var/task/hotpack-asset-model/a.bin",
        "HOTPACK_ASSET_WEIGHTS": "/var/task/hotpack-asset-weights",
    }
    with zipfile.ZipFile(built.release.function_zip) as archive:
        assert "models/a.bin" not in archive.namelist()
    function = local.function_of(built.release, "inline")
    with local.run(function, tools, release=built.release) as running:
        found = answer(running.function)
    assert found["model"] == (bytes(range(256)) * 40).hex()
    assert found["weights"] == ["x.npy", "y.npy"]


@pytest.mark.parametrize("placement", ["bundled", "remote"])
def test_packed(project: Project, tools: Tools, placement: str) -> None:
    """The handler finds assets by their variables where they are restored from packs."""
    built = build(load_project(project.root, {"place": {"*": placement}}), tools)
    assert built.release.environment == {}
    function = local.function_of(built.release, placement)
    with local.run(function, tools, release=built.release) as running:
        found = answer(running.function)
    assert found["model"] == (bytes(range(256)) * 40).hex()
    assert found["weights"] == ["x.npy", "y.npy"]
    assert str(found["at"]).startswith("/tmp/hotpack/")


def test_one_packed_one_not(project: Project, tools: Tools) -> None:
    """Assets can be pinned each for itself, as distributions are."""
    built = build(load_project(project.root, {"place": {"asset:weights": "bundled"}}), tools)
    assert built.layout.names("bundled") == ("asset:weights",)
    assert list(built.release.environment) == ["HOTPACK_ASSET_MODEL"]
    function = local.function_of(built.release, "both")
    with local.run(function, tools, release=built.release) as running:
        found = answer(running.function)
    assert found["model"] == (bytes(range(256)) * 40).hex()
    assert found["weights"] == ["x.npy", "y.npy"]


def test_in_the_bare_function(project: Project, tools: Tools) -> None:
    """The full install that figures are divided by has the assets too."""
    function = bare_function(prepare(project, tools), tools)
    settings = Settings(enforce_package_size=False)
    with local.run(function, tools, settings=settings) as running:
        assert answer(running.function)["weights"] == ["x.npy", "y.npy"]


def test_a_change_is_a_change(project: Project, tools: Tools) -> None:
    """An asset written anew is built anew, and what was built of the old one is what it was."""
    before = prepare(project, tools).slimmed
    (project.root / "models" / "a.bin").write_bytes(b"new")
    after = prepare(load_project(project.root), tools).slimmed
    assert before.digest != after.digest
    for tree, content in ((before, bytes(range(256)) * 40), (after, b"new")):
        [file] = [file for file in tree.files if file.distribution == "asset:model"]
        assert file.source.read_bytes() == content


def test_weighed_and_named(project: Project, tools: Tools) -> None:
    """Assets are in the record of sizes and the bill of materials, as the project's own wish."""
    built = build(project, tools)
    [model, *_] = read_sizes(built.folder).distributions
    assert (model.distribution, model.slimmed_bytes, model.placement) == (
        "asset:model", 10_240, "inline",
    )  # fmt: skip
    direct = requirements_of(built.prepared).direct
    assert direct == ("asset:model", "asset:weights", "markupsafe")
    document = json.loads(sbom_of(built, tools))
    components = {item["name"]: item for item in document["components"]}
    assert components["asset:model"]["type"] == "data"
    assert "purl" not in components["asset:model"]
    [root] = [item for item in document["dependencies"] if item["ref"] == "project"]
    assert components["asset:model"]["bom-ref"] in root["dependsOn"]
