"""Finding the project's assets."""

from pathlib import Path

import pytest

from hotpack.errors import ConfigError
from hotpack.project import collect_assets, collect_code, left_out, load_project

from .test_code import project


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    """A file is named by its variable itself, of a folder the folder, whatever is in it."""
    files = {
        "models/a.onnx": "a",
        "weights/config.json": "{}",
        "weights/deep/x.bin": "x",
        "weights/code.py": "",
    }
    table = '[tool.hotpack.assets]\nmodel = "models/a.onnx"\nthe_weights = "weights"'
    model, weights = collect_assets(load_project(project(tmp_path, files, table)))
    assert (model.variable, model.place) == ("HOTPACK_ASSET_MODEL", "hotpack-asset-model/a.onnx")
    assert model.distribution == "asset:model"
    assert [file.path for file in model.files] == ["hotpack-asset-model/a.onnx"]
    assert weights.variable == "HOTPACK_ASSET_THE_WEIGHTS"
    assert weights.distribution == "asset:the-weights"
    assert weights.place == "hotpack-asset-the_weights"
    assert [file.path for file in weights.files] == [
        "hotpack-asset-the_weights/code.py",
        "hotpack-asset-the_weights/config.json",
        "hotpack-asset-the_weights/deep/x.bin",
    ]


def test_version_tells_the_content(tmp_path: Path) -> None:
    """Another content is another version, so a profile of the old one is stale."""
    root = project(tmp_path, {"a.onnx": "a"}, 'assets = { model = "a.onnx" }')
    [before] = collect_assets(load_project(root))
    (root / "a.onnx").write_text("b")
    [after] = collect_assets(load_project(root))
    assert before.version != after.version


@pytest.mark.parametrize("table", ["", 'include = ["app.py", "models", "pack"]'])
def test_assets_are_no_code(tmp_path: Path, table: str) -> None:
    """What is an asset is not in the function a second time, nor said to be left out of it."""
    files = {"app.py": "", "models/a.onnx": "a", "pack/__init__.py": "", "pack/w/b.bin": "b"}
    table += '\nassets = { model = "models/a.onnx", w = "pack/w" }'
    loaded = load_project(project(tmp_path, files, table))
    code = collect_code(loaded)
    assert [file.path for file in code] == ["app.py", "pack/__init__.py"]
    assert left_out(loaded, code) == ()


def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing asset is named, and an empty folder is no asset."""
    root = project(tmp_path, {}, 'assets = { model = "models/a.onnx" }')
    with pytest.raises(ConfigError, match=r"assets\.model = 'models/a\.onnx' does not exist"):
        collect_assets(load_project(root))
    (root / "models" / "a.onnx").mkdir(parents=True)
    with pytest.raises(ConfigError, match="is an empty folder"):
        collect_assets(load_project(root))
