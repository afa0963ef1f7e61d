"""The bare import, which every figure is divided by, and what hotpack builds.

The bare import is the same handler, the same Python, the full tree on local disk, with valid
bytecode, and nothing of hotpack. Only this machine can run it: Lambda would refuse its size.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from hotpack import local, slim
from hotpack.install import Tree
from hotpack.measure.folders import folder_of
from hotpack.measure.ways.shipping import Shipped, Way
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools, build, code_entries, inline_variables
from hotpack.project import Placement, SlimConfig
from hotpack.project.config import EVERY_DISTRIBUTION, PLACEMENTS
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


def _bare(prepared: Prepared, tools: Tools) -> Shipped:
    return Shipped(bare_function(prepared, tools))


def _built(placement: Placement | None, prepared: Prepared, tools: Tools) -> Shipped:
    """Ship what `hotpack build` makes, with everything placed alike if a placement is named."""
    project = prepared.project
    if placement is not None:
        place = {**project.config.place, EVERY_DISTRIBUTION: placement}
        project = replace(project, config=replace(project.config, place=place))
    release = build(project, tools).release
    function = local.function_of(release, placement or "planned")
    return Shipped(function, release=release)


BARE: Final = Way(
    "bare import",
    "the full install on local disk with valid bytecode: what all is divided by",
    _bare,
    checks_size=False,
)
WAYS: Final = (
    Way("as planned", "what `hotpack build` makes", partial(_built, None)),
    *(Way(name, f"all of it {name}", partial(_built, name)) for name in PLACEMENTS),
)
