"""The smoke check, on real wheels."""

from pathlib import Path

import pytest

from hotpack.errors import HotpackError
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.measure import smoke_check
from hotpack.measure.smoke import top_level_modules
from hotpack.pipeline import Prepared, Tools, build, prepare

from .conftest import MakeProject


def test_what_imports_still_imports(make_project: MakeProject, tools: Tools) -> None:
    """All packages of the tree import from the slimmed one too; those that never do are named."""
    project = make_project(dependencies=("markupsafe==3.0.3", "pyyaml==6.0.3", "tabulate==0.9.0"))
    smoke = smoke_check(prepare(project, tools), tools)
    assert smoke.modules == ("_yaml", "markupsafe", "tabulate", "yaml")
    assert smoke.failing == {}


def test_a_rule_that_breaks_an_import(make_project: MakeProject, tools: Tools) -> None:
    """A difference is an error that names the module, its failure and the rule."""
    table = '[tool.hotpack.slim]\nexclude = ["yaml/nodes.py"]'
    project = make_project("def handler(e, c): ...", table=table)
    with pytest.raises(HotpackError) as caught:
        smoke_check(prepare(project, tools), tools)
    assert "yaml imports from the full install" in caught.value.message
    assert "No module named 'yaml.nodes'" in caught.value.message
    assert "the rule exclude made the difference" in caught.value.message
    assert "narrow slim.exclude" in (caught.value.hint or "")


def test_a_refused_build_publishes_nothing(make_project: MakeProject, tools: Tools) -> None:
    """What the check refuses is not written: the earlier build stays the one that is served."""
    project = make_project("def handler(e, c): ...")
    before = build(project, tools).release.folder
    project = make_project(
        "def handler(e, c): ...", table='[tool.hotpack.slim]\nexclude = ["yaml/nodes.py"]'
    )
    with pytest.raises(HotpackError, match="made the difference"):
        build(project, tools, accept=lambda prepared: refuse(prepared, tools))
    assert (project.state / "build").resolve() == before


def refuse(prepared: Prepared, tools: Tools) -> None:
    smoke_check(prepared, tools)


def test_top_level_modules() -> None:
    """Modules, packages and extension modules at the root are found; metadata and data are not."""
    kinds = {
        "package/__init__.py": Kind.SOURCE,
        "module.py": Kind.SOURCE,
        "_native.cpython-313-x86_64-linux-gnu.so": Kind.EXTENSION,
        "package-1.dist-info/METADATA": Kind.METADATA,
        "data/file.txt": Kind.DATA,
        "not-a-name/__init__.py": Kind.SOURCE,
    }
    files = tuple(File(p, 1, "", kind, "d", False, Path(p)) for p, kind in kinds.items())
    assert top_level_modules(Tree((Distribution("d", "1"),), files)) == (
        "_native",
        "module",
        "package",
    )
