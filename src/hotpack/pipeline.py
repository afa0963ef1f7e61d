"""The pipeline from a project to artifacts: every stage a function from frozen values to a value.

    Project ─ resolve ▶ Lock ─ install ▶ Tree ─ slim ▶ Tree ─ plan ▶ Layout ─ pack ▶ Release

A stage that was done before for the same inputs is looked up in the cache, so a build after a
change to the handler only writes the handler. What the stages need of the world (uv, the cache,
where to report) is in `Tools`; they read no environment and no clock.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs
from packaging.requirements import Requirement

from hotpack import audit, install, slim
from hotpack.cache import Cache
from hotpack.errors import DependencyError
from hotpack.install import File, Tree, Uv
from hotpack.inventory import (
    RECORD,
    Requirements,
    Sizes,
    direct_requirements,
    find_requirements,
    make_sbom,
    read_metadata,
)
from hotpack.layout import Layout, Weight, placed_together, plan
from hotpack.pack import (
    CompressedDistribution,
    Contents,
    Entry,
    Release,
    compress,
    runtime_distributions,
    runtime_entries,
    write_artifacts,
)
from hotpack.progress import Progress, Silent
from hotpack.project import (
    CodeFile,
    Placement,
    Project,
    check_handler,
    collect_code,
    find_dependencies,
    left_out,
)
from hotpack.slim import RuleReport
from hotpack.slim.bytecode import Source, bytecode_path, compile_sources
from hotpack.target.limits import UNZIPPED_BYTES

_BLOCK = 4096
"""What a file's size is rounded up to on disk."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the stages need of the world."""

    uv: Uv
    cache: Cache
    progress: Progress

    @classmethod
    def of_this_machine(cls, progress: Progress | None = None) -> Self:
        """Return uv with the user's settings, the user's cache, and a place to report to.

        The cache is where HOTPACK_CACHE_DIR says, or the system's folder for caches.
        """
        folder = os.environ.get("HOTPACK_CACHE_DIR") or platformdirs.user_cache_dir("hotpack")
        return cls(Uv(os.environ), Cache(Path(folder).resolve()), progress or Silent())


@dataclass(frozen=True, slots=True)
class Prepared:
    """A project with its dependencies installed and slimmed."""

    project: Project
    code: tuple[CodeFile, ...]
    left_out: tuple[str, ...]
    """Folders of the project of which nothing is in the function."""

    source: str | None
    """The file that names the dependencies, None where there are none."""

    direct: tuple[Requirement, ...]
    """What that file names."""

    python: Path | None
    """What makes bytecode for the target; None where it is not installed, or not wanted."""

    installed: Tree
    libraries: audit.Libraries
    slimmed: Tree
    reports: tuple[RuleReport, ...]

    @property
    def code_bytes(self) -> int:
        """What the project's own files weigh."""
        return sum(file.size for file in self.code)


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


def prepare(project: Project, tools: Tools, *, upgrade: bool = False) -> Prepared:
    """Return the project with its dependencies resolved, installed for the target and slimmed.

    Raises ConfigError where the handler does not exist, DependencyError where the dependencies
    cannot be had.
    """
    config = project.config
    code = collect_code(project)
    dependencies = find_dependencies(project)
    locked = install.lock(dependencies, config.target, tools.uv, project.state, upgrade=upgrade)
    tree = install.install(locked, config.target, tools.uv, tools.cache, tools.progress)
    check_handler(project, code, {file.path for file in tree.files})
    python = _find_python(project, tools) if config.slim.bytecode else None
    slimmed = slim.slim(
        tree, config.slim, config.target.runtime, python, tools.cache, tools.progress, code
    )
    source = dependencies.source if dependencies else None
    libraries = audit.read_libraries(tree, tools.cache)
    _warn_of_libraries(libraries, project, tools)
    return Prepared(
        project,
        code,
        left_out(project, code),
        source,
        direct_requirements(dependencies),
        python,
        tree,
        libraries,
        slimmed.tree,
        slimmed.reports,
    )


def _warn_of_libraries(libraries: audit.Libraries, project: Project, tools: Tools) -> None:
    """Warn of what may not load on the target; raise DependencyError for what cannot."""
    for finding in audit.audit(libraries, project.config.target):
        if finding.severity == "error":
            raise DependencyError(str(finding), hint=finding.way_out)
        tools.progress.warn(str(finding), hint=finding.way_out)


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
    compressed: dict[str, CompressedDistribution] = {}
    runtime: list[Entry] = []
    if not _all_inline(project.config.place, prepared.slimmed, code):
        compressed = _compress(prepared, tools)
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
        packed=[compressed[name] for name in layout.names("bundled", "remote")],
        runtime=runtime if layout.is_packed else [],
        records={RECORD: _sizes(prepared, layout).record()},
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
    packed = _compress(prepared, tools) if pack else {}
    return Sizes.of(
        prepared.project.config.target,
        prepared.installed,
        prepared.slimmed,
        code_bytes=prepared.code_bytes,
        packed={name: item.packed_bytes for name, item in packed.items()},
        placements={},
    )


def requirements_of(prepared: Prepared) -> Requirements:
    """Return who requires whom among the distributions, on the target."""
    metadata = read_metadata(prepared.installed)
    return find_requirements(metadata, prepared.direct, prepared.project.config.target)


def sbom_of(build: Build, tools: Tools) -> str:
    """Return the bill of materials of what a build ships, as CycloneDX JSON."""
    prepared = build.prepared
    target = prepared.project.config.target
    runtime = None
    if build.layout.is_packed:
        runtime = runtime_distributions(target, tools.uv, tools.cache, tools.progress)
    metadata = read_metadata(prepared.installed)
    requirements = find_requirements(metadata, prepared.direct, target)
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


def _compress(prepared: Prepared, tools: Tools) -> dict[str, CompressedDistribution]:
    return compress(
        prepared.slimmed.by_distribution(),
        tools.cache,
        tools.progress,
        once=prepared.project.config.slim.duplicates,
    )


def _find_python(project: Project, tools: Tools) -> Path | None:
    version = project.config.target.runtime.python_version
    python = tools.uv.find_python(version)
    if python is None:
        tools.progress.warn(
            f"no Python {version} here, so there is no bytecode: cold starts take 2 to 3 times "
            "as long",
            hint=f"`uv python install {version}` brings it; then build again",
        )
    return python


def code_entries(prepared: Prepared, tools: Tools) -> Sequence[Entry]:
    """Return the project's own files and the bytecode of those that compile."""
    entries = [
        Entry(file.path, file.source, file.size, file.sha256, file.executable)
        for file in prepared.code
    ]
    runtime = prepared.project.config.target.runtime
    if prepared.python is not None:
        sources = [
            Source(file.source, file.path, file.sha256)
            for file in prepared.code
            if file.path.endswith(".py")
        ]
        compiled = compile_sources(sources, runtime, prepared.python, tools.cache)
        entries += [Entry(item.path, item.source, item.size, item.sha256) for item in compiled]
    return sorted(entries, key=lambda entry: entry.path)


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
