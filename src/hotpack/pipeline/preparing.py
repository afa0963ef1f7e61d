"""The first half: resolve, install, slim. What is traced, checked or packed comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

from hotpack import audit, install, slim
from hotpack.errors import DependencyError
from hotpack.install import Tree
from hotpack.inventory import (
    Metadata,
    Requirements,
    direct_requirements,
    find_requirements,
    read_metadata,
)
from hotpack.pack import Entry
from hotpack.pipeline.assets import add_assets
from hotpack.pipeline.tools import Tools
from hotpack.project import (
    Asset,
    CodeFile,
    Project,
    check_handler,
    collect_assets,
    collect_code,
    find_dependencies,
    left_out,
    refuse_secrets,
)
from hotpack.slim import RuleReport
from hotpack.slim.bytecode import Source, compile_sources


@dataclass(frozen=True, slots=True)
class Prepared:
    """A project with its dependencies installed and slimmed."""

    project: Project
    code: tuple[CodeFile, ...]
    assets: tuple[Asset, ...]
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


def prepare(project: Project, tools: Tools, *, upgrade: bool = False) -> Prepared:
    """Return the project with its dependencies resolved, installed for the target and slimmed.

    Its assets are in both trees.

    Raises ConfigError where the handler or an asset does not exist or a file looks like a secret,
    DependencyError where the
    dependencies cannot be had.
    """
    config = project.config
    code, assets = collect_code(project), collect_assets(project)
    refuse_secrets(project, code)
    dependencies = find_dependencies(project)
    locked = install.lock(
        dependencies, config.target, tools.uv, project.state, tools.progress, upgrade=upgrade
    )
    _warn_of_unhashed(locked, tools)
    tree = install.install(locked, config.target, tools.uv, tools.cache, tools.progress)
    check_handler(project, code, {file.path for file in tree.files})
    tree = add_assets(tree, assets, tools.cache)
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
        assets,
        left_out(project, code),
        source,
        direct_requirements(dependencies),
        python,
        tree,
        libraries,
        slimmed.tree,
        slimmed.reports,
    )


def _warn_of_unhashed(lock: install.Lock, tools: Tools) -> None:
    """Warn of what is installed without being compared with anything."""
    if lock.unhashed:
        tools.progress.warn(
            f"no hash is known of {', '.join(lock.unhashed)}: whoever answers for it decides what "
            "is in the function",
            hint="take it from a package index, or from a wheel in a folder",
        )


def _warn_of_libraries(libraries: audit.Libraries, project: Project, tools: Tools) -> None:
    """Warn of what may not load on the target; raise DependencyError for what cannot."""
    for finding in audit.audit(libraries, project.config.target):
        if finding.severity == "error":
            raise DependencyError(str(finding), hint=finding.way_out)
        tools.progress.warn(str(finding), hint=finding.way_out)


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


def requirements_of(
    prepared: Prepared, metadata: Mapping[str, Metadata] | None = None
) -> Requirements:
    """Return who requires whom among the distributions, on the target; the project its assets.

    `metadata` is that of the installed distributions, where it has been read already.
    """
    metadata = read_metadata(prepared.installed) if metadata is None else metadata
    found = find_requirements(metadata, prepared.direct, prepared.project.config.target)
    assets = (asset.distribution for asset in prepared.assets)
    return replace(found, direct=tuple(sorted({*found.direct, *assets})))
