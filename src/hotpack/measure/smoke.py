"""The smoke check: what imports from the full install imports from the slimmed tree."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack import local
from hotpack.errors import HotpackError
from hotpack.install import Kind, Tree
from hotpack.measure.folders import folder_of
from hotpack.measure.ways.own import full_install
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools
from hotpack.sandbox import Function, Settings
from hotpack.slim.slimmer import rules

_IMPORTER: Final = Path(__file__).with_name("importer.py")
_MODULE: Final = "_hotpack_smoke"
_MEMORY_MB: Final = 10_240
_TIMEOUT_S: Final = 900
_AT_ONCE: Final = 20
"""Modules in an invocation: the progress bar moves, and the timeout is far."""


@dataclass(frozen=True, slots=True)
class Smoke:
    """What became of the check."""

    modules: tuple[str, ...]
    """All that were tried."""

    failing: dict[str, str]
    """Those that import from neither tree, with the reason: not for this system, or an extra."""


def smoke_check(prepared: Prepared, tools: Tools) -> Smoke:
    """Import every top-level package from the full install and from the slimmed tree.

    Each in a process of its own, in a sandbox. Raises HotpackError for a module that imports from
    one and not from the other, with the rule that made the difference.
    """
    modules = top_level_modules(prepared.installed)
    full = full_install(prepared, tools)
    before = _import_all(modules, full, prepared, tools, "the full install")
    after = _import_all(modules, prepared.slimmed, prepared, tools, "the slimmed tree")
    for module in modules:
        if bool(before[module]) != bool(after[module]):
            rule = _rule_that_changed(module, bool(before[module]), prepared, tools)
            raise HotpackError(
                f"{module} {_outcome(before[module])} from the full install, and "
                f"{_outcome(after[module])} from the slimmed tree: the rule {rule} made the "
                "difference",
                hint=_way_out(rule),
            )
    return Smoke(modules, {name: failure for name, failure in before.items() if failure})


def top_level_modules(tree: Tree) -> tuple[str, ...]:
    """Return the names that can be imported, sorted: modules and packages at the tree's root."""
    names: set[str] = set()
    for file in tree.files:
        top, slash, rest = file.path.partition("/")
        if slash and rest == "__init__.py":
            names.add(top)
        elif not slash and file.kind in {Kind.SOURCE, Kind.EXTENSION}:
            names.add(top.split(".")[0])
    return tuple(sorted(name for name in names if name.isidentifier()))


def _import_all(
    modules: Sequence[str], tree: Tree, prepared: Prepared, tools: Tools, name: str
) -> dict[str, str]:
    """Return for each module the empty text, or why it does not import from the tree."""
    importer = Entry.of_path(f"{_MODULE}.py", _IMPORTER)
    target = prepared.project.config.target
    function = Function(
        name="smoke",
        handler=f"{_MODULE}.handler",
        runtime=target.runtime,
        architecture=target.architecture,
        code=folder_of([*map(Entry.of_file, tree.files), importer], tools.cache),
        memory_mb=_MEMORY_MB,
        timeout_s=_TIMEOUT_S,
        ephemeral_storage_mb=1024,
    )
    results: dict[str, str] = {}
    settings = Settings(enforce_package_size=False)
    with (
        local.run(function, tools, settings=settings) as running,
        tools.progress.task(f"import from {name}", len(modules), "packages") as advance,
    ):
        for start in range(0, len(modules), _AT_ONCE):
            part = list(modules[start : start + _AT_ONCE])
            invocation = running.function.invoke(json.dumps({"modules": part}).encode())
            if invocation.status != "success":
                raise HotpackError(f"the smoke check failed: {invocation.payload.decode()}")
            results |= json.loads(invocation.payload)
            advance(len(part))
    return results


def _rule_that_changed(module: str, failed_before: bool, prepared: Prepared, tools: Tools) -> str:
    """Return the name of the first rule after which the module's import ends otherwise."""
    config, tree = prepared.project.config, prepared.installed
    chain = rules(
        config.slim,
        config.target.runtime,
        prepared.python,
        tools.cache,
        tools.progress,
        prepared.code,
    )
    name = "none"
    for rule in chain:
        tree, report = rule(tree)
        name = report.rule
        results = _import_all([module], tree, prepared, tools, f"the tree after {name}")
        if bool(results[module]) != failed_before:
            break
    return name


def _way_out(rule: str) -> str:
    if rule == "exclude":
        return "narrow slim.exclude in [tool.hotpack.slim], or name what is needed in slim.include"
    return f"slim.{rule} = false in [tool.hotpack.slim] turns it off; please report it"


def _outcome(failure: str) -> str:
    return f"does not import ({failure})" if failure else "imports"
