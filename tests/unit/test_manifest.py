"""A manifest that says what cannot be is refused: docs/pack-format.md, what a reader guarantees."""

from pathlib import Path
from typing import Any

import pytest

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Manifest

from .packing import add, change, make_packs, restored


@pytest.mark.parametrize("folder", ["../out", "/etc", "a/../../out", "a//b", "."])
def test_folders_that_leave_the_tree(tmp_path: Path, folder: str) -> None:
    """A manifest cannot make the runtime write outside of the tree."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, "0 0 0 0 x", folder))
    with pytest.raises(RestoreError, match="leaves the tree"):
        restored(tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b"])
def test_names_that_leave_their_folder(tmp_path: Path, name: str) -> None:
    """Nor by the name of a file."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, f"0 0 0 0 {name}"))
    with pytest.raises(RestoreError, match="no name of its own"):
        restored(tmp_path)


@pytest.mark.parametrize(("start", "size"), [(-1, 2), (0, 1 << 40), (1 << 40, 0), (3, -1)])
def test_files_that_leave_their_group(tmp_path: Path, start: int, size: int) -> None:
    """A file is a run of its group's bytes."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, f"0 {start} {size} 0 x"))
    with pytest.raises(RestoreError, match="no run of its group"):
        restored(tmp_path)


def test_a_name_twice(tmp_path: Path) -> None:
    """A manifest in which a path repeats is refused."""
    make_packs(tmp_path)
    change(tmp_path, lambda document: add(document, document["folders"][""].split("\n")[0]))
    with pytest.raises(RestoreError, match="no name of its own"):
        restored(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 4}', "[" * 10**5])
def test_no_manifest(tmp_path: Path, text: str) -> None:
    """A file that is no manifest is said to be none."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RestoreError, match="is no manifest"):
        Manifest.read(str(tmp_path / "manifest.json"))


def test_another_format(tmp_path: Path) -> None:
    """A manifest of another version is refused, not guessed at."""
    (tmp_path / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(RestoreError, match="has format 1 and this runtime reads 4"):
        Manifest.read(str(tmp_path / "manifest.json"))


def fits(line: str, group: int, raw_size: int) -> bool:
    numbers = [int(word) for word in line.split(" ")[:3]] if line else []
    return bool(numbers) and (numbers[0] != group or sum(numbers[1:]) <= raw_size)


def test_frame_that_is_larger_than_it_says(tmp_path: Path) -> None:
    """A frame that decompresses to more than the manifest says is refused, not unpacked."""
    make_packs(tmp_path)

    def harm(document: dict[str, Any]) -> None:
        index, group = next(
            (index, group)
            for index, group in enumerate(document["groups"])
            if group[3] and group[3][0][0] != group[3][0][1] and len(group[3]) == 1
        )
        group[3][0][1] -= 1
        raw_size = group[3][0][1]
        document["folders"] = {
            folder: "\n".join(line for line in text.split("\n") if fits(line, index, raw_size))
            for folder, text in document["folders"].items()
        }

    change(tmp_path, harm)
    with pytest.raises(RestoreError, match="do not match"):
        restored(tmp_path)


def test_a_large_file_is_alone_in_its_group(tmp_path: Path) -> None:
    """A group of several frames with two files in it is refused: it is written in parts."""
    make_packs(tmp_path)

    def harm(document: dict[str, Any]) -> None:
        index = next(i for i, group in enumerate(document["groups"]) if len(group[3]) > 1)
        add(document, f"{index} 0 1 0 x")

    change(tmp_path, harm)
    with pytest.raises(RestoreError, match="holds one file"):
        restored(tmp_path)
