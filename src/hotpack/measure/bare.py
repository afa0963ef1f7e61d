"""The bare import: what every figure is divided by.

The same handler, the same Python, the full tree on local disk, with valid bytecode, and nothing of
hotpack. Only this machine can run it: Lambda would refuse its size.
"""

from typing import Final

from hotpack import slim
from hotpack.install import Tree
from hotpack.measure.folders import folder_of
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools, code_entries, inline_variables
from hotpack.project import SlimConfig
from hotpack.sandbox import Function

ONLY_BYTECODE: Final = SlimConfig(
    caches=True, strip=False, bytecode=True, gpu=False, duplicates=False, provided=False
)


def full_install(prepared: Prepared, tools: Tools) -> Tree:
    """Return everything that the dependencies install, with bytecode."""
    runtime = prepared.project.config.target.runtime
    return slim.slim(
        prepared.installed, ONLY_BYTECODE, runtime, prepared.python, tools.cache, tools.progress
    ).tree


def bare_function(prepared: Prepared, tools: Tools) -> Function:
    """Return the project as a function that holds its full install, whatever that weighs."""
    config = prepared.project.config
    files = map(Entry.of_file, full_install(prepared, tools).files)
    return Function(
        name="bare",
        handler=config.handler,
        runtime=config.target.runtime,
        architecture=config.target.architecture,
        code=folder_of([*files, *code_entries(prepared, tools)], tools.cache),
        memory_mb=config.memory_mb,
        timeout_s=config.timeout_s,
        ephemeral_storage_mb=config.ephemeral_storage_mb,
        environment={**config.environment, **inline_variables(prepared.assets)},
    )
