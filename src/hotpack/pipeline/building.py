"""The second half: plan, compress and write the artifacts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotpack.install import File, Tree
from hotpack.inventory import (
    RECORD,
    SBOM,
    Sizes,
    can_make_sbom,
    make_sbom,
    read_metadata,
)
from hotpack.layout import Arrangement, Layout, Weight, placed_together, plan
from hotpack.pack import (
    CompressedDistribution,
    Contents,
    Entry,
    Packing,
    Release,
    compress,
    runtime_distributions,
    runtime_entries,
    write_artifacts,
)
from hotpack.pack.packs import Where
from hotpack.pipeline.arranging import arrangement_of
from hotpack.pipeline.assets import inline_variables
from hotpack.pipeline.preparing import Prepared, code_entries, prepare, requirements_of
from hotpack.pipeline.tools import Tools
from hotpack.project import (
    Placement,
    Project,
)
from hotpack.slim.bytecode import bytecode_path
from hotpack.target.limits import UNZIPPED_BYTES

_BLOCK = 4096
"""What a file's size is rounded up to on disk."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a build came to."""

    prepared: Prepared
    layout: Layout
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
    arrangement = arrangement_of(prepared, tools)
    compressed: dict[str, CompressedDistribution] = {}
    runtime: list[Entry] = []
    if not _all_inline(project.config.place, prepared.slimmed, code):
        compressed = _compress(prepared, arrangement, tools)
        runtime = runtime_entries(
            project.config.target, prepared.python, tools.uv, tools.cache, tools.progress
        )
    layout = plan(
        [_weigh(name, files, compressed.get(name)) for name, files in groups.items()],
        placed_together(prepared.slimmed, _needs(prepared)),
        project.config.place,
        beside_code=_beside_code(prepared),
        code_bytes=sum(entry.size for entry in code),
        runtime_bytes=sum(entry.size for entry in runtime),
        ephemeral_storage_mb=project.config.ephemeral_storage_mb,
        has_bucket=project.config.bucket is not None,
    )
    contents = Contents(
        code=code,
        inline=[Entry.of_file(file) for name in layout.names("inline") for file in groups[name]],
        packing=_packing(prepared, layout, compressed, arrangement),
        runtime=runtime if layout.is_packed else [],
        variables=inline_variables(
            asset for asset in prepared.assets if asset.distribution in layout.names("inline")
        ),
        records=_records(prepared, layout, tools),
    )
    if layout.names("remote") and project.config.bucket is None:
        tools.progress.warn(
            "distributions are remote and no bucket is named: it runs in the local Lambda only",
            hint="set `bucket` in [tool.hotpack], or HOTPACK_BUCKET in the function's environment",
        )
    release = write_artifacts(
        project.state / "build", project.config, layout, contents, tools.cache, tools.progress
    )
    return Build(prepared, layout, release)


def weigh(prepared: Prepared, tools: Tools, *, pack: bool) -> Sizes:
    """Return what the distributions weigh; with `pack` compressed too, which takes time once."""
    packed = _compress(prepared, arrangement_of(prepared, tools), tools) if pack else {}
    return Sizes.of(
        prepared.project.config.target,
        prepared.installed,
        prepared.slimmed,
        code_bytes=prepared.code_bytes,
        packed={name: item.packed_bytes for name, item in packed.items()},
        placements={},
    )


def sbom_of(build: Build, tools: Tools) -> str:
    """Return the bill of materials of what a build ships, as CycloneDX JSON."""
    return _bill_of_materials(build.prepared, build.layout, tools)


def _records(prepared: Prepared, layout: Layout, tools: Tools) -> dict[str, bytes]:
    """Return what a build keeps beside the function, by file name."""
    records = {RECORD: _sizes(prepared, layout).record()}
    if can_make_sbom():
        records[SBOM] = _bill_of_materials(prepared, layout, tools).encode()
    return records


def _bill_of_materials(prepared: Prepared, layout: Layout, tools: Tools) -> str:
    target = prepared.project.config.target
    runtime = None
    if layout.is_packed:
        runtime = runtime_distributions(target, tools.uv, tools.cache, tools.progress)
    metadata = read_metadata(prepared.installed)
    requirements = requirements_of(prepared)
    return make_sbom(prepared.project, prepared.slimmed, metadata, requirements, runtime)


def _sizes(prepared: Prepared, layout: Layout) -> Sizes:
    """Return what a build's distributions weigh, and where they are."""
    return Sizes.of(
        prepared.project.config.target,
        prepared.installed,
        prepared.slimmed,
        code_bytes=prepared.code_bytes,
        packed={placed.distribution: placed.packed_bytes for placed in layout.placed},
        placements={placed.distribution: placed.placement for placed in layout.placed},
    )


def _packing(
    prepared: Prepared,
    layout: Layout,
    compressed: Mapping[str, CompressedDistribution],
    arrangement: Arrangement,
) -> Packing:
    """Return what is packed of the layout, and where to."""
    bundled, remote = layout.names("bundled"), layout.names("remote")
    where: dict[str, Where] = {
        **dict.fromkeys(bundled, "bundled"),
        **dict.fromkeys(remote, "remote"),
    }
    return Packing(
        [compressed[name] for name in sorted(where)],
        warm=where,
        cold=where,
        order=arrangement.order,
        needs=arrangement.needs,
        variables={a.variable: a.place for a in prepared.assets if a.distribution in where},
    )


def _compress(
    prepared: Prepared, arrangement: Arrangement, tools: Tools
) -> dict[str, CompressedDistribution]:
    return compress(
        arrangement,
        tools.cache,
        tools.progress,
        once=prepared.project.config.slim.duplicates,
    )


def _needs(prepared: Prepared) -> list[tuple[str, str]]:
    """Return the pairs of distributions of which one's libraries load the other's."""
    there = {item.name for item in prepared.slimmed.distributions}
    pairs = {(file.distribution, owner) for file, _, owner in prepared.libraries.needs_between()}
    return sorted(pair for pair in pairs if there.issuperset(pair))


def _beside_code(prepared: Prepared) -> dict[str, str]:
    """Return the distributions that fill a folder of the project's, with its name."""
    own = {file.path.split("/")[0] for file in prepared.code} - {"__pycache__"}
    tops = ((file.distribution, file.path.split("/")[0]) for file in prepared.slimmed.files)
    return {distribution: top for distribution, top in tops if top in own}


def _warn_of_code(prepared: Prepared, entries: Sequence[Entry], tools: Tools) -> None:
    """Warn of modules that do not compile, and of names that a dependency has too."""
    runtime = prepared.project.config.target.runtime
    paths = {entry.path for entry in entries}
    for file in prepared.code:
        compiles = bytecode_path(file.path, runtime) in paths
        if prepared.python is not None and file.path.endswith(".py") and not compiles:
            tools.progress.warn(
                f"{file.path} does not compile with Python {runtime.python_version}",
                hint=f"see `{prepared.python.name} -m py_compile {file.path}`",
            )
    for distribution, top in sorted(_beside_code(prepared).items()):
        tools.progress.warn(
            f"{top} is the project's and {distribution}'s: the project's files win, one by one",
            hint="rename the project's",
        )


def _all_inline(pins: Mapping[str, Placement], tree: Tree, code: Sequence[Entry]) -> bool:
    """Return whether nothing can have to be packed, so that compressing would be for nothing."""
    raw = tree.size_bytes + sum(entry.size for entry in code)
    return raw <= UNZIPPED_BYTES and set(pins.values()) <= {"inline"}


def _weigh(name: str, files: Sequence[File], compressed: CompressedDistribution | None) -> Weight:
    return Weight(
        distribution=name,
        raw_bytes=sum(file.size for file in files),
        packed_bytes=compressed.packed_bytes if compressed else 0,
        restored_bytes=sum(-(-file.size // _BLOCK) * _BLOCK for file in files),
    )
