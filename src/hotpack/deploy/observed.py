"""What is there now: all that a plan is made from, asked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotpack.deploy.aws import Aws, StoredObject
from hotpack.deploy.facts import AccountLimits, Alias, FunctionVersion
from hotpack.deploy.wanted import Wanted
from hotpack.errors import AwsError
from hotpack.progress import Progress


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the name that hotpack would give it."""

    name: str
    exists: bool
    policy: Mapping[str, Any] | None
    """What hotpack wrote into it."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What there is on AWS."""

    account: str
    partition: str
    region: str
    limits: AccountLimits | None
    """None where the credentials may not ask."""

    function: FunctionVersion | None
    versions: tuple[FunctionVersion, ...]
    """Published, newest first."""

    aliases: tuple[Alias, ...]
    objects: Mapping[str, StoredObject]
    """Of those that are wanted, by key."""

    role: Role | None
    """None where the function has, or is to have, one of the user's."""

    def alias(self, name: str) -> Alias | None:
        """Return the alias of that name."""
        return next((alias for alias in self.aliases if alias.name == name), None)

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return the ARN of something of this account."""
        where = self.region if region else ""
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"


def role_name(function: str, region: str) -> str:
    """Return the name of the role that hotpack makes: roles are the account's, in no region."""
    return f"hotpack-{function}-{region}"[:64]


def observe(aws: Aws, wanted: Wanted, progress: Progress, *, create_role: bool) -> Observed:
    """Return what there is of what is wanted.

    Raises AwsError where the bucket cannot be used, or something cannot be looked at.
    """
    objects: dict[str, StoredObject] = {}
    if wanted.bucket is not None:
        bucket = aws.bucket(wanted.bucket)
        bucket.check(aws.region)
        keys = [wanted.record.key, *(file.key for file in (wanted.code, *wanted.packs))]
        with progress.task("look at the bucket", len(keys), "files") as advance:
            objects = bucket.find_all(keys)
            advance(len(keys))
    function = aws.functions.find(wanted.function)
    name = role_name(wanted.function, aws.region)
    is_ours = function is not None and function.configuration.role.endswith(f":role/{name}")
    own_role = wanted.configuration.role
    return Observed(
        account=aws.account,
        partition=aws.partition,
        region=aws.region,
        limits=_limits(aws, progress),
        function=function,
        versions=tuple(aws.functions.versions(wanted.function)) if function else (),
        aliases=tuple(aws.functions.aliases(wanted.function)) if function else (),
        objects=objects,
        role=_role(aws, name) if create_role or (is_ours and not own_role) else None,
    )


def _limits(aws: Aws, progress: Progress) -> AccountLimits | None:
    try:
        return aws.functions.limits()
    except AwsError as error:
        progress.warn(f"{error.message}; Lambda's general limits are used", hint=error.hint)
        return None


def _role(aws: Aws, name: str) -> Role:
    exists = aws.roles.exists(name)
    return Role(name, exists, aws.roles.policy(name) if exists else None)
