"""What a module imports, told from its file."""

from pathlib import Path

import pytest

from hotpack.install import File, Kind
from hotpack.layout.imports import Imports, read_extension, read_source, read_unconditional
from hotpack.layout.modules import Modules


@pytest.mark.parametrize(
    ("source", "at_once", "later"),
    [
        ("import a.b, c as d", ("a.b", "c"), ()),
        ("from a import b, c", ("a.b", "a.c"), ()),
        ("from a.b import *", ("a.b",), ()),
        ("from . import a\nfrom .b import c\nfrom ..d import e", (".a", ".b.c", "..d.e"), ()),
        ("import a\ndef f():\n    import b\n    class C:\n        import c", ("a",), ("b", "c")),
        ("async def f():\n    import a", (), ("a",)),
        ("class C:\n    import a", ("a",), ()),
        ("try:\n    import a\nexcept ImportError:\n    import b", ("a", "b"), ()),
        ("if X:\n    import a\nelse:\n    import b", ("a", "b"), ()),
        ("match x:\n    case 1:\n        import a", ("a",), ()),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", ("b",), ()),
        ("if typing.TYPE_CHECKING:\n    import a", (), ()),
        ("x = importlib.import_module('a.b')", ("a.b",), ()),
        ("x = lambda: __import__('a')", (), ("a",)),
        ("import_module('.a', 'b')\nimport_module('.c', __package__)", ("b.a", ".c"), ()),
        ("import_module(name)", (), ()),
        ("import a\nimport a", ("a",), ()),
        ("this is no Python", (), ()),
        ("\0", (), ()),
    ],
)
def test_read_source(source: str, at_once: tuple[str, ...], later: tuple[str, ...]) -> None:
    """Imports are told in their order, those in functions apart."""
    assert read_source(source.encode()) == Imports(at_once, later)


def test_texts_that_name_modules() -> None:
    """In the project's own code, a text may be a module's name."""
    source = b"nlp = spacy.load('en_core_web_sm')\nprint('two words', 'a.b')"
    assert read_source(source, texts=True).at_once == ("en_core_web_sm", "a.b")
    assert read_source(source).at_once == ()


def test_read_unconditional() -> None:
    """What stands in a block may not be imported, or its failure may be caught."""
    source = b"""
import a.b
from .c import d
if TYPE_CHECKING:
    import typing_only
if sys.version_info >= (3, 14):
    import newer
try:
    import optional
except ImportError:
    import fallback
with suppress(ImportError):
    import suppressed
def f():
    import later
"""
    assert read_unconditional(source) == Imports(("a.b", ".c.d"))
    assert read_unconditional(b"no Python") == Imports()


def test_read_extension() -> None:
    """An extension module may import what its C strings name."""
    assert read_extension(b"\0\0blis.cy\0numpy\0no.t here\0a..b\0c.d\0").later == ("blis.cy", "c.d")


def modules(*paths: str) -> Modules:
    kinds = {".py": Kind.SOURCE, ".so": Kind.EXTENSION, ".pyc": Kind.BYTECODE}
    return Modules.of(
        File(path, 1, path, kinds.get(Path(path).suffix, Kind.DATA), "a", False, Path(path))
        for path in paths
    )


def test_names_of_modules() -> None:
    """A module has the name by which Python finds it, whatever kind of file it is."""
    found = modules(
        "a/__init__.py",
        "a/b.cpython-313-x86_64-linux-gnu.so",
        "a/b.py",
        "a/__pycache__/c.cpython-313.pyc",
        "a/d.pyc",
        "a/no-module.py",
        "e.abi3.so",
        "f.txt",
    )
    assert {name: file.path for name, file in found.by_name.items()} == {
        "a": "a/__init__.py",
        "a.b": "a/b.cpython-313-x86_64-linux-gnu.so",
        "a.d": "a/d.pyc",
        "e": "e.abi3.so",
    }


def test_reached_in_the_order_of_import() -> None:
    """Packages come before what is in them, imports before what stands behind them."""
    imports = {
        "a/__init__.py": Imports((".one", "b.c"), ("late", "...too.far")),
        "a/one.py": Imports((".two.attribute",)),
        "a/two.py": Imports((".", ".one")),
        "b/c.py": Imports((".d",)),
        "late.py": Imports(("missing", "a.three")),
    }
    found = modules(*imports, "a/three.py", "b/d.py", "d.py")
    reached = found.reached(["a", "last"], lambda file: imports.get(file.path, Imports()))
    assert [file.path for file in reached] == [
        "a/__init__.py", "a/one.py", "a/two.py", "b/c.py", "b/d.py", "late.py", "a/three.py",
    ]  # fmt: skip
