"""The bill of materials, of real wheels."""

import json
import zipfile
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hotpack.pipeline import Tools, build, sbom_of
from hotpack.project import Project, load_project
from hotpack.project.config import PLACEMENTS

from .conftest import MakeProject

HANDLER = "import jinja2\n\ndef handler(event, context): ...\n"


def with_jinja2(make_project: MakeProject, table: str = "") -> Project:
    project = make_project(HANDLER, dependencies=("jinja2==3.1.6", "pyyaml==6.0.3"), table=table)
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text() + '[project]\nname = "my-function"\nversion = "1.2"\n')
    return load_project(project.root)


def bill(project: Project, tools: Tools) -> str:
    return sbom_of(build(project, tools), tools)


def needs(document: Any) -> dict[str, list[str]]:
    return {item["ref"]: item.get("dependsOn", []) for item in document["dependencies"]}


def test_names_all_that_is_shipped(make_project: MakeProject, tools: Tools) -> None:
    """Every distribution is there with purl, hash and license, and who needs whom."""
    document = json.loads(bill(with_jinja2(make_project), tools))
    by_name = {item["name"]: item for item in document["components"]}
    assert set(by_name) == {"jinja2", "markupsafe", "pyyaml"}
    jinja2 = by_name["jinja2"]
    assert jinja2["purl"] == "pkg:pypi/jinja2@3.1.6"
    # The wheel's on PyPI. The source distribution's begins with 0137fb05.
    [digest] = jinja2["hashes"]
    assert digest["alg"] == "SHA-256"
    assert digest["content"].startswith("85ece4451f49")
    assert jinja2["licenses"] == [{"license": {"name": "BSD License"}}]
    assert by_name["pyyaml"]["licenses"] == [{"license": {"id": "MIT"}}]
    graph = needs(document)
    assert graph["project"] == [jinja2["purl"], by_name["pyyaml"]["purl"]]
    assert graph[jinja2["purl"]] == [by_name["markupsafe"]["purl"]]
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == ("my-function", "1.2")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_is_valid(make_project: MakeProject, tools: Tools, placement: str) -> None:
    """The document is CycloneDX 1.6 to the letter, and the same for the same build."""
    project = with_jinja2(make_project, f'place = {{ "*" = "{placement}" }}')
    text = bill(project, tools)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert bill(project, tools) == text
    assert "timestamp" not in text
    assert str(tools.cache.root) not in text


def test_names_what_restores(make_project: MakeProject, tools: Tools) -> None:
    """A function that restores packs names hotpack and the decoder that it carries."""
    packed = with_jinja2(make_project, 'place = { "*" = "bundled" }')
    built = build(packed, tools)
    document = json.loads(sbom_of(built, tools))
    by_ref = {item["bom-ref"]: item for item in document["components"]}
    runtime = {ref: item["name"] for ref, item in by_ref.items() if ref.startswith("runtime/")}
    with zipfile.ZipFile(built.release.function_zip) as archive:
        has_decoder = any("_zstd." in name for name in archive.namelist())
    assert set(runtime.values()) == {"hotpack", *(["backports-zstd"] if has_decoder else [])}
    [own] = [ref for ref, name in runtime.items() if name == "hotpack"]
    assert own in needs(document)["project"]
    assert needs(document)[own] == sorted(set(runtime) - {own})


def test_serial_number_is_the_contents(make_project: MakeProject, tools: Tools) -> None:
    """Another version of the project alone is another document, and has another number."""
    project = with_jinja2(make_project)
    one = json.loads(bill(project, tools))
    path = project.root / "pyproject.toml"
    path.write_text(path.read_text().replace('"1.2"', '"1.3"'))
    two = json.loads(bill(load_project(project.root), tools))
    assert one["components"] == two["components"]
    assert one["serialNumber"] != two["serialNumber"]
