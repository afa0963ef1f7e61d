"""The examples that are too heavy for Lambda otherwise, as a user builds and runs them."""

import os
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

from hotpack.install import Uv

from .conftest import Hotpack, document

EXAMPLES = Path(__file__).parents[2] / "examples"
LINKS = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS") or ""
WITH_LINKS = {"UV_FIND_LINKS": LINKS} if LINKS else {}


@pytest.fixture
def example(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    name: str = request.param
    if Uv(os.environ).find_python("3.12") is None:
        pytest.skip("no Python 3.12 on this machine to run the examples with")
    return copytree(EXAMPLES / name, tmp_path / name, ignore=ignore_patterns(".hotpack"))


def response(hotpack: Hotpack, example: Path, **environment: str) -> Any:
    """Return what the example's sample event is answered, by a function that needs no bucket."""
    built = document(hotpack("build", "--json", cwd=example, environment=environment))
    assert built["fits"] is True
    assert built["package_bytes"] <= built["limit_bytes"] == 262_144_000
    assert "remote" not in {row["placement"] for row in built["layout"]}
    answer = document(hotpack("invoke", "--json", cwd=example, environment=environment))
    [invocation] = answer["invocations"]
    assert invocation["status"] == "success", invocation
    return invocation["response"]


@pytest.mark.heavy
@pytest.mark.parametrize("example", ["tensorflow"], indirect=True)
def test_tensorflow(hotpack: Hotpack, example: Path) -> None:
    """The whole of TensorFlow is in one function, and the model, an asset, knows a seven."""
    sizes = document(hotpack("sizes", "--json", cwd=example))
    assert sizes["installed_bytes"] > 5 * sizes["limit_bytes"]
    answer = response(hotpack, example)
    assert answer["digit"] == 7
    assert answer["chance"] > 0.9


@pytest.mark.heavy
@pytest.mark.parametrize("example", ["scikit-learn"], indirect=True)
def test_scikit_learn(hotpack: Hotpack, example: Path) -> None:
    """Three kinds of models agree, and lightgbm's libgomp is scikit-learn's."""
    assert response(hotpack, example) == {
        "scikit-learn": [0, 1, 2],
        "xgboost": [0, 1, 2],
        "lightgbm": [0, 1, 2],
    }


@pytest.mark.heavy
@pytest.mark.parametrize("example", ["ocr"], indirect=True)
def test_ocr(hotpack: Hotpack, example: Path) -> None:
    """The text of the picture is read, by the headless build of opencv."""
    assert response(hotpack, example) == {"lines": ["Hot files first,", "cold on touch"]}
    built = hotpack("build", cwd=example)
    assert "opencv-python-headless" in built.stdout
    assert "libGL" not in built.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("example", ["ocr"], indirect=True)
def test_ocr_without_its_override(hotpack: Hotpack, example: Path) -> None:
    """What the example shows a way around: opencv-python needs a library that Lambda lacks."""
    path = example / "pyproject.toml"
    path.write_text(path.read_text().replace("override-dependencies", "constraint-dependencies"))
    said = hotpack("sizes", cwd=example).stderr
    assert "needs libGL.so.1, which neither" in said
    assert "opencv-python-headless instead of opencv-python" in " ".join(said.split())


@pytest.mark.heavy
@pytest.mark.parametrize("example", ["torch"], indirect=True)
def test_torch(hotpack: Hotpack, example: Path) -> None:
    """PyTorch for processors, where its wheel for the example's Python can be had."""
    built = hotpack("build", cwd=example, environment=WITH_LINKS)
    if built.returncode != 0 and "torch" in built.stderr:
        pytest.skip("no CPU build of torch 2.13.0 for Python 3.12: see UV_FIND_LINKS")
    assert response(hotpack, example, **WITH_LINKS) == {"sines": [0.0, 0.48, 0.84, 0.91]}


@pytest.mark.parametrize("example", ["torch"], indirect=True)
def test_torch_needs_a_newer_system(hotpack: Hotpack, example: Path) -> None:
    """For python3.11, whose glibc is too old for torch, the build says what the wheels are for."""
    if not any(Path(folder).glob("torch-2.13.0+cpu-cp311-*") for folder in LINKS.split()):
        pytest.skip("no CPU build of torch 2.13.0 for Python 3.11: see UV_FIND_LINKS")
    path = example / "pyproject.toml"
    path.write_text(path.read_text().replace("3.12", "3.11"))
    built = hotpack("build", cwd=example, environment=WITH_LINKS)
    assert built.returncode == 1
    said = " ".join(built.stderr.split())
    assert "torch has no wheel for python3.11" in said
    assert "its wheels are for `manylinux_2_28_" in said
