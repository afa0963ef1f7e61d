"""Finds what the project's own code imports and nothing brings."""

from pathlib import PurePosixPath

from hotpack.install import File, Kind
from hotpack.layout import Imports
from hotpack.layout.imports import read_unconditional
from hotpack.layout.modules import Modules
from hotpack.pipeline.preparing import Prepared
from hotpack.target.modules import RUNTIME, STANDARD


def missing_modules(prepared: Prepared) -> dict[str, str]:
    """Return each top-level module that a start imports in vain, and the first file that does.

    Followed is what the handler's module imports of the project's own in any case. A module counts
    as brought where a file or a folder of the project has its name anywhere, since sys.path may be
    changed, or one at the top of the dependencies.
    """
    imported: dict[str, str] = {}

    def read(file: File) -> Imports:
        imports = read_unconditional(file.source.read_bytes())
        for name in imports.at_once:
            if not name.startswith("."):
                imported.setdefault(name.split(".")[0], file.path)
        return imports

    own = [
        File(code.path, code.size, code.sha256, Kind.SOURCE, "", code.executable, code.source)
        for code in prepared.code
        if code.path.endswith(".py")
    ]
    handler = prepared.project.config.handler.rpartition(".")[0].replace("/", ".")
    Modules.of(own).reached([handler], read)
    brought = {part.split(".")[0] for file in prepared.code for part in _parts(file.path)}
    brought |= {_parts(file.path)[0].split(".")[0] for file in prepared.installed.files}
    brought |= STANDARD | RUNTIME
    return {name: path for name, path in imported.items() if name not in brought}


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path).parts
