"""Runs the rules that the configuration switches on, in order, once for the same tree."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hotpack.cache import Cache, digest_of
from hotpack.install import Tree
from hotpack.progress import Progress
from hotpack.project import SlimConfig
from hotpack.slim.bytecode import add_bytecode, full_version
from hotpack.slim.caches import drop_caches
from hotpack.slim.provided import drop_provided
from hotpack.slim.record import rewrite_records
from hotpack.slim.rules import Rule, RuleReport
from hotpack.slim.strip import strip
from hotpack.target import Runtime

_VERSION: Final = 3


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
) -> Slimmed:
    """Return the tree slimmed by the rules of the configuration.

    `python` is an interpreter of the target's version; without one there is no bytecode.
    """
    version = full_version(python) if python else None
    key = digest_of(_VERSION, tree.digest, config, runtime.name, version)
    entry = cache.path("slimmed", key)
    if not entry.is_file():
        reports = []
        for rule in _rules(config, runtime, python, cache, progress):
            tree, report = rule(tree)
            reports.append(report)
        document = {"tree": tree.to_json(cache.root), "reports": [asdict(item) for item in reports]}
        cache.put("slimmed", key, json.dumps(document).encode())
    document = json.loads(entry.read_bytes())
    return Slimmed(
        Tree.from_json(str(document["tree"]), cache.root),
        tuple(RuleReport.from_json(item) for item in document["reports"]),
    )


def _rules(
    config: SlimConfig, runtime: Runtime, python: Path | None, cache: Cache, progress: Progress
) -> Iterator[Rule]:
    yield lambda tree: drop_provided(tree, drop=config.provided)
    if config.caches:
        yield drop_caches
    if config.strip:
        yield lambda tree: strip(tree, cache, progress)
    yield lambda tree: rewrite_records(tree, cache)
    if config.bytecode and python is not None:
        yield lambda tree: add_bytecode(tree, runtime, python, cache, progress)
