"""Who requires whom, from what distributions and the project say."""

from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from hotpack.install import Distribution, File, Kind, Tree
from hotpack.inventory import (
    Metadata,
    Requirements,
    direct_requirements,
    find_requirements,
    read_metadata,
)
from hotpack.project import Dependencies
from hotpack.target import RUNTIMES, Target

ARM = Target(RUNTIMES["python3.13"], "arm64")


def wants(*lines: str) -> Metadata:
    return Metadata(tuple(map(Requirement, lines)))


def find(metadata: dict[str, Metadata], *direct: str) -> Requirements:
    return find_requirements(metadata, tuple(map(Requirement, direct)), ARM)


def test_markers_are_the_targets() -> None:
    """A marker counts for the target, whatever the host is."""
    metadata = {
        "a": wants(
            "mac; sys_platform == 'darwin'",
            "arm; platform_machine == 'aarch64'",
            "intel; platform_machine == 'x86_64'",
            "old; python_version < '3.13'",
            "here",
        ),
        **dict.fromkeys(["mac", "arm", "intel", "old", "here"], Metadata()),
    }
    assert find(metadata, "a").requires["a"] == ("arm", "here")
    assert find(metadata, "A ; sys_platform == 'linux'").direct == ("a",)
    assert find(metadata, "a ; sys_platform == 'win32'").direct == ()


def test_no_marker_is_the_hosts() -> None:
    """The target has a value of its own for every variable that the host has one for."""
    assert ARM.markers.keys() == default_environment().keys()


def test_extras_count_where_they_are_asked_for() -> None:
    """An extra's requirements count only where somebody asks for it, also through another one."""
    metadata = {
        "server": wants("loop; extra == 'standard'", "client[http2]"),
        "client": wants("h2; extra == 'http2'", "brotli; extra == 'br'"),
        **dict.fromkeys(["loop", "h2", "brotli"], Metadata()),
    }
    plain = find(metadata, "server")
    assert plain.requires["server"] == ("client",)
    assert plain.requires["client"] == ("h2",)
    assert find(metadata, "server[standard]").requires["server"] == ("client", "loop")


def test_circles_end() -> None:
    """Distributions that require each other, or themselves by an extra, are no trouble."""
    found = find({"a": wants("b", "a[all]", "c; extra == 'all'"), "b": wants("a"), "c": wants()})
    assert found.requires == {"a": ("b", "c"), "b": ("a",), "c": ()}
    assert found.required_by("a") == ("b",)
    assert found.direct == ()


def test_what_is_not_there_does_not_count() -> None:
    """A requirement that was left out (by an override, say) is nobody's reason."""
    assert find({"a": wants("gone")}, "a", "gone").requires == {"a": ()}


def test_requirements_file(tmp_path: Path) -> None:
    """Lines count by name: with hashes, comments, options, and places of wheels."""
    text = (
        "# a comment\n--index-url https://example.com/a-b\n-e .\n"
        "numpy==2.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "Typing_Extensions  # why\nuvicorn[standard] ; python_version > '3'\n"
        "./wheels/my_own-1.0-py3-none-any.whl\n"
        "https://example.com/w/other-2.0%2Bcpu-py3-none-any.whl ; sys_platform == 'linux'\n"
        "named @ https://example.com/named-1-py3-none-any.whl\nnot a requirement\n"
    )
    path = tmp_path / "requirements.txt"
    found = direct_requirements(Dependencies("requirements.txt", path, b"", text))
    names = ["numpy", "Typing_Extensions", "uvicorn", "my-own", "other", "named"]
    assert [item.name for item in found] == names
    assert found[2].extras == {"standard"}
    assert [str(item.marker) for item in found if item.marker] == [
        'python_version > "3"',
        'sys_platform == "linux"',
    ]


@pytest.mark.parametrize("source", ["uv.lock", "pyproject.toml"])
def test_pyproject(tmp_path: Path, source: str) -> None:
    """With uv.lock too, what the project names itself stands in pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["numpy>=2"]\n')
    dependencies = Dependencies(source, tmp_path / source, b"")  # type: ignore[arg-type]
    assert [item.name for item in direct_requirements(dependencies)] == ["numpy"]
    assert direct_requirements(None) == ()


def test_metadata(tmp_path: Path) -> None:
    """METADATA gives requirements and licenses; what is not valid in it is left out."""
    path = tmp_path / "METADATA"
    path.write_text(
        "Metadata-Version: 2.4\nName: a\nVersion: 1\nLicense-Expression: MIT OR Apache-2.0\n"
        "Classifier: License :: OSI Approved :: MIT License\n"
        "Requires-Dist: b>=1; python_version > '3'\nRequires-Dist: c ~ 1 broken\n\nText.\n"
    )
    file = File("a-1.dist-info/METADATA", 1, "", Kind.METADATA, "a", False, path)
    tree = Tree((Distribution("a", "1"), Distribution("bare", "1")), (file,))
    found = read_metadata(tree)
    assert [item.name for item in found["a"].requires] == ["b"]
    assert found["a"].license_expression == "MIT OR Apache-2.0"
    assert found["a"].classifiers == ("License :: OSI Approved :: MIT License",)
    assert found["bare"] == Metadata()
