"""Rules of slim that need no wheels."""

from pathlib import Path

import pytest

from hotpack.audit import Libraries
from hotpack.binaries import Library
from hotpack.errors import ConfigError, DependencyError
from hotpack.install import Distribution, File, Kind, Tree
from hotpack.project import CodeFile
from hotpack.slim.botocore_data import drop_service_models, drop_unnamed_models
from hotpack.slim.exclude import drop_excluded, refuse_hot
from hotpack.slim.gpu import drop_gpu


def file(path: str, kind: Kind = Kind.DATA, distribution: str = "d") -> File:
    return File(path, 10, "", kind, distribution, False, Path(path))


def tree(*files: File) -> Tree:
    names = sorted({item.distribution for item in files})
    return Tree(tuple(Distribution(name, "1") for name in names), files)


def paths(result: Tree) -> list[str]:
    return [item.path for item in result.files]


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
    assert "a build of xgboost for CPUs" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("distribution", "hint"),
    [("torch", "UV_TORCH_BACKEND=cpu"), ("onnxruntime-gpu", "name onnxruntime instead")],
)
def test_gpu_build_of_which_there_is_another(distribution: str, hint: str) -> None:
    """The hint for a well-known GPU build says how its CPU build is asked for."""
    own = file("lib/libown.so", Kind.LIBRARY, distribution)
    found = Libraries(
        {
            NCCL.path: (NCCL, Library("x86_64", "libnccl.so.2", (), (), ())),
            own.path: (own, Library("x86_64", None, ("libnccl.so.2",), (), ())),
        }
    )
    with pytest.raises(DependencyError) as caught:
        drop_gpu(tree(NCCL, own), found)
    assert hint in (caught.value.hint or "")


def test_what_modules_of_gpu_distributions_load() -> None:
    """An extension module imports without a GPU: it stays, and all that it loads; the rest goes."""
    module = file("cuda/bindings/driver.abi3.so", Kind.EXTENSION, "cuda-bindings")
    near = file("cuda/bindings/libnear.so.1", Kind.LIBRARY, "cuda-bindings")
    far = file("nvidia/lib/libfar.so.2", Kind.LIBRARY, "nvidia-far")
    other = file("nvidia/lib/libother.so", Kind.LIBRARY, "nvidia-far")
    needs = {module: ("libnear.so.1",), near: ("libfar.so.2",), far: ("libc.so.6",), other: ()}
    found = Libraries(
        {item.path: (item, Library("x86_64", None, names, (), ())) for item, names in needs.items()}
    )
    slimmed, report = drop_gpu(tree(*needs), found)
    assert set(slimmed.files) == {module, near, far}
    assert report.note == "nvidia-far: nothing here loads them without a GPU"


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
    slimmed, report = drop_excluded(tree(*FILES), ["numpy/tests/*"], ["*.txt"])
    assert paths(slimmed) == [
        "numpy-2.dist-info/METADATA",
        "numpy/__init__.py",
        "numpy/tests/data.txt",
    ]
    assert report.saved_files == 1


def test_pattern_that_matches_nothing() -> None:
    """A pattern that matches nothing is warned of."""
    _, report = drop_excluded(tree(*FILES), ["numpi/*"], ["*.nothing"])
    assert [caution.message for caution in report.cautions] == [
        "slim.exclude pattern 'numpi/*' matches no file",
        "slim.include pattern '*.nothing' matches no file",
    ]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("numpi/*", "numpy/*"),
        ("numpy/test/*", "numpy/tests/*"),
        ("numpy/tests", "numpy/tests/*"),
        ("numpy/tests/", "numpy/tests/*"),
        ("./numpy/tests/*", "numpy/tests/*"),
        ("tests", "*/tests/*"),
        ("test_a.py", "*/test_a.py"),
    ],
)
def test_hint_at_what_was_meant(pattern: str, meant: str) -> None:
    """The hint for a pattern that matches nothing is a near one that matches something."""
    _, report = drop_excluded(tree(*FILES), [pattern], [])
    assert [caution.hint for caution in report.cautions] == [f"did you mean {meant!r}?"]


def test_hint_without_a_near_match() -> None:
    """Where nothing is near, the hint says how patterns are written."""
    _, report = drop_excluded(tree(*FILES), ["unheard/of"], [])
    assert "e.g. numpy/tests/*" in (report.cautions[0].hint or "")


def test_include_alone() -> None:
    """Exceptions to nothing change nothing, and are warned of."""
    slimmed, report = drop_excluded(tree(*FILES), [], ["numpy/*"])
    assert set(slimmed.files) == set(FILES)
    assert [caution.message for caution in report.cautions] == [
        "slim.include does nothing without slim.exclude"
    ]


def test_pattern_that_removes_metadata() -> None:
    """A pattern that would remove a .dist-info is an error, unless that is included again."""
    with pytest.raises(ConfigError, match="would remove numpy-2.dist-info/METADATA"):
        drop_excluded(tree(*FILES), ["numpy*"], [])
    slimmed, _ = drop_excluded(tree(*FILES), ["numpy*"], ["*.dist-info/*"])
    assert paths(slimmed) == ["numpy-2.dist-info/METADATA"]


def test_pattern_that_removes_a_hot_file() -> None:
    """A pattern that removes what a cold start uses is an error, unless that is included again."""
    hot = ["numpy", "numpy/__init__.py", "numpy/tests/data.txt", "numpy/gone.py"]
    with pytest.raises(ConfigError, match="removes numpy/tests/data.txt, which a cold start uses"):
        refuse_hot(tree(*FILES), ["numpy/tests/*", "numpy/gone*"], [], hot)
    refuse_hot(tree(*FILES), ["numpy/tests/*", "numpy/gone*"], ["*.txt"], hot)
    refuse_hot(tree(*FILES), ["numpy/tests/*.py"], [], hot)
    refuse_hot(tree(*FILES), [], [], hot)


NAMES = ("s3/a.json", "dynamodb/a.json", "sqs/a", "sts/a", "ec2/a", "endpoints.json")
MODELS = tree(*(file(f"botocore/data/{name}") for name in NAMES), file("botocore/session.py"))


def code(folder: Path, text: str) -> list[CodeFile]:
    source = folder / "app.py"
    source.write_text(text)
    return [CodeFile("app.py", source, 1, "")]


def gone(slimmed: Tree) -> set[str]:
    return set(paths(MODELS)) - set(paths(slimmed))


def test_service_models(tmp_path: Path) -> None:
    """Models of services that the code names stay, and what all services need."""
    text = (
        "s3 = boto3.client('s3')\n"
        "db = session.resource(service_name='dynamodb')\n"
        "client('sqs', region_name='x')\n"
        "self.client.get_object(name)\n"
        "somebody.client()\n"
    )
    slimmed, report = drop_unnamed_models(MODELS, code(tmp_path, text))
    assert gone(slimmed) == {"botocore/data/ec2/a"}
    assert report.note == "services that are named: dynamodb, s3, sqs"
    assert report.cautions == ()


@pytest.mark.parametrize(
    "hidden",
    [
        "boto3.client(name)",
        "boto3.client(*names)",
        "boto3.client(service_name=name)",
        "session.create_client(f'{name}')",
        "session.resource(**options)",
        "make = boto3.client",
        "from boto3 import client as make",
    ],
)
def test_service_that_cannot_be_read(hidden: str, tmp_path: Path) -> None:
    """Where the code hides which service it asks for, all models stay, and the place is named."""
    text = f"s3 = boto3.client('s3')\n{hidden}\n"
    slimmed, report = drop_unnamed_models(MODELS, code(tmp_path, text))
    assert slimmed == MODELS
    assert "app.py:2" in report.cautions[0].message


def test_code_that_names_no_service(tmp_path: Path) -> None:
    """Where the code names no service it is a dependency that does, so all models stay."""
    slimmed, report = drop_unnamed_models(MODELS, code(tmp_path, "import s3fs\n"))
    assert slimmed == MODELS
    assert "the code names none" in report.cautions[0].message


def test_without_botocore(tmp_path: Path) -> None:
    """A tree without botocore is left as it is, without a word."""
    slimmed, report = drop_unnamed_models(tree(XGBOOST), code(tmp_path, "boto3.client(name)"))
    assert (slimmed, report.cautions, report.note) == (tree(XGBOOST), (), None)


def test_listed_services() -> None:
    """Services may be listed: those stay, and what botocore's own credentials need."""
    slimmed, _ = drop_service_models(MODELS, ["s3"])
    assert gone(slimmed) == {f"botocore/data/{name}/a" for name in ("sqs", "ec2")} | {
        "botocore/data/dynamodb/a.json"
    }


def test_listed_service_that_does_not_exist() -> None:
    """A listed service that botocore has no model of is an error that names the nearest."""
    with pytest.raises(ConfigError, match="'dynamo', which botocore has no model of") as caught:
        drop_service_models(MODELS, ["s3", "dynamo"])
    assert caught.value.hint == "did you mean 'dynamodb'?"
