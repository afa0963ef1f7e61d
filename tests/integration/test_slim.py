"""The rules of slim, on real wheels."""

import base64
import ctypes
import hashlib
import io
import subprocess
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from hotpack import audit, install, slim
from hotpack.binaries import Cut, cut
from hotpack.cache import Cache
from hotpack.install import File, Kind, Lock, Tree
from hotpack.pipeline import Tools
from hotpack.progress import Silent
from hotpack.project import Dependencies, SlimConfig
from hotpack.slim.bytecode import Source, compile_sources
from hotpack.target import RUNTIMES, Architecture, Target
from hotpack.target.runtimes import host_architecture, host_runtime

STRIPPED_BY_OTHERS_BREAKS = (
    # Wheels that a plain strip is known to break, and one with symbols for each processor.
    "numpy==2.2.6",
    "scipy==1.16.3",
    "pillow==11.3.0",
    "psycopg2-binary==2.9.10",
    "pyproj==3.7.2",
    "cymem==2.0.11",
)


def tree_of(target: Target, tools: Tools, *pins: str) -> Tree:
    return install.install(Lock("\n".join(pins)), target, tools.uv, tools.cache, tools.progress)


def resolved(target: Target, tools: Tools, folder: Path, *names: str) -> Tree:
    """Return what is newest for the target: pins that one Python has another has not."""
    path = folder / "requirements.txt"
    path.write_text("\n".join(names))
    named = Dependencies("requirements.txt", path, path.read_bytes())
    lock = install.lock(named, target, tools.uv, folder, tools.progress)
    return install.install(lock, target, tools.uv, tools.cache, tools.progress)


def slimmed(tree: Tree, target: Target, python: Path | None, tools: Tools) -> slim.Slimmed:
    return slim.slim(tree, SlimConfig(), target.runtime, python, tools.cache, tools.progress)


def segments(content: bytes) -> list[tuple[object, bytes]]:
    elf = ELFFile(io.BytesIO(content))
    found: list[tuple[object, bytes]] = []
    for segment in elf.iter_segments():
        data = segment.data()
        if segment.header.p_offset == 0:
            # The file's header is in the first segment; where its section table is has moved.
            data = data[:40] + data[48:58] + data[64:]
        found.append((segment.header, data))
    return found


def dynamic(content: bytes) -> tuple[list[str], list[str]]:
    """Return the dynamic tags and the names of the exported and needed symbols."""
    elf = ELFFile(io.BytesIO(content))
    tags: list[str] = []
    symbols: list[str] = []
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            tags = [str(tag) for tag in section.iter_tags()]
        if isinstance(section, SymbolTableSection) and section.name == ".dynsym":
            symbols = [f"{symbol.name} {symbol.entry}" for symbol in section.iter_symbols()]
    return tags, symbols


def binaries(tree: Tree) -> Iterator[File]:
    return (file for file in tree.files if file.kind in {Kind.EXTENSION, Kind.LIBRARY})


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_strip_keeps_what_a_loader_reads(architecture: str, tools: Tools) -> None:
    """Segments, dynamic section and dynamic symbols are the same; an independent reader says so."""
    target = Target(RUNTIMES["python3.12"], "x86_64" if architecture == "x86_64" else "arm64")
    tree = tree_of(target, tools, *STRIPPED_BY_OTHERS_BREAKS)
    saved = 0
    for file in binaries(tree):
        content = file.source.read_bytes()
        smaller = cut(content).content
        if smaller is None:
            continue
        assert len(smaller) < len(content)
        assert segments(smaller) == segments(content), file.path
        assert dynamic(smaller) == dynamic(content), file.path
        assert dynamic(smaller)[1], file.path
        saved += len(content) - len(smaller)
    assert saved > 100_000


def test_stripped_libraries_load(target: Target, tools: Tools, tmp_path: Path) -> None:
    """What was cut still loads, by the system's own loader."""
    tree = resolved(target, tools, tmp_path, "preshed")
    loaded = 0
    for file in binaries(tree):
        smaller = cut(file.source.read_bytes()).content
        if smaller is not None:
            path = tmp_path / Path(file.path).name
            path.write_bytes(smaller)
            ctypes.PyDLL(str(path))
            loaded += 1
    assert loaded


COMPUTING = {
    "numpy": "import numpy; a = numpy.eye(50) * 2; print(int((a @ a).trace()))",
    "scipy": "from scipy import linalg; print(round(100 * linalg.det([[2, 1], [2, 2]])))",
    "pillow": "import io; from PIL import Image; file = io.BytesIO(); "
    "Image.new('L', (20, 10)).save(file, 'JPEG'); print(Image.open(file).width * 10)",
    "psycopg2-binary": "import psycopg2; from psycopg2.extensions import make_dsn, parse_dsn; "
    "print(parse_dsn(make_dsn(port=200))['port'])",
    "pyproj": "import pyproj; at = pyproj.Transformer.from_crs(4326, 3857).transform(0, 0); "
    "print(200 + round(at[0]))",
}


@pytest.mark.parametrize("name", COMPUTING)
def test_still_computes(
    name: str, target: Target, tools: Tools, tmp_path: Path, python: Path
) -> None:
    """What a plain strip is known to break works from the slimmed tree, its libraries included."""
    tree = slimmed(resolved(target, tools, tmp_path, name), target, python, tools).tree
    lay_out(tree, tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {COMPUTING[name]}"
    done = subprocess.run([python, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "200"


def test_gpu_libraries(target: Target, tools: Tools, tmp_path: Path, python: Path) -> None:
    """NVIDIA's libraries go; their extension modules, which import without a GPU, still do."""
    tree = resolved(target, tools, tmp_path, "cuda-bindings", "nvidia-cuda-runtime-cu12")
    result = slimmed(tree, target, python, tools).tree
    gone = {file.path for file in tree.files} - {file.path for file in result.files}
    assert any("libcudart.so" in path for path in gone)
    lay_out(result, tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from cuda.bindings import driver"
    subprocess.run([python, "-S", "-c", program], check=True)


def test_another_target_than_the_host(tools: Tools, tmp_path: Path) -> None:
    """Wheels for another processor and Python are slimmed here, and pass the audit there."""
    other: Architecture = "x86_64" if host_architecture() == "arm64" else "arm64"
    runtime = RUNTIMES["python3.13" if host_runtime() == "python3.14" else "python3.14"]
    target = Target(runtime, other)
    tree = resolved(target, tools, tmp_path, "numpy", "pillow", "cymem")
    result = slimmed(tree, target, None, tools)
    libraries = audit.read_libraries(result.tree, tools.cache)
    assert {library.machine for _, library in libraries.by_path.values()} == {target.machine}
    assert audit.audit(libraries, target) == ()
    saved = {report.rule: report.saved_bytes for report in result.reports}
    assert saved["strip"] > 0


def test_appended_data_is_kept(python: Path) -> None:
    """A file that carries something behind its sections, as installers do, is left alone."""
    content = python.read_bytes()
    kept = cut(content + b"an archive")
    assert kept == Cut(None, "it carries data behind its sections")


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"#!/bin/sh\n", bytes(64), b"\x7fELF\x01\x01" * 20]
)
def test_what_is_no_elf_is_kept(content: bytes) -> None:
    """Anything else than a 64-bit little-endian ELF file is left alone."""
    assert cut(content).content is None


def test_bytecode_is_valid_and_unchecked(
    target: Target, tools: Tools, python: Path, tmp_path: Path
) -> None:
    """Sources have bytecode that counts whatever its date, and is the same at each build."""
    tree = tree_of(target, tools, "markupsafe==3.0.3")
    result = slimmed(tree, target, python, tools).tree
    source = next(file for file in result.files if file.path == "markupsafe/__init__.py")
    name = f"markupsafe/__pycache__/__init__.{target.runtime.cache_tag}.pyc"
    compiled = next(file for file in result.files if file.path == name)
    flags = int.from_bytes(compiled.source.read_bytes()[4:8], "little")
    assert flags == 0b01  # PEP 552: hash-based, not checked
    assert compiled.kind is Kind.BYTECODE
    assert compiled.distribution == source.distribution
    other = Tools(tools.uv, Cache(tmp_path / "cache"), tools.progress)
    assert slimmed(
        tree_of(target, other, "markupsafe==3.0.3"), target, python, other
    ).tree.digest == (result.digest)


SETS = "def f(x):\n    return x in {'a', 'bb', 'ccc', 'dddd', 'eeeee', 'ffffff', 'ggggggg'}\n"


def test_bytecode_does_not_depend_on_the_hash_seed(
    target: Target, python: Path, tmp_path: Path
) -> None:
    """A constant set of texts has the same bytes in every build."""
    source = tmp_path / "sets.py"
    source.write_text(SETS)
    contents = set()
    for number in range(3):
        cache = Cache(tmp_path / f"cache{number}")
        [compiled] = compile_sources(
            [Source(source, "sets.py", "digest")], target.runtime, python, cache
        )
        contents.add(compiled.source.read_bytes())
    assert len(contents) == 1


def test_records_say_what_is_there(
    target: Target, tools: Tools, python: Path, tmp_path: Path
) -> None:
    """RECORDs list every file with its hash and size, stripped or not, and none that was dropped.

    importlib.metadata reads them; bytecode is not in them. Vendored ones are of their own folder.
    """
    tree = resolved(target, tools, tmp_path, "preshed", "setuptools==80.9.0")
    config = SlimConfig(exclude=("setuptools/_distutils/*",))
    result = slim.slim(tree, config, target.runtime, python, tools.cache, tools.progress).tree
    lay_out(result, tmp_path / "there")
    listed: dict[str, metadata.PackagePath] = {}
    for distribution in metadata.distributions(path=[str(tmp_path / "there")]):
        listed |= {str(path): path for path in distribution.files or ()}
    there = {file.path: file for file in result.files if file.kind is not Kind.BYTECODE}
    assert set(listed) == set(there)
    assert not any(path.startswith("setuptools/_distutils/") for path in listed)
    for path, entry in listed.items():
        if not path.endswith("/RECORD"):
            assert entry.hash is not None
            content = bytes.fromhex(there[path].sha256)
            assert entry.hash.value == base64.urlsafe_b64encode(content).rstrip(b"=").decode()
            assert entry.size == there[path].size == (tmp_path / "there" / path).stat().st_size
    vendored = metadata.Distribution.at(
        next((tmp_path / "there/setuptools/_vendor").glob("more_itertools-*.dist-info"))
    )
    names = {str(path) for path in vendored.files or ()}
    assert {"more_itertools/__init__.py", "more_itertools/recipes.py"} <= names


def lay_out(tree: Tree, folder: Path) -> None:
    for file in tree.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(file.source.read_bytes())


def test_cautions_are_said_at_every_build(target: Target, tools: Tools) -> None:
    """A pattern that matches nothing is warned of again where the slimmed tree is in the cache."""
    tree = tree_of(target, tools, "markupsafe==3.0.3")
    for _ in range(2):
        listening = Listening()
        config = SlimConfig(exclude=("markupsave/*",))
        slim.slim(tree, config, target.runtime, None, tools.cache, listening)
        assert listening.warnings == [
            (
                "slim.exclude pattern 'markupsave/*' matches no file",
                "did you mean 'markupsafe/*'?",
            )
        ]


class Listening(Silent):
    def __init__(self) -> None:
        self.warnings: list[tuple[str, str | None]] = []

    def warn(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append((message, hint))


@pytest.mark.parametrize(
    "harm",
    [
        lambda elf: elf[:1000],
        lambda elf: elf[:40] + (1 << 50).to_bytes(8, "little") + elf[48:],
        lambda elf: elf[:62] + b"\xff\xff" + elf[64:],
        lambda elf: elf[:56] + b"\x00\x00" + elf[58:],
    ],
)
def test_damaged_elf_is_kept(
    harm: Callable[[bytes], bytes], target: Target, tools: Tools, tmp_path: Path
) -> None:
    """A library that points out of itself is left as it is, and breaks no build."""
    tree = resolved(target, tools, tmp_path, "preshed")
    content = next(binaries(tree)).source.read_bytes()
    assert cut(harm(content)).content is None


def test_own_bytecode_of_a_wheel(
    target: Target, tools: Tools, python: Path, tmp_path: Path
) -> None:
    """With `caches` off, a wheel's own bytecode is replaced, not doubled."""
    tree = tree_of(target, tools, "markupsafe==3.0.3")
    stray = tmp_path / "stray.pyc"
    stray.write_bytes(b"stray")
    path = f"markupsafe/__pycache__/__init__.{target.runtime.cache_tag}.pyc"
    digest = hashlib.sha256(b"stray").hexdigest()
    extra = File(path, 5, digest, Kind.BYTECODE, "markupsafe", False, stray)
    kept = SlimConfig(caches=False)
    result = slim.slim(
        tree.replaced([*tree.files, extra]),
        kept,
        target.runtime,
        python,
        tools.cache,
        tools.progress,
    )
    assert [file.size for file in result.tree.files if file.path == path] != [5]
    assert len({file.path for file in result.tree.files}) == len(result.tree.files)


def test_without_the_targets_python(target: Target, tools: Tools) -> None:
    """Without the target's Python the tree is slimmed all the same, and has no bytecode."""
    result = slimmed(tree_of(target, tools, "markupsafe==3.0.3"), target, None, tools)
    assert not any(file.kind is Kind.BYTECODE for file in result.tree.files)
    assert "strip" in {report.rule for report in result.reports}


def test_provided_is_reported_and_kept(target: Target, tools: Tools) -> None:
    """What Lambda's runtime has is named with its weight, and dropped only when asked."""
    tree = tree_of(target, tools, "boto3==1.40.0", "botocore==1.40.0", "jmespath==1.0.1")
    kept = slimmed(tree, target, None, tools)
    note = next(report.note for report in kept.reports if report.rule == "provided")
    assert note is not None
    assert note.startswith("the runtime has boto3, botocore, jmespath (")
    assert any(file.distribution == "botocore" for file in kept.tree.files)
    dropping = SlimConfig(provided=True)
    dropped = slim.slim(tree, dropping, target.runtime, None, tools.cache, tools.progress)
    assert dropped.tree.files == ()
    assert dropped.tree.distributions == ()
