"""The proof that nothing is lost, on a small tree, and that it would notice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hotpack.cache import digest_of
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.measure.operations import deal, operations
from hotpack.measure.proof import compare, full_install, prove, prove_suites
from hotpack.measure.walker import OPERATIONS
from hotpack.pipeline import Tools, prepare
from hotpack.project import Placement
from hotpack.target import Target

from .conftest import MakeProject

DEPENDENCIES = ("jinja2==3.1.6", "pyyaml==6.0.3", "certifi==2025.8.3", "zope.interface==7.2")
"""Extension modules, data by importlib.resources, a namespace package, tests that come along."""


@pytest.fixture(scope="module")
def seed() -> int:
    return 20191


@pytest.fixture
def tree(make_project: MakeProject, tools: Tools) -> Tree:
    return prepare(make_project(dependencies=DEPENDENCIES), tools).slimmed


@pytest.mark.parametrize("placement", ["bundled", "remote"])
def test_nothing_is_lost(
    make_project: MakeProject, tools: Tools, placement: Placement, seed: int
) -> None:
    """Whatever is visited, in whatever order, is the same in the restored tree."""
    project = make_project(dependencies=DEPENDENCIES)
    proof = prove(project, tools, placement, seed=seed, fresh=6)
    assert proof.differences == (), "\n".join(map(str, proof.differences))
    assert proof.unsteady == ()
    assert proof.counts["import"] > 100
    assert proof.incomplete > 100


def test_a_suite_of_a_package(make_project: MakeProject, tools: Tools) -> None:
    """Tests that a wheel brings run in both trees, and each ends alike."""
    project = make_project(dependencies=(*DEPENDENCIES, "pytest==8.4.1"))
    suites = {"zope.interface.common.tests": ["-k", "dict"]}
    [proof] = prove_suites(project, tools, "bundled", suites).values()
    assert proof.differences == ()
    assert proof.counts["passed"] > 10
    assert proof.counts.keys() == {"passed"}


def test_every_way_is_gone(tree: Tree, seed: int) -> None:
    """The same seed visits alike; every kind of operation, every file and module has its turn."""
    planned = operations(tree, seed)
    assert planned == operations(tree, seed)
    assert planned != operations(tree, seed + 1)
    assert {operation[0] for operation in planned} == set(OPERATIONS) - {"import here", "suite"}
    assert {file.path for file in tree.files} <= {str(rest[0]) for _, *rest in planned if rest}
    imported = {name for kind, *rest in planned if kind == "import" for name in rest[0]}
    assert {"yaml.loader", "_yaml", "markupsafe._speedups", "zope.interface"} <= imported
    dealt = deal(planned, seed, 4)
    assert len(dealt) == 6
    done = [repr(operation) for part in dealt for event in part for operation in event]
    own = [operation for operation in done if "import here" in operation]
    assert len(own) == 4
    assert sorted(done) == sorted([*map(repr, planned), *own])


def changed(path: str, content: bytes) -> Callable[[Tree, Path], Tree]:
    """Return what gives a file of a tree another content."""

    def change(tree: Tree, folder: Path) -> Tree:
        source = folder / "changed"
        source.write_bytes(content)
        digest = digest_of(content)
        return tree.replaced(
            replace(file, source=source, sha256=digest, size=len(content))
            if file.path == path
            else file
            for file in tree.files
        )

    return change


def without(path: str) -> Callable[[Tree, Path], Tree]:
    return lambda tree, _: tree.replaced(file for file in tree.files if file.path != path)


def executable(path: str) -> Callable[[Tree, Path], Tree]:
    return lambda tree, _: tree.replaced(
        replace(file, executable=True) if file.path == path else file for file in tree.files
    )


@pytest.mark.parametrize(
    ("tamper", "noticed"),
    [
        (without("yaml/dumper.py"), "import yaml.dumper"),
        (without("certifi/py.typed"), "certifi/py.typed"),
        (without("jinja2-3.1.6.dist-info/entry_points.txt"), "metadata jinja2"),
        (changed("certifi/cacert.pem", b"-"), "certifi/cacert.pem"),
        (executable("yaml/error.py"), "yaml/error.py"),
    ],
)
def test_a_difference_is_noticed(
    tree: Tree,
    target: Target,
    tools: Tools,
    tmp_path: Path,
    seed: int,
    tamper: Callable[[Tree, Path], Tree],
    noticed: str,
) -> None:
    """A file that is gone, or is another, or has another mode, is found and named."""
    tampered = full_install(tamper(tree, tmp_path), target, tools)
    planned = [operation for operation in operations(tree, seed) if small(operation)]
    planned += [["stat", "yaml/error.py"], ["import", ["yaml.dumper", "yaml.nodes"]]]
    proof = compare(full_install(tree, target, tools), tampered, [[planned]], seed, tools)
    assert any(noticed in difference.what for difference in proof.differences)
    assert str(proof.differences[0]).count("\n") == 2


def small(operation: list[object]) -> bool:
    """Whether it is about what was tampered with."""
    return any(name in str(operation[1:]) for name in ("certifi", "yaml/error", "'jinja2'"))


def of_modules(folder: Path, **sources: str) -> Tree:
    """Return a tree of modules without bytecode."""
    folder.mkdir()
    files = []
    for name, text in sorted(sources.items()):
        path = folder / f"{name}.py"
        path.write_text(text)
        digest = digest_of(text)
        files.append(File(path.name, len(text), digest, Kind.SOURCE, "modules", False, path))
    return Tree((Distribution("modules", "1"),), tuple(files))


def test_a_module_that_ends_the_process(target: Target, tools: Tools, tmp_path: Path) -> None:
    """It is a difference like any other, and what would be imported after it still is."""
    good = of_modules(tmp_path / "good", a="", b="x = 1", c="")
    bad = of_modules(tmp_path / "bad", a="", b="import os; os.abort()", c="")
    walks = [full_install(tree, target, tools) for tree in (good, bad)]
    proof = compare(walks[0], walks[1], [[[["import", ["a", "b", "c"]]]]], 1, tools)
    [difference] = proof.differences
    assert difference.what == "import b"
    assert "ended the process" in difference.restored


def test_what_is_unsteady_proves_nothing(target: Target, tools: Tools, tmp_path: Path) -> None:
    """What differs between two visits of the same install is told apart from a difference."""
    tree = of_modules(tmp_path / "tree", dice="import uuid\nglobals()[uuid.uuid4().hex] = 1\n")
    dice = full_install(tree, target, tools)
    proof = compare(dice, dice, [[[["import", ["dice"]], ["stat", "dice.py"]]]], 1, tools)
    assert proof.unsteady == ("import dice",)
    assert proof.differences == ()
    assert proof.counts == {"import": 1, "stat": 1}
