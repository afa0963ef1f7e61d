"""Rules of slim that need no wheels."""

from pathlib import Path

import pytest

from hotpack.audit import Libraries
from hotpack.binaries import Library
from hotpack.errors import ConfigError, DependencyError
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.progress import Silent
from hotpack.project import CodeFile
from hotpack.slim.botocore_data import drop_service_models
from hotpack.slim.exclude import drop_excluded
from hotpack.slim.gpu import drop_gpu


def file(path: str, kind: Kind = Kind.DATA, distribution: str = "d") -> File:
    return File(path, 10, "", kind, distribution, False, Path(path))


def tree(*files: File) -> Tree:
    names = sorted({item.distribution for item in files})
    return Tree(tuple(Distribution(name, "1") for name in names), files)


def paths(result: Tree) -> list[str]:
    return [item.path for item in result.files]


class Listening(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str, *, hint: str | None = None) -> None:
        self.said.append(message)


NCCL = file("nvidia/nccl/lib/libnccl.so.2", Kind.LIBRARY, "nvidia-nccl-cu12")
NCCL_MODULE = file("nvidia/nccl/__init__.py", Kind.SOURCE, "nvidia-nccl-cu12")
XGBOOST = file("xgboost/lib/libxgboost.so", Kind.LIBRARY, "xgboost")


def needing(*needed: str) -> Libraries:
    return Libraries(
        {
            NCCL.path: (NCCL, Library("x86_64", "libnccl.so.2", (), (), ())),
            XGBOOST.path: (XGBOOST, Library("x86_64", "libxgboost.so", needed, (), ())),
        }
    )


def test_gpu_libraries_that_nothing_needs() -> None:
    """GPU libraries that no other library names as needed go; their modules stay."""
    slimmed, report = drop_gpu(tree(NCCL, NCCL_MODULE, XGBOOST), needing("libc.so.6"))
    assert paths(slimmed) == [NCCL_MODULE.path, XGBOOST.path]
    assert report.saved_bytes == 10
    assert "nvidia-nccl-cu12" in (report.note or "")


def test_gpu_build() -> None:
    """A library that needs a GPU library is of a GPU build: the error names the CPU build."""
    with pytest.raises(DependencyError, match="xgboost is a GPU build.*libnccl.so.2") as caught:
        drop_gpu(tree(NCCL, NCCL_MODULE, XGBOOST), needing("libnccl.so.2"))
    assert "UV_TORCH_BACKEND=cpu" in (caught.value.hint or "")


def test_without_gpu_libraries() -> None:
    """A tree without them is left as it is, without a note."""
    slimmed, report = drop_gpu(tree(XGBOOST), Libraries({}))
    assert slimmed == tree(XGBOOST)
    assert report.note is None


FILES = (
    file("numpy/__init__.py"),
    file("numpy/tests/test_a.py"),
    file("numpy/tests/data.txt"),
    file("numpy-2.dist-info/METADATA"),
)


def test_exclude_and_include() -> None:
    """What matches a pattern goes, but for what is included again; `*` crosses folders."""
    slimmed, report = drop_excluded(tree(*FILES), ["numpy/tests/*"], ["*.txt"], Silent())
    assert paths(slimmed) == [
        "numpy-2.dist-info/METADATA",
        "numpy/__init__.py",
        "numpy/tests/data.txt",
    ]
    assert report.saved_files == 1


def test_pattern_that_matches_nothing() -> None:
    """A pattern that matches nothing is warned of."""
    progress = Listening()
    drop_excluded(tree(*FILES), ["numpi/*"], ["*.nothing"], progress)
    assert progress.said == [
        "slim.exclude pattern 'numpi/*' matches no file",
        "slim.include pattern '*.nothing' matches no file",
    ]


def test_pattern_that_removes_metadata() -> None:
    """A pattern that would remove a .dist-info is an error, unless that is included again."""
    with pytest.raises(ConfigError, match="would remove numpy-2.dist-info/METADATA"):
        drop_excluded(tree(*FILES), ["numpy*"], [], Silent())
    slimmed, _ = drop_excluded(tree(*FILES), ["numpy*"], ["*.dist-info/*"], Silent())
    assert paths(slimmed) == ["numpy-2.dist-info/METADATA"]


def test_service_models(tmp_path: Path) -> None:
    """Models of services that the code names stay, and what all services need."""
    source = tmp_path / "app.py"
    source.write_text(
        "s3 = boto3.client('s3')\n"
        "db = session.resource(service_name='dynamodb')\n"
        "client('sqs', region_name='x')\n"
    )
    code = [CodeFile("app.py", source, 1, "")]
    names = ("s3/a.json", "dynamodb/a.json", "sqs/a", "sts/a", "ec2/a", "endpoints.json")
    files = [file(f"botocore/data/{name}") for name in names] + [file("botocore/session.py")]
    slimmed, report = drop_service_models(tree(*files), code)
    gone = set(paths(tree(*files))) - set(paths(slimmed))
    assert gone == {"botocore/data/ec2/a"}
    assert report.note == "services that the code names: dynamodb, s3, sqs"
