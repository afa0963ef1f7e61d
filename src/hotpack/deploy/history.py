"""What was released, and what is live."""

from collections.abc import Mapping
from dataclasses import dataclass

from hotpack.deploy.aws import Aws
from hotpack.deploy.facts import Alias, FunctionVersion
from hotpack.deploy.needs import Needs
from hotpack.deploy.wanted import Record
from hotpack.errors import AwsError


@dataclass(frozen=True, slots=True)
class History:
    """A function's releases."""

    account: str
    region: str
    function: FunctionVersion
    versions: tuple[FunctionVersion, ...]
    """Published, newest first."""

    aliases: tuple[Alias, ...]
    records: Mapping[str, Record]
    """By the digest of the code, of those that have one."""

    def aliases_of(self, version: str) -> tuple[Alias, ...]:
        """Return the aliases that lead to a version."""
        return tuple(alias for alias in self.aliases if version in alias.versions)

    def alias(self, name: str) -> Alias | None:
        """Return the alias of that name."""
        return next((alias for alias in self.aliases if alias.name == name), None)


def read_history(aws: Aws, function: str, bucket: str | None) -> History:
    """Return the releases of a function.

    Raises AwsError where there is no such function.
    """
    there = aws.functions.find(function)
    if there is None:
        raise AwsError(
            f"there is no function {function} in {aws.region} of account {aws.account}",
            hint="`hotpack deploy` makes it; --env and --region say which one is meant",
        )
    versions = tuple(aws.functions.versions(function))
    records: dict[str, Record] = {}
    if bucket is not None:
        place = aws.bucket(bucket)
        place.check(aws.region)
        needs = Needs(aws, place)
        for version in versions:
            if (record := needs.record(version.code_sha256)) is not None:
                records[version.code_sha256] = record
    aliases = tuple(aws.functions.aliases(function))
    return History(aws.account, aws.region, there, versions, aliases, records)
