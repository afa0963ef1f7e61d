"""Import times, of the lines that Python writes."""

from pathlib import Path

from hotpack.install import File, Kind
from hotpack.profile import Module
from hotpack.trace.imports import is_import_time, module_names, read_import_times


def test_names_of_modules() -> None:
    """Sources, packages and extension modules have names; libraries, stubs and data have none."""
    kinds = {
        "p/__init__.py": Kind.SOURCE,
        "p/tests/test_a.py": Kind.TEST,
        "p/_c.cpython-313-x86_64-linux-gnu.so": Kind.EXTENSION,
        "p/_d.abi3.so": Kind.EXTENSION,
        "p.libs/libblas.so.3": Kind.LIBRARY,
        "p/_c.pyi": Kind.STUB,
        "p/data": Kind.DATA,
        "single.py": Kind.SOURCE,
    }
    files = [File(path, 1, "", kind, "p", False, Path()) for path, kind in kinds.items()]
    assert module_names(files) == {"p", "p.tests.test_a", "p._c", "p._d", "single"}


def test_times_of_the_trees_modules() -> None:
    """In the order in which they ended; the standard library's and other lines are passed over."""
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:       123 |        123 |     zipimport",
        "import time:     12345 |      20000 |   p.q",
        "hello",
        "import time:      1040 |      33385 | p",
        "import time:       999 |        999 | p",
    ]
    assert [is_import_time(line) for line in lines] == [True, True, True, False, True, True]
    names = frozenset({"p", "p.q"})
    assert read_import_times(lines, names) == (Module("p.q", 12.3), Module("p", 1.0))
