"""The pipeline from a project to artifacts: every stage a function from frozen values to a value.

    Project ─ resolve ▶ Lock ─ install ▶ Tree ─ slim ▶ Tree ─ plan ▶ Layout ─ pack ▶ Release

A stage that was done before for the same inputs is looked up in the cache, so a build after a
change to the handler only writes the handler. What the stages need of the world (uv, the cache,
where to report) is in `Tools`; they read no environment and no clock.
"""

from hotpack.pipeline.arranging import arrangement_of
from hotpack.pipeline.assets import inline_variables
from hotpack.pipeline.building import Build, build, sbom_of, weigh
from hotpack.pipeline.preparing import Prepared, code_entries, prepare, requirements_of
from hotpack.pipeline.tools import Tools, cache_folder

__all__ = [
    "Build",
    "Prepared",
    "Tools",
    "arrangement_of",
    "build",
    "cache_folder",
    "code_entries",
    "inline_variables",
    "prepare",
    "requirements_of",
    "sbom_of",
    "weigh",
]
