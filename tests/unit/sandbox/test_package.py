import os
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hotpack.errors import ArtifactError, LimitError
from hotpack.sandbox import Function, package
from hotpack.target import RUNTIMES
from hotpack.target.limits import DIRECT_UPLOAD_BYTES, UNZIPPED_BYTES


def make_zip(path: Path, files: Mapping[str, bytes], mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 2, 3, 4, 6))
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return path


def function(code: Path, *layers: Path) -> Function:
    return Function(
        handler="app.handler",
        runtime=RUNTIMES["python3.13"],
        architecture="x86_64",
        code=code,
        layers=layers,
    )


def unpack(function: Function, state_dir: Path) -> package.Package:
    return package.Unpacked(function, state_dir).package()


def test_the_size_is_that_of_all_files_unpacked(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"app.py": b"x" * 1000, "data/a": b"y" * 500})
    layer = make_zip(tmp_path / "layer.zip", {"python/lib.py": b"z" * 70})
    assert package.unzipped_bytes(function(code, layer)) == 1570


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "code" / "data").mkdir(parents=True)
    (tmp_path / "code" / "app.py").write_bytes(b"x" * 10)
    (tmp_path / "code" / "data" / "a").write_bytes(b"x" * 5)
    assert package.unzipped_bytes(function(tmp_path / "code")) == 15


def sparse(path: Path, size_bytes: int) -> Path:
    path.mkdir()
    with (path / "weights").open("wb") as file:
        file.truncate(size_bytes)
    return path


def test_a_package_of_exactly_the_limit_passes(tmp_path: Path) -> None:
    package.check_size(function(sparse(tmp_path / "code", UNZIPPED_BYTES)))


def test_a_byte_more_is_refused_in_lambdas_words(tmp_path: Path) -> None:
    code = sparse(tmp_path / "code", UNZIPPED_BYTES + 1)
    with pytest.raises(LimitError, match="Unzipped size must be smaller than 262144000 bytes"):
        package.check_size(function(code))


def test_layers_count_and_are_named(tmp_path: Path) -> None:
    code = sparse(tmp_path / "code", UNZIPPED_BYTES)
    layer = make_zip(tmp_path / "layer.zip", {"a": b"xyz"})
    with pytest.raises(LimitError, match=r"with layers .* actual size is 262144003 bytes"):
        package.check_size(function(code, layer))


def test_a_zip_is_unpacked_with_its_dates_and_executable_bits(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"bin/tool": b"#!"}, mode=0o755)
    tool = unpack(function(code), tmp_path / "state").task / "bin" / "tool"
    assert tool.read_bytes() == b"#!"
    assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    with zipfile.ZipFile(code) as archive:
        assert archive.getinfo("bin/tool").date_time == (1980, 1, 2, 3, 4, 6)
    assert tool.stat().st_mtime == 315630246  # 1980-01-02T03:04:06Z: Lambda's clock is UTC


def test_a_zip_without_dates_is_unpacked(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "function.zip", {"app.py": b"x"})
    date = struct.pack("<H", 2 | 1 << 5)  # of 1980-01-02, as zips write it
    path.write_bytes(path.read_bytes().replace(date, b"\0\0"))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("app.py").date_time[:3] == (1980, 0, 0)
    assert (unpack(function(path), tmp_path / "state").task / "app.py").exists()


def test_a_file_over_a_folder_is_refused(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"a/b": b"x", "a": b"y"})
    with pytest.raises(ArtifactError, match="a cannot be unpacked"):
        unpack(function(code), tmp_path / "state")


def test_a_folder_is_used_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    unpacked = unpack(function(tmp_path / "code"), tmp_path / "state")
    assert unpacked.task == tmp_path / "code"


def test_layers_lie_over_each_other_in_their_order(tmp_path: Path) -> None:
    first = make_zip(tmp_path / "1.zip", {"python/a.py": b"1", "python/b.py": b"1"})
    second = make_zip(tmp_path / "2.zip", {"python/b.py": b"2"})
    code = make_zip(tmp_path / "function.zip", {"app.py": b""})
    opt = unpack(function(code, first, second), tmp_path / "state").opt
    assert (opt / "python" / "a.py").read_bytes() == b"1"
    assert (opt / "python" / "b.py").read_bytes() == b"2"
    swapped = unpack(function(code, second, first), tmp_path / "state").opt
    assert (swapped / "python" / "b.py").read_bytes() == b"1"


def test_what_was_unpacked_is_found_again_by_its_content(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"app.py": b"1"})
    first = unpack(function(code), tmp_path / "state")
    inode = first.task.stat().st_ino
    again = make_zip(tmp_path / "renamed.zip", {"app.py": b"1"})
    assert unpack(function(again), tmp_path / "state").task == first.task
    assert first.task.stat().st_ino == inode
    changed = make_zip(tmp_path / "function.zip", {"app.py": b"2"})
    assert unpack(function(changed), tmp_path / "state").task != first.task


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/outside"])
def test_a_path_out_of_the_package_is_refused(tmp_path: Path, name: str) -> None:
    code = make_zip(tmp_path / "function.zip", {name: b"x"})
    with pytest.raises(ArtifactError, match="outside"):
        unpack(function(code), tmp_path / "state")
    assert not list(tmp_path.rglob("outside"))


def test_nothing_half_unpacked_is_left_behind(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"app.py": b"x", "../outside": b"x"})
    with pytest.raises(ArtifactError):
        unpack(function(code), tmp_path / "state")
    assert list((tmp_path / "state" / "packages").iterdir()) == []


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"lib/b.so": b"a.so"}, mode=stat.S_IFLNK | 0o777)
    link = unpack(function(code), tmp_path / "state").task / "lib" / "b.so"
    assert link.readlink() == Path("a.so")


def test_a_symbolic_link_out_of_the_package_is_refused(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"lib": b"../../.."}, mode=stat.S_IFLNK | 0o777)
    with pytest.raises(ArtifactError, match="points outside"):
        unpack(function(code), tmp_path / "state")


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    code = make_zip(tmp_path / "function.zip", {"app.py": b"some content of a module"})
    content = bytearray(code.read_bytes())
    content[40] ^= 0xFF
    code.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"function\.zip"):
        unpack(function(code), tmp_path / "state")


def test_what_is_no_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "function.zip").write_bytes(b"no")
    with pytest.raises(ArtifactError, match=r"function\.zip"):
        package.check_size(function(tmp_path / "function.zip"))
    with pytest.raises(ArtifactError, match="does not exist"):
        package.check_size(function(tmp_path / "missing.zip"))


def test_a_zip_that_needs_s3_is_refused_in_lambdas_words(tmp_path: Path) -> None:
    code = tmp_path / "function.zip"
    with code.open("wb") as file:
        file.truncate(DIRECT_UPLOAD_BYTES)
    package.check_direct_upload(function(code))
    with code.open("ab") as file:
        file.write(b"x")
    words = "Request must be smaller than 69905067 bytes for the CreateFunction operation"
    with pytest.raises(LimitError, match=words):
        package.check_direct_upload(function(code), "CreateFunction")
    package.check_direct_upload(function(tmp_path))  # a folder is no zip yet


def rewrite(path: Path) -> None:
    modified = path.stat().st_mtime_ns
    path.write_bytes(b"B" * path.stat().st_size)
    os.utime(path, ns=(modified, modified))


@pytest.mark.parametrize(
    "touch",
    [
        rewrite,
        lambda path: path.unlink(),
        lambda path: path.with_name("more.py").write_text(""),
        lambda path: path.with_name("data").rmdir(),
    ],
)
def test_what_a_function_wrote_into_its_package_is_served_to_nobody(
    tmp_path: Path, touch: Callable[[Path], object]
) -> None:
    made = function(make_zip(tmp_path / "function.zip", {"app.py": b"good", "data/": b""}))
    task = unpack(made, tmp_path).task
    before = (task / "app.py").stat().st_ino
    assert (unpack(made, tmp_path).task / "app.py").stat().st_ino == before
    touch(task / "app.py")
    again = unpack(made, tmp_path).task
    assert (again / "app.py").read_bytes() == b"good"
    assert sorted(path.name for path in again.iterdir()) == ["app.py", "data"]
    assert [path.name for path in (tmp_path / "packages").glob("unpacking-*")] == []
