"""Goes back: the alias to an earlier version, whose packs are still there."""

from hotpack.deploy.aws import Aws
from hotpack.deploy.facts import Alias
from hotpack.deploy.history import History
from hotpack.deploy.needs import Needs, missing_packs
from hotpack.deploy.plan import Plan
from hotpack.deploy.steps import PointAlias
from hotpack.errors import AwsError
from hotpack.progress import Progress


def choose_version(history: History, alias_name: str, to: str | None) -> str:
    """Return the version to go back to; the one before the live one, if none is named.

    Raises AwsError where there is no such version, or nothing to go back to.
    """
    function = history.function.function
    alias = _alias(history, alias_name)
    published = [version.version for version in history.versions]
    if to is not None:
        if to in published:
            return to
        raise AwsError(
            f"{function} has no version {to}", hint=f"it has {', '.join(published) or 'none'}"
        )
    older = [number for number in published if int(number) < int(alias.version)]
    if not older:
        raise AwsError(
            f"there is no version of {function} before {alias.version}, which is live",
            hint="`hotpack status` shows which versions there are",
        )
    return older[0]


def plan_rollback(history: History, alias_name: str, to: str) -> Plan:
    """Return the step that makes a version live; none where it is live already, alone."""
    alias = _alias(history, alias_name)
    if alias.versions == {to}:
        return Plan((), live=to)
    function = history.function.function
    return Plan((PointAlias(function, alias_name, alias.version, to, alias.revision),))


def _alias(history: History, name: str) -> Alias:
    alias = history.alias(name)
    if alias is None:
        raise AwsError(
            f"{history.function.function} has no alias {name}, so nothing of it is live",
            hint="`hotpack deploy` makes it",
        )
    return alias


def check_packs(
    aws: Aws, history: History, bucket: str | None, to: str, progress: Progress
) -> None:
    """Raise AwsError if packs that a version needs are not in the bucket any more.

    Where nobody knows which it needs there is a warning: who goes back is in a hurry.
    """
    if bucket is None:
        return
    version = next(item for item in history.versions if item.version == to)
    place = aws.bucket(bucket)
    try:
        keys = Needs(aws, place).keys(version)
    except AwsError as error:
        progress.warn(error.message, hint="it is not known whether its packs are there")
        return
    gone = missing_packs(keys, place.find_all(keys))
    if gone:
        raise AwsError(
            f"version {to} of {history.function.function} cannot start: {len(gone)} of its packs "
            f"are not in {bucket} any more, e.g. {gone[0]}",
            hint="go back to another one with --to, or build that state of the project and deploy",
        )
