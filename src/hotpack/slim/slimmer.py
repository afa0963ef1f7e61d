"""Runs the rules that the configuration switches on, in order, once for the same tree."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hotpack.audit import read_libraries
from hotpack.cache import Cache, digest_of
from hotpack.install import Tree
from hotpack.progress import Progress
from hotpack.project import CodeFile, SlimConfig
from hotpack.slim.botocore_data import drop_service_models, drop_unnamed_models
from hotpack.slim.bytecode import add_bytecode, full_version
from hotpack.slim.caches import drop_caches
from hotpack.slim.exclude import drop_excluded
from hotpack.slim.gpu import drop_gpu
from hotpack.slim.provided import drop_provided
from hotpack.slim.record import rewrite_records
from hotpack.slim.rules import Rule, RuleReport
from hotpack.slim.strip import strip
from hotpack.target import Runtime

_VERSION: Final = 8


@dataclass(frozen=True, slots=True)
class Slimmed:
    """A slimmed tree and what each rule did to it."""

    tree: Tree
    reports: tuple[RuleReport, ...]


def slim(
    tree: Tree,
    config: SlimConfig,
    runtime: Runtime,
    python: Path | None,
    cache: Cache,
    progress: Progress,
    code: Sequence[CodeFile] = (),
) -> Slimmed:
    """Return the tree slimmed by the rules of the configuration.

    `python` is an interpreter of the target's version; without one there is no bytecode. `code` is
    the project's own, which the rule `botocore_data` reads.

    Raises DependencyError where a distribution is a GPU build, ConfigError for a pattern that would
    remove metadata, or a service of AWS that there is not.
    """
    version = full_version(python) if python else None
    decides = (
        [f"{file.path}\0{file.sha256}" for file in code] if config.botocore_data is True else []
    )
    key = digest_of(_VERSION, tree.digest, config, runtime.name, version, decides)
    slimmed = _made_before(key, cache)
    if slimmed is None:
        reports = []
        for rule in rules(config, runtime, python, cache, progress, code):
            tree, report = rule(tree)
            reports.append(report)
        slimmed = Slimmed(tree, tuple(reports))
        document = {"tree": tree.to_json(cache.root), "reports": [asdict(item) for item in reports]}
        cache.put("slimmed", key, json.dumps(document).encode())
    for caution in (caution for report in slimmed.reports for caution in report.cautions):
        progress.warn(caution.message, hint=caution.hint)
    return slimmed


def _made_before(key: str, cache: Cache) -> Slimmed | None:
    """Return what was made of the same input before, None where any of its files is gone."""
    try:
        document = json.loads(cache.path("slimmed", key).read_bytes())
    except FileNotFoundError:
        return None
    tree = Tree.from_json(str(document["tree"]), cache.root)
    reports = tuple(RuleReport.from_json(item) for item in document["reports"])
    return Slimmed(tree, reports) if cache.has(file.source for file in tree.files) else None


def rules(
    config: SlimConfig,
    runtime: Runtime,
    python: Path | None,
    cache: Cache,
    progress: Progress,
    code: Sequence[CodeFile],
) -> Iterator[Rule]:
    """Yield the rules that the configuration switches on, in the order in which they run."""
    yield lambda tree: drop_provided(tree, drop=config.provided)
    services = config.botocore_data
    if services is True:
        yield lambda tree: drop_unnamed_models(tree, code)
    elif services is not False:
        yield lambda tree: drop_service_models(tree, services)
    if config.exclude or config.include:
        yield lambda tree: drop_excluded(tree, config.exclude, config.include)
    if config.gpu:
        yield lambda tree: drop_gpu(tree, read_libraries(tree, cache))
    if config.caches:
        yield drop_caches
    if config.strip:
        yield lambda tree: strip(tree, cache, progress)
    yield lambda tree: rewrite_records(tree, cache)
    if config.bytecode and python is not None:
        yield lambda tree: add_bytecode(tree, runtime, python, cache, progress)
