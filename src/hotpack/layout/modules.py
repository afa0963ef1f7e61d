"""The modules of a tree, and which of them are reached from some by their imports."""

import posixpath
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from hotpack.install import File, Kind
from hotpack.layout.imports import Imports

_MODULES: Final = frozenset({Kind.SOURCE, Kind.BYTECODE, Kind.EXTENSION})


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules of a tree by their names."""

    by_name: Mapping[str, File]

    @classmethod
    def of(cls, files: Iterable[File]) -> Self:
        """Return the modules among the files: of two of a name the extension, as Python does."""
        found: dict[str, File] = {}
        for file in files:
            name = module_name(file)
            if name and (name not in found or file.kind is Kind.EXTENSION):
                found[name] = file
        return cls(found)

    def named(self, name: str) -> Iterator[str]:
        """Yield the modules that importing a name imports: those that exist, packages first."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if (prefix := ".".join(parts[:end])) in self.by_name:
                yield prefix

    def reached(self, names: Iterable[str], imports_of: Callable[[File], Imports]) -> list[File]:
        """Return the modules that importing the names imports, about in the order of their import.

        First what is imported at once, then what functions may import later.
        """
        found: dict[str, None] = {}
        later = deque(names)
        while later:
            stack = [later.popleft()]
            while stack:
                fresh = [module for module in self.named(stack.pop()) if module not in found]
                if not fresh:
                    continue
                found[fresh[0]] = None
                imports = imports_of(self.by_name[fresh[0]])
                package = self._package(fresh[0])
                later.extend(_absolute(name, package) for name in imports.later)
                at_once = [_absolute(name, package) for name in imports.at_once]
                stack += [*reversed(fresh[1:]), *reversed(at_once)]
        return [self.by_name[name] for name in found]

    def _package(self, module: str) -> str:
        """Return what a module's relative names are relative to."""
        is_package = posixpath.basename(self.by_name[module].path).startswith("__init__.")
        return module if is_package else module.rpartition(".")[0]


def module_name(file: File) -> str | None:
    """Return the dotted name of the module that a file is, None where it is none."""
    folder, _, name = file.path.rpartition("/")
    if file.kind not in _MODULES or folder.endswith("__pycache__"):
        return None
    stem = name.split(".", 1)[0]
    parts = [*filter(None, folder.split("/")), *([] if stem == "__init__" else [stem])]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _absolute(name: str, package: str) -> str:
    """Return a name as it is without its dots, each of which leaves one package."""
    stem = name.lstrip(".")
    level = len(name) - len(stem)
    if not level:
        return name
    parts = package.split(".")
    kept = parts[: max(0, len(parts) - level + 1)]
    return ".".join([*kept, *([stem] if stem else [])])
