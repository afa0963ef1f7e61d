"""The bill of materials, of real wheels."""

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hotpack.pipeline import Tools, prepare, sbom_of

from .conftest import MakeProject


def test_is_valid_and_complete(make_project: MakeProject, tools: Tools) -> None:
    """The document is CycloneDX 1.6, names every distribution with its hash, and who needs whom."""
    project = make_project("def handler(e, c): ...", dependencies=("jinja2==3.1.6",))
    text = sbom_of(prepare(project, tools))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    by_name = {item["name"]: item for item in document["components"]}
    assert set(by_name) == {"jinja2", "markupsafe"}
    jinja2 = by_name["jinja2"]
    assert jinja2["purl"] == "pkg:pypi/jinja2@3.1.6"
    assert [item["alg"] for item in jinja2["hashes"]] == ["SHA-256"]
    assert jinja2["licenses"]
    needs = {item["ref"]: item.get("dependsOn", []) for item in document["dependencies"]}
    assert needs[project.name] == [jinja2["purl"]]
    assert needs[jinja2["purl"]] == [by_name["markupsafe"]["purl"]]


def test_same_bytes(make_project: MakeProject, tools: Tools) -> None:
    """The same build gives the same document: no clock, no random number."""
    prepared = prepare(make_project(), tools)
    assert sbom_of(prepared) == sbom_of(prepared)
    assert "timestamp" not in sbom_of(prepared)
