"""The bare import: what every figure is divided by.

The same handler, the same Python, the full tree on local disk, with valid bytecode, and nothing of
hotpack. Only this machine can run it: Lambda would refuse its size.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from hotpack import slim
from hotpack.cache import digest_of
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools, code_entries
from hotpack.project import SlimConfig
from hotpack.sandbox import Function

_ONLY_BYTECODE = SlimConfig(caches=True, strip=False, bytecode=True, provided=False)


def bare_function(prepared: Prepared, tools: Tools) -> Function:
    """Return the project as a function that holds its full install, whatever that weighs."""
    config = prepared.project.config
    full = slim.slim(
        prepared.installed,
        _ONLY_BYTECODE,
        config.target.runtime,
        prepared.python,
        tools.cache,
        tools.progress,
    ).tree
    entries = [*map(Entry.of_file, full.files), *code_entries(prepared, tools)]
    key = digest_of("bare", *(f"{entry.path}\0{entry.sha256}" for entry in entries))
    folder = tools.cache.path("bare", key)
    if not folder.is_dir():
        with tools.cache.folder("bare", key) as beside:
            _copy_all(entries, beside)
    return Function(
        name="bare",
        handler=config.handler,
        runtime=config.target.runtime,
        architecture=config.target.architecture,
        code=folder,
        memory_mb=config.memory_mb,
        timeout_s=config.timeout_s,
        ephemeral_storage_mb=config.ephemeral_storage_mb,
        environment=config.environment,
    )


def _copy_all(entries: Iterable[Entry], folder: Path) -> None:
    """Put copies of the entries into the folder: a function may write where nothing forbids it."""
    for entry in entries:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.source, path)
        path.chmod(0o755 if entry.executable else 0o644)
