"""How long the tree's modules took to import, of the lines that `-X importtime` writes."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from hotpack.install import File, Kind
from hotpack.profile import Module

_LINE: Final = re.compile(r"import time: +(\d+) \| +(\d+) \| *(\S+)")


def is_import_time(line: str) -> bool:
    """Return whether Python wrote the line to say how long an import took."""
    return line.startswith("import time: ")


def read_import_times(lines: Iterable[str], names: frozenset[str]) -> tuple[Module, ...]:
    """Return the modules of these names in the order in which their imports ended.

    A process that the function starts writes such lines too; the first one counts.
    """
    found: dict[str, Module] = {}
    for line in lines:
        match = _LINE.search(line)
        if match and match[3] in names:
            found.setdefault(match[3], Module(match[3], round(int(match[1]) / 1000, 1)))
    return tuple(found.values())


def module_names(files: Iterable[File]) -> frozenset[str]:
    """Return the names under which the files can be imported."""
    return frozenset(_names(files))


def _names(files: Iterable[File]) -> Iterator[str]:
    for file in files:
        stem, dot, _ = file.path.rpartition("/")[2].partition(".")
        if dot and (file.path.endswith(".py") or file.kind is Kind.EXTENSION):
            folder = file.path.rpartition("/")[0].replace("/", ".")
            yield folder if stem == "__init__" else f"{folder}.{stem}".lstrip(".")
