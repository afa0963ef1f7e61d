"""Decides what a deploy does. Pure: from what is wanted and what is there to the steps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hotpack.deploy.facts import TAG, Configuration, FunctionVersion
from hotpack.deploy.keys import PACKS
from hotpack.deploy.observed import Observed
from hotpack.deploy.policy import TRUST, function_policy
from hotpack.deploy.steps import (
    CheckPacks,
    Configure,
    CreateFunction,
    CreateRole,
    PointAlias,
    Publish,
    PutRolePolicy,
    Step,
    TagFunction,
    UpdateCode,
    Upload,
    WriteRecord,
)
from hotpack.deploy.wanted import Wanted
from hotpack.errors import AwsError, ConfigError, LimitError
from hotpack.target import limits as published


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, in this order; after any step of it nothing that is live is broken."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    """What people should know before they agree."""

    live: str | None = None
    """The version that the alias points at already, where the plan does not move it."""


def plan_deploy(wanted: Wanted, observed: Observed, *, adopt: bool = False) -> Plan:
    """Return the steps that make what is there what is wanted; none where it is already.

    Packs come first and the alias last, so that whoever stops in between has changed nothing that
    callers see, and the same plan made again is the rest of it. What was published is kept.

    Raises AwsError for a function that is somebody else's, unless it is to be adopted, LimitError
    for what the account may not have, and ConfigError where a role is missing.
    """
    _check_limits(wanted, observed)
    _check_owner(wanted, observed, adopt=adopt)
    configuration = configuration_of(wanted, observed)
    steps = [
        *_uploads(wanted, observed),
        *_role(wanted, observed),
        *_function(wanted, observed, configuration),
    ]
    published_as = _published(wanted, observed, configuration)
    changes_function = any(isinstance(s, CreateFunction | UpdateCode | Configure) for s in steps)
    if changes_function or published_as is None:
        publish = Publish(wanted.function, wanted.code_sha256, configuration, wanted.description)
        steps += [publish, *_check(wanted), _alias(wanted, observed, None)]
        return Plan(tuple(steps), tuple(_notes(wanted, observed)))
    alias = observed.alias(wanted.alias)
    if alias is None or alias.versions != {published_as}:
        steps += [*_check(wanted), _alias(wanted, observed, published_as)]
        return Plan(tuple(steps), tuple(_notes(wanted, observed)))
    return Plan(tuple(steps), live=published_as)


def plan_upload(wanted: Wanted, observed: Observed) -> Plan:
    """Return the steps that bring packs and code to the bucket, and touch no function.

    The record is always written anew: its age says how long gc has to wait for a version.
    """
    if wanted.bucket is None:
        raise ConfigError(
            "there is nowhere to upload to: no bucket is named",
            hint="set bucket in [tool.hotpack]",
        )
    uploads = [step for step in _uploads(wanted, observed) if isinstance(step, Upload)]
    return Plan((_record(wanted), *uploads))


def configuration_of(wanted: Wanted, observed: Observed) -> Configuration:
    """Return the settings that are wanted, with the role's ARN."""
    return replace(wanted.configuration, role=_role_arn(wanted, observed))


def _role_arn(wanted: Wanted, observed: Observed) -> str:
    name = observed.role.name if observed.role else wanted.configuration.role
    if name:
        is_arn = name.startswith("arn:")
        return name if is_arn else observed.arn("iam", f"role/{name}", region=False)
    if observed.function is not None:
        return observed.function.configuration.role
    raise ConfigError(
        f"{wanted.function} is not there yet, and no role is named for it",
        hint="--create-role makes one with the least that it needs; or set role in [tool.hotpack]",
    )


def _check_limits(wanted: Wanted, observed: Observed) -> None:
    limits = observed.limits
    unzipped = limits.unzipped_bytes if limits else published.UNZIPPED_BYTES
    if wanted.package_bytes > unzipped:
        raise LimitError(
            f"the function has {wanted.package_bytes:,} bytes unzipped; account "
            f"{observed.account} may have {unzipped:,}",
            hint="pin something more to bundled or remote in [tool.hotpack.place]",
        )
    direct = limits.direct_upload_bytes if limits else published.DIRECT_UPLOAD_BYTES
    if wanted.bucket is None and wanted.code.size > direct:
        raise LimitError(
            f"function.zip has {wanted.code.size:,} bytes; without a bucket Lambda takes "
            f"{direct:,}",
            hint="set bucket in [tool.hotpack]; `aws s3 mb s3://NAME` makes one",
        )
    if limits and limits.code_stored_bytes + wanted.code.size > limits.code_storage_bytes:
        raise LimitError(
            f"account {observed.account} stores {limits.code_stored_bytes:,} bytes of code in "
            f"{observed.region}; with the {wanted.code.size:,} of this function it would pass its "
            f"limit of {limits.code_storage_bytes:,}",
            hint="`hotpack gc --keep 5` deletes old versions; or ask AWS for more",
        )


def _check_owner(wanted: Wanted, observed: Observed, *, adopt: bool) -> None:
    if observed.function is None or adopt:
        return
    if observed.function.tags is None:
        raise AwsError(
            f"whose {wanted.function} is cannot be seen: AWS does not show its tags",
            hint="get lambda:ListTags for it; --adopt takes it over without asking",
        )
    owner = observed.function.tags.get(TAG)
    if owner != wanted.project:
        of = f"is the project {owner}'s" if owner else "was not made by hotpack"
        raise AwsError(
            f"there is a function {wanted.function} in {observed.region}, and it {of}",
            hint="choose another name (function in [tool.hotpack]), or take it over with --adopt",
        )


def _uploads(wanted: Wanted, observed: Observed) -> Iterator[Step]:
    """Return what brings the bucket up to date: the record first, so that gc leaves it all."""
    if wanted.bucket is None:
        return
    is_there = {
        file.key: observed.objects[file.key].is_copy_of(file)
        for file in (wanted.code, *wanted.packs)
        if file.key in observed.objects
    }
    missing = [file for file in (*wanted.packs, wanted.code) if file.key not in is_there]
    damaged = [file for file in (*wanted.packs, wanted.code) if is_there.get(file.key) is False]
    has_record = wanted.record.key in observed.objects
    if missing or damaged or not has_record or not _is_published(wanted, observed):
        yield _record(wanted)
    if missing:
        yield Upload(tuple(missing))
    if damaged:
        yield Upload(tuple(damaged), replace=True)


def _record(wanted: Wanted) -> WriteRecord:
    return WriteRecord(wanted.record.key, wanted.record.content())


def _is_published(wanted: Wanted, observed: Observed) -> bool:
    """Return whether a version has this code: until then only a new record keeps it from gc."""
    return any(version.code_sha256 == wanted.code_sha256 for version in observed.versions)


def _role(wanted: Wanted, observed: Observed) -> Iterator[Step]:
    role = observed.role
    if role is None:
        return
    log_group = observed.arn("logs", f"log-group:/aws/lambda/{wanted.function}")
    packs = f"arn:{observed.partition}:s3:::{wanted.bucket}/{PACKS}*" if wanted.packs else None
    policy = function_policy(log_group, packs)
    if not role.exists:
        yield CreateRole(role.name, TRUST)
    if role.policy != policy:
        yield PutRolePolicy(role.name, policy)


def _function(wanted: Wanted, observed: Observed, configuration: Configuration) -> Iterator[Step]:
    there = observed.function
    tags = {TAG: wanted.project}
    if there is None:
        yield CreateFunction(
            wanted.function,
            wanted.code,
            wanted.bucket,
            wanted.architecture,
            configuration,
            tags,
        )
        return
    if (there.tags or {}).get(TAG) != wanted.project:
        yield TagFunction(wanted.function, there.arn, tags)
    if not _has_code(wanted, there):
        yield UpdateCode(wanted.function, wanted.code, wanted.bucket, wanted.architecture)
    changes = tuple(there.configuration.changes(configuration))
    if changes:
        yield Configure(wanted.function, configuration, changes)


def _has_code(wanted: Wanted, version: FunctionVersion) -> bool:
    return (version.code_sha256, version.architecture) == (
        wanted.code_sha256,
        wanted.architecture,
    )


def _published(wanted: Wanted, observed: Observed, configuration: Configuration) -> str | None:
    """Return the newest version that is just what is wanted."""
    return next(
        (
            version.version
            for version in observed.versions
            if _has_code(wanted, version) and version.configuration == configuration
        ),
        None,
    )


def _check(wanted: Wanted) -> Iterator[Step]:
    if wanted.packs:
        yield CheckPacks(wanted.packs)


def _alias(wanted: Wanted, observed: Observed, version: str | None) -> PointAlias:
    alias = observed.alias(wanted.alias)
    return PointAlias(
        wanted.function,
        wanted.alias,
        alias.version if alias else None,
        version,
        alias.revision if alias else None,
    )


def _notes(wanted: Wanted, observed: Observed) -> Iterator[str]:
    if wanted.packs and observed.role is None:
        yield (
            f"the function's role needs s3:GetObject for arn:{observed.partition}:s3:::"
            f"{wanted.bucket}/{PACKS}*"
        )
    alias = observed.alias(wanted.alias)
    if alias and alias.weights:
        others = ", ".join(sorted(alias.weights))
        yield f"the alias {alias.name} also leads to {others}: that ends"
    if observed.limits and observed.limits.concurrency < published.CONCURRENCY:
        yield (
            f"account {observed.account} may run {observed.limits.concurrency:,} sandboxes at "
            f"once in {observed.region}; {published.CONCURRENCY:,} is usual"
        )
