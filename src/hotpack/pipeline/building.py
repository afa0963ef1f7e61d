"""The second half: plan, compress and write the artifacts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from hotpack import __version__
from hotpack.cache import digest_of
from hotpack.inventory import (
    RECORD,
    SBOM,
    Sizes,
    can_make_sbom,
    make_sbom,
    read_metadata,
    require_sbom,
)
from hotpack.layout import Arrangement, Layout
from hotpack.pack import (
    Contents,
    Entry,
    Packing,
    Release,
    runtime_distributions,
    runtime_entries,
    write_artifacts,
)
from hotpack.pipeline.arranging import arrangement_of
from hotpack.pipeline.assets import inline_variables
from hotpack.pipeline.missing import missing_modules
from hotpack.pipeline.planning import Planned, beside_code, compress_all, plan_layout
from hotpack.pipeline.preparing import Prepared, code_entries, prepare, requirements_of
from hotpack.pipeline.tools import Tools
from hotpack.project import (
    Project,
)
from hotpack.slim.bytecode import bytecode_path

_SBOM_VERSION: Final = 1
"""Raised when another bill of materials is made of the same."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a build came to."""

    prepared: Prepared
    layout: Layout
    arrangement: Arrangement
    release: Release

    @property
    def folder(self) -> Path:
        """Where the newest artifacts of the project are."""
        return self.prepared.project.state / "build"

    @property
    def versions(self) -> dict[str, str]:
        """The version of each distribution."""
        return {item.name: item.version for item in self.prepared.slimmed.distributions}

    @property
    def plain_bytes(self) -> int:
        """What a plain install with the project's code weighs."""
        return self.prepared.installed.size_bytes + self.prepared.code_bytes


def build(
    project: Project,
    tools: Tools,
    *,
    upgrade: bool = False,
    accept: Callable[[Prepared], None] = lambda _: None,
) -> Build:
    """Return what was built: the artifacts are in the folder `build` of the project's state.

    `accept` looks at what would be packed before anything is, and raises what speaks against it.

    Raises HotpackError of the kind that says what went wrong; an earlier build stays as it was.
    """
    prepared = prepare(project, tools, upgrade=upgrade)
    accept(prepared)
    groups = prepared.slimmed.by_distribution()
    code = code_entries(prepared, tools)
    _warn_of_code(prepared, code, tools)
    planned = plan_layout(prepared, code, tools)
    layout = planned.layout
    contents = Contents(
        code=code,
        inline=[Entry.of_file(file) for name in layout.names("inline") for file in groups[name]],
        packing=_packing(prepared, planned),
        runtime=_runtime(prepared, planned, tools),
        hot=sorted(planned.arrangement.order, key=planned.arrangement.order.__getitem__),
        variables=inline_variables(
            asset for asset in prepared.assets if asset.distribution in layout.names("inline")
        ),
        records=_records(prepared, planned, tools),
    )
    if layout.names("remote") and project.config.bucket is None:
        tools.progress.warn(
            "distributions are remote and no bucket is named: it runs in the local Lambda only",
            hint="set `bucket` in [tool.hotpack], or HOTPACK_BUCKET in the function's environment",
        )
    release = write_artifacts(
        project.state / "build", project.config, layout, contents, tools.cache, tools.progress
    )
    return Build(prepared, layout, planned.arrangement, release)


def weigh(prepared: Prepared, tools: Tools, *, pack: bool) -> Sizes:
    """Return what the distributions weigh; with `pack` compressed too, which takes time once."""
    arrangement = arrangement_of(prepared, tools) if pack else None
    packed = compress_all(prepared, arrangement, tools) if arrangement else {}
    return Sizes.of(
        prepared.project.config.target,
        prepared.installed,
        prepared.slimmed,
        code_bytes=prepared.code_bytes,
        packed={name: item.packed_bytes for name, item in packed.items()},
        placements={},
        hot=_hot_bytes(arrangement) if arrangement else {},
    )


def sbom_of(build: Build, tools: Tools) -> str:
    """Return the bill of materials of what a build ships, as CycloneDX JSON.

    Raises HotpackError where cyclonedx-python-lib is not installed.
    """
    require_sbom()
    return _bill_of_materials(build.prepared, build.layout, tools)


def _runtime(prepared: Prepared, planned: Planned, tools: Tools) -> Sequence[Entry]:
    """Return the runtime's files that the function needs."""
    config = prepared.project.config
    if planned.layout.is_packed:
        return planned.runtime
    if not (config.starter and planned.layout.placed):
        return []
    return runtime_entries(
        config.target, prepared.python, tools.uv, tools.cache, tools.progress, restores=False
    )


def _records(prepared: Prepared, planned: Planned, tools: Tools) -> dict[str, bytes]:
    """Return what a build keeps beside the function, by file name."""
    records = {RECORD: _sizes(prepared, planned).record()}
    if can_make_sbom():
        records[SBOM] = _bill_of_materials(prepared, planned.layout, tools).encode()
    return records


def _bill_of_materials(prepared: Prepared, layout: Layout, tools: Tools) -> str:
    """Return the bill of materials; looked up where the same was shipped before."""
    project, target = prepared.project, prepared.project.config.target
    runtime = None
    if layout.is_packed:
        runtime = runtime_distributions(target, tools.uv, tools.cache, tools.progress)
    trees = [tree for tree in (prepared.installed, prepared.slimmed, runtime) if tree is not None]
    key = digest_of(
        *("sbom", _SBOM_VERSION, __version__, version("cyclonedx-python-lib")),
        *(project.name, project.version, target, prepared.direct),
        *(part for tree in trees for part in (tree.digest, tree.distributions)),
    )
    entry = tools.cache.path("sboms", key)
    if not entry.is_file():
        metadata = read_metadata(prepared.installed)
        requirements = requirements_of(prepared, metadata)
        text = make_sbom(project, prepared.slimmed, metadata, requirements, runtime)
        tools.cache.put("sboms", key, text.encode())
    return entry.read_text("utf-8")


def _hot_bytes(arrangement: Arrangement) -> dict[str, int]:
    """Return what a cold start uses, by distribution."""
    found = arrangement.by_distribution
    return {name: sum(file.size for file in item.hot) for name, item in found.items()}


def _sizes(prepared: Prepared, planned: Planned) -> Sizes:
    """Return what a build's distributions weigh, and where they are."""
    placed = planned.layout.placed
    return Sizes.of(
        prepared.project.config.target,
        prepared.installed,
        prepared.slimmed,
        code_bytes=prepared.code_bytes,
        packed={item.distribution: item.packed_bytes for item in placed},
        placements={item.distribution: item.placement for item in placed},
        hot=_hot_bytes(planned.arrangement),
    )


def _packing(prepared: Prepared, planned: Planned) -> Packing:
    """Return what is packed of the layout, and where to."""
    packed = [placed for placed in planned.layout.placed if placed.cold is not None]
    there = {placed.distribution for placed in packed}
    return Packing(
        [planned.compressed[placed.distribution] for placed in packed],
        warm={p.distribution: "remote" if p.placement == "remote" else "bundled" for p in packed},
        cold={p.distribution: p.cold for p in packed if p.cold is not None},
        order=planned.arrangement.order,
        needs=planned.arrangement.needs,
        variables={a.variable: a.place for a in prepared.assets if a.distribution in there},
    )


def _warn_of_code(prepared: Prepared, entries: Sequence[Entry], tools: Tools) -> None:
    """Warn of modules that do not compile or that are missing, and of names of a dependency's."""
    runtime = prepared.project.config.target.runtime
    paths = {entry.path for entry in entries}
    for file in prepared.code:
        compiles = bytecode_path(file.path, runtime) in paths
        if prepared.python is not None and file.path.endswith(".py") and not compiles:
            tools.progress.warn(
                f"{file.path} does not compile with Python {runtime.python_version}",
                hint=f"see `{prepared.python.name} -m py_compile {file.path}`",
            )
    for name, path in missing_modules(prepared).items():
        tools.progress.warn(
            f"{path} imports {name}, which no dependency brings: the function will not start",
            hint=f"name what brings it in {prepared.source or 'pyproject.toml'}; if it is the "
            "project's own, name its folder in `include`",
        )
    for distribution, top in sorted(beside_code(prepared).items()):
        tools.progress.warn(
            f"{top} is the project's and {distribution}'s: the project's files win, one by one",
            hint="rename the project's",
        )
