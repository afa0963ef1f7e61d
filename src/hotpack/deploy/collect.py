"""Clears away: packs, zips and records that no version needs, and old versions where asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from hotpack.deploy.aws import Aws, StoredObject
from hotpack.deploy.facts import Alias, FunctionVersion
from hotpack.deploy.keys import CODE, PACKS, RECORDS
from hotpack.deploy.needs import Needs
from hotpack.deploy.plan import Plan
from hotpack.deploy.steps import DeleteObjects, DeleteVersion, Step

GRACE: Final = timedelta(days=1)
"""What came within this time is left alone: a deploy may be about to point at it."""

_OURS: Final = re.compile(
    rf"(?:{RECORDS}[0-9a-f]{{64}}\.json|{CODE}[0-9a-f]{{2}}/[0-9a-f]{{64}}\.zip"
    rf"|{PACKS}[0-9a-f]{{2}}/[0-9a-f]{{64}}\.pack)"
)
"""Nothing else is ever deleted, whatever it is doing under `hotpack/`."""

_RECORD: Final = re.compile(rf"{RECORDS}([0-9a-f]{{64}})\.json")

_ASLEEP: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes from which nothing can be read at once."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the bucket, and what of it is needed."""

    bucket: str | None
    """None where there is none, and only versions may go."""

    objects: tuple[StoredObject, ...]
    needed: frozenset[str]
    """Keys that a version needs, or a deploy that is under way."""

    outdated: tuple[FunctionVersion, ...]
    """Versions to be deleted."""

    warnings: tuple[str, ...]

    @property
    def garbage(self) -> tuple[StoredObject, ...]:
        """Return what nothing needs."""
        return tuple(item for item in self.objects if item.key not in self.needed)

    def still(self, later: "Found") -> "Found":
        """Return what may go that might have gone before, too: nobody agreed to more."""
        return replace(
            self,
            needed=self.needed | later.needed,
            outdated=tuple(item for item in self.outdated if item in later.outdated),
        )


def outdated(
    versions: Sequence[FunctionVersion], aliases: Iterable[Alias], keep: int | None
) -> tuple[FunctionVersion, ...]:
    """Return the versions behind the `keep` newest that no alias leads to; none without `keep`."""
    if keep is None:
        return ()
    led_to = {version for alias in aliases for version in alias.versions}
    newest_first = sorted(versions, key=lambda version: version.number, reverse=True)
    return tuple(version for version in newest_first[keep:] if version.version not in led_to)


def look(
    aws: Aws, bucket_name: str | None, function: str, keep: int | None, now: datetime
) -> Found:
    """Return what is in the bucket, and what of it any function of the account needs.

    Raises AwsError where a version may need something and nobody can say what: then nothing may be
    deleted.
    """
    if bucket_name is None:
        return Found(None, (), frozenset(), _old_versions(aws, function, keep), ())
    bucket = aws.bucket(bucket_name)
    bucket.check(aws.region)
    # The objects before the versions: what is published in between was there before, or is new.
    objects = tuple(o for o in bucket.contents("hotpack/") if _OURS.fullmatch(o.key))
    old = _old_versions(aws, function, keep)
    needs = Needs(aws, bucket, frozenset(item.key for item in objects))
    needed: set[str] = set()
    to_go = {(version.function, version.version) for version in old}
    for version in aws.functions.every_version():
        if (version.function, version.version) not in to_go:
            needed.update(needs.keys(version))
    needed.update(_of_young_deploys(objects, needs, now))
    return Found(
        bucket_name,
        objects,
        frozenset(needed),
        old,
        tuple(lifecycle_warnings(bucket_name, bucket.lifecycle_rules())),
    )


def _old_versions(aws: Aws, function: str, keep: int | None) -> tuple[FunctionVersion, ...]:
    if aws.functions.find(function) is None:
        return ()
    return outdated(aws.functions.versions(function), aws.functions.aliases(function), keep)


def _of_young_deploys(
    objects: Sequence[StoredObject], needs: Needs, now: datetime
) -> Iterable[str]:
    """Return the keys of what came just now, and of what a record that came just now names."""
    for item in objects:
        if now - item.modified >= GRACE:
            continue
        yield item.key
        if match := _RECORD.fullmatch(item.key):
            record = needs.record(match[1])
            yield from dict(record.packs if record else ())


def plan_gc(found: Found) -> Plan:
    """Return the steps that delete what nothing needs, versions first."""
    steps: list[Step] = [DeleteVersion(item.function, item.version) for item in found.outdated]
    if found.bucket is not None and (garbage := found.garbage):
        size_bytes = sum(item.size for item in garbage)
        keys = tuple(sorted(item.key for item in garbage))
        steps.append(DeleteObjects(found.bucket, keys, size_bytes))
    return Plan(tuple(steps), found.warnings)


def lifecycle_warnings(bucket: str, rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each rule by which S3 would take packs away from live functions."""
    warnings = []
    for rule in rules:
        what = _what_it_does(rule)
        if rule.get("Status") == "Enabled" and what and _meets_packs(rule):
            name = rule.get("ID") or "without a name"
            warnings.append(
                f"the lifecycle rule {name} of {bucket} {what} what is under {PACKS}: functions "
                "that need it will fail to start; exclude that prefix"
            )
    return warnings


def _what_it_does(rule: Mapping[str, Any]) -> str | None:
    if rule.get("Expiration", {}).keys() & {"Days", "Date"}:
        return "deletes"
    moved_to = {item.get("StorageClass") for item in rule.get("Transitions", ())}
    return "archives" if moved_to & _ASLEEP else None


def _meets_packs(rule: Mapping[str, Any]) -> bool:
    """Return whether the rule is for packs, which have no tags."""
    filter_ = rule.get("Filter", {})
    both = filter_.get("And", {})
    if "Tag" in filter_ or both.get("Tags"):
        return False
    prefix = rule.get("Prefix") or filter_.get("Prefix") or both.get("Prefix") or ""
    return PACKS.startswith(prefix) or prefix.startswith(PACKS)
