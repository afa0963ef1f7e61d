from pathlib import Path

import pytest

from hotpack.errors import SandboxError
from hotpack.sandbox.folders import SandboxFolders, note_groups


def standing(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()]


def test_what_has_an_owner_is_not_swept(tmp_path: Path) -> None:
    first = SandboxFolders(tmp_path)
    with first.made() as own:
        (own / "file").touch()
    second = SandboxFolders(tmp_path)
    assert (own / "file").exists()
    second.close()
    first.close()
    assert standing(tmp_path) == []


def test_what_a_killed_owner_left_is_swept_with_its_control_groups(tmp_path: Path) -> None:
    group = tmp_path / "groups" / "hotpack-x"
    group.mkdir(parents=True)
    killed = SandboxFolders(tmp_path / "sandboxes")
    with killed.made() as own:
        note_groups(own, [group, tmp_path / "groups" / "never made"])
    killed._lock.close()  # as the kernel does it for a process that ends
    next_one = SandboxFolders(tmp_path / "sandboxes")
    assert not own.exists()
    assert not group.exists()
    next_one.close()


def test_a_sandbox_that_could_not_be_opened_leaves_no_folder(tmp_path: Path) -> None:
    folders = SandboxFolders(tmp_path)

    def fail() -> None:
        with folders.made() as own:
            (own / "half").touch()
            raise SandboxError("no namespaces")

    with pytest.raises(SandboxError, match="no namespaces"):
        fail()
    assert [path.name for path in folders._own.iterdir()] == ["lock"]
    folders.close()
    folders.close()
