"""What is done on AWS, what was released, what is cleared away: tables and documents."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hotpack.deploy import Observed, Plan, Wanted, steps
from hotpack.deploy.collect import Found
from hotpack.deploy.facts import FunctionVersion
from hotpack.deploy.history import History
from hotpack.deploy.keys import PACKS
from hotpack.deploy.steps import Step
from hotpack.deploy.wanted import total_bytes
from hotpack.progress import mb

_SHOWN = 10
_NAMED = 4


def plan_text(plan: Plan) -> Group:
    """Return a line a step, with what it changes below it, and what should be known."""
    lines: list[Text] = []
    for number, step in enumerate(plan.steps, 1):
        what, about = _said(step)
        lines.append(Text.assemble((f"{number:>2}. ", "dim"), (what, "bold"), " ", about))
        lines += [Text(f"      {detail}", style="dim") for detail in _details(step)]
    lines += [Text.assemble(("note: ", "yellow"), note) for note in plan.notes]
    return Group(*lines)


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan, for `--json`."""
    return {"steps": [_step_document(step) for step in plan.steps], "notes": list(plan.notes)}


def _step_document(step: Step) -> dict[str, Any]:
    what, about = _said(step)
    return {"step": type(step).__name__, "text": f"{what} {about}", "details": [*_details(step)]}


def _said(step: Step) -> tuple[str, str]:
    """Return what a step does, and to what."""
    match step:
        case steps.WriteRecord():
            return "write the record", _short(step.key)
        case steps.Upload():
            verb = "replace what is damaged" if step.replace else "upload"
            count = f"{len(step.files)} file{'s' if len(step.files) > 1 else ''}"
            return verb, f"{count}, {mb(total_bytes(step.files))}"
        case steps.CreateRole():
            return "create the role", step.name
        case steps.PutRolePolicy():
            return "allow the role", ", ".join(_actions(step))
        case steps.CreateFunction():
            return "create the function", f"{step.name} ({step.architecture})"
        case steps.TagFunction():
            return "take over the function", step.arn
        case steps.UpdateCode():
            return "update the code", f"of {step.name}, {mb(step.code.size)}"
        case steps.Configure():
            return "configure", step.name
        case steps.Publish():
            return "publish a version", f"of {step.name}"
        case steps.CheckPacks():
            return "check", f"that all {len(step.packs)} packs are there"
        case steps.PointAlias():
            before = f"from {step.before} " if step.before else ""
            return f"point {step.alias}", f"{before}to {step.to or 'the new version'}"
        case steps.DeleteVersion():
            return "delete the version", f"{step.function}:{step.version}"
        case steps.DeleteObjects():
            return "delete", f"{len(step.keys)} objects of {step.bucket}, {mb(step.size_bytes)}"


def _details(step: Step) -> Iterator[str]:
    match step:
        case steps.Upload():
            for file in step.files:
                yield f"{_few(file.holds)} {mb(file.size)}"
        case steps.Configure():
            for change in step.changes:
                yield f"{change.setting}: {change.before} → {change.after}"
        case steps.DeleteObjects():
            yield from map(_short, step.keys)
        case _:
            return


def _few(names: str) -> str:
    """Return the first names of many."""
    first, *more = names.split(", ")
    return names if len(more) < _NAMED else f"{first} and {len(more)} more"


def _short(key: str) -> str:
    """Return a key with no more of its digest than tells it from others."""
    folder, _, name = key.rpartition("/")
    digest, _, ending = name.partition(".")
    return f"{folder}/{digest[:12]}….{ending}"


def _actions(step: steps.PutRolePolicy) -> Iterator[str]:
    for statement in step.policy["Statement"]:
        actions = statement["Action"]
        yield from [actions] if isinstance(actions, str) else actions


def live_text(wanted: Wanted, observed: Observed, version: str, *, changed: bool) -> Text:
    """Return what is live after a deploy."""
    before = observed.alias(wanted.alias)
    was = f" (was {before.version})" if changed and before and before.version != version else ""
    return Text.assemble(
        ("Live: " if changed else "Nothing to do. Live: ", "bold green"),
        f"{wanted.function}:{wanted.alias} is version {version}{was}, in {observed.region} of "
        f"account {observed.account}",
    )


def live_document(wanted: Wanted, observed: Observed, version: str | None) -> dict[str, Any]:
    """Return what is live after a deploy, for `--json`."""
    before = observed.alias(wanted.alias)
    return {
        "function": wanted.function,
        "account": observed.account,
        "region": observed.region,
        "alias": wanted.alias,
        "version": version,
        "version_before": before.version if before else None,
        "code_sha256": wanted.code_sha256,
        "bucket": wanted.bucket,
    }


def history_table(history: History, *, every: bool) -> Table:
    """Return a row a published version, newest first."""
    table = Table(box=None, pad_edge=False)
    for name in ("version", "live", "published", "release"):
        table.add_column(name, no_wrap=True)
    for name in ("unzipped", "zip", "packs on S3", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = history.versions if every else history.versions[:_SHOWN]
    for version in shown:
        record = history.records.get(version.code_sha256)
        aliases = ", ".join(alias.name for alias in history.aliases_of(version.version))
        table.add_row(
            version.version,
            Text(aliases, style="bold green"),
            version.modified[:19].replace("T", " "),
            version.description or "-",
            mb(record.package_bytes) if record else "-",
            mb(version.code_bytes),
            mb(sum(size for _, size in record.packs)) if record and record.packs else "-",
            f"{version.configuration.memory_mb:,} MB",
        )
    hidden = len(history.versions) - len(shown)
    table.title = f"{history.function.function} in {history.region} of account {history.account}"
    table.title_justify = "left"
    if hidden:
        table.caption, table.caption_justify = f"{hidden} older ones: --all", "left"
    return table


def history_document(history: History) -> dict[str, Any]:
    """Return what was released, for `--json`."""
    return {
        "function": history.function.function,
        "account": history.account,
        "region": history.region,
        "aliases": {alias.name: alias.version for alias in history.aliases},
        "versions": [_version_document(history, version) for version in history.versions],
    }


def _version_document(history: History, version: FunctionVersion) -> dict[str, Any]:
    record = history.records.get(version.code_sha256)
    return {
        "version": version.version,
        "aliases": [alias.name for alias in history.aliases_of(version.version)],
        "published": version.modified,
        "release": version.description or None,
        "code_sha256": version.code_sha256,
        "zip_bytes": version.code_bytes,
        "package_bytes": record.package_bytes if record else None,
        "packs": [{"key": k, "size_bytes": size} for k, size in record.packs] if record else None,
        "memory_mb": version.configuration.memory_mb,
        "runtime": version.configuration.runtime,
        "architecture": version.architecture,
    }


def kept_text(found: Found) -> Text:
    """Return what stays in the bucket."""
    garbage = {item.key for item in found.garbage}
    kept = [item for item in found.objects if item.key not in garbage]
    packs = [item for item in kept if item.key.startswith(PACKS)]
    return Text(
        f"{found.bucket} keeps {len(kept)} objects, {len(packs)} of them packs: "
        f"{mb(sum(item.size for item in kept))}"
    )


def collected_document(found: Found) -> dict[str, Any]:
    """Return what is cleared away, for `--json`."""
    garbage = found.garbage
    return {
        "bucket": found.bucket,
        "deleted_versions": [f"{item.function}:{item.version}" for item in found.outdated],
        "deleted_keys": sorted(item.key for item in garbage),
        "deleted_bytes": sum(item.size for item in garbage),
        "kept_bytes": sum(item.size for item in found.objects) - sum(i.size for i in garbage),
        "warnings": list(found.warnings),
    }
