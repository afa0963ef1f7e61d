"""A throw-away copy of what is live: for experiments that production must not notice.

The copy has the code and all settings of the version that the alias leads to, and no caller: no
alias, trigger or reserved concurrency. So whatever is tried on it, and however that ends, the
function itself, its `$LATEST`, versions and alias are not touched, and nothing has to be put back.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from hotpack.deploy.aws import Aws, Functions
from hotpack.deploy.aws.code import download
from hotpack.deploy.aws.copies import RUN_TAG
from hotpack.deploy.aws.functions import S3Place
from hotpack.deploy.facts import LATEST, Configuration, FunctionVersion
from hotpack.deploy.invoking import RemoteInvocation, invoke
from hotpack.deploy.keys import code_key
from hotpack.errors import AwsError, ConflictError, HotpackError, LimitError
from hotpack.progress import Progress
from hotpack.target.limits import DIRECT_UPLOAD_BYTES

VARIABLE: Final = "HOTPACK_COLD_START"
"""An environment variable that nothing reads: another value of it is another configuration, and a
function whose configuration changed has no sandbox yet."""

_ENDING: Final = "-hotpack-copy"
_LONGEST_NAME: Final = 64


@dataclass(slots=True)
class Copy:
    """A function that nobody else calls."""

    name: str
    live: FunctionVersion
    """What it is a copy of."""

    region: str
    configuration: Configuration
    _functions: Functions
    _renewals: int = 0

    def renew(self, **changes: Any) -> None:
        """Change settings of the copy's `Configuration`; no sandbox is open for it then.

        Raises LimitError for what the account may not have.
        """
        self._renewals += 1
        changed = replace(self.configuration, **changes)
        environment = {**changed.environment, VARIABLE: str(self._renewals)}
        self._functions.configure(self.name, replace(changed, environment=environment), None)
        self._functions.settled(self.name)

    def invoke(self, payload: bytes) -> RemoteInvocation:
        """Return what it answers to an event, with what Lambda measured."""
        return invoke(self._functions, self.name, LATEST, payload)


def live_version(aws: Aws, function: str, alias: str) -> FunctionVersion:
    """Return the version that an alias leads to. Raises AwsError where there is none."""
    found = aws.functions.find(function, alias)
    if found is None:
        raise AwsError(
            f"{function} has no alias {alias} in {aws.region} of account {aws.account}",
            hint="`hotpack deploy` makes it; --env and --region say which one is meant",
        )
    return found


@contextmanager
def copied(
    aws: Aws,
    live: FunctionVersion,
    bucket: str | None,
    progress: Progress,
    *,
    layer: bytes | None = None,
    **changes: Any,
) -> Iterator[Copy]:
    """Yield a copy of a version, and delete it however this ends.

    `changes` are made to its `Configuration`; `layer` is the zip of one more layer.

    Raises ConflictError where there is one already, or still.
    """
    name = f"{live.function[: _LONGEST_NAME - len(_ENDING)]}{_ENDING}"
    code = _code_of(aws, live, bucket)
    settings = aws.copies.settings(live.function, live.version)
    configuration = replace(live.configuration, snap_start=False, **changes)
    run = uuid4().hex
    with ExitStack() as stack:
        if layer is not None:
            stack.callback(_removing, progress, aws.copies.delete_layers, name, run)
            arn = aws.copies.publish_layer(name, layer, run)
            settings["Layers"] = [*settings["Layers"], arn]
        progress.log(f"copy {live.function}:{live.version} to {name}")
        try:
            made = aws.copies.create(name, live.function, code, configuration, settings, run)
        except BaseException as error:
            # It may be there all the same: interrupted, or the answer was lost.
            _removing(progress, _delete_if_made, aws, name, run)
            if not isinstance(error, ConflictError):
                raise
            raise ConflictError(
                f"there is a function {name}: another bench, tune or trace on AWS is under way, or "
                "was killed",
                hint="wait for it; if it was killed, "
                f"`aws lambda delete-function --function-name {name}`",
            ) from error
        stack.callback(_removing, progress, _delete, aws, name)
        aws.functions.settled(name)
        yield Copy(name, live, aws.region, made, aws.functions)


def _delete_if_made(aws: Aws, name: str, run: str) -> None:
    """Delete a copy if this run has made it, and not another one."""
    found = aws.functions.find(name)
    if found is not None and (found.tags or {}).get(RUN_TAG) == run:
        aws.copies.delete(name)


def _delete(aws: Aws, name: str) -> None:
    """Delete a copy, also one that was just being changed when this was interrupted."""
    try:
        aws.copies.delete(name)
    except ConflictError:
        aws.functions.find(name)  # waits until nothing is being changed
        aws.copies.delete(name)


def _removing(progress: Progress, delete: Callable[..., None], *what: object) -> None:
    """Delete what came for the copy; if that fails, what went before is the error to tell of."""
    try:
        delete(*what)
    except HotpackError as error:
        progress.warn(f"{error.message}: it is left there", hint=error.hint)


def _code_of(aws: Aws, version: FunctionVersion, bucket: str | None) -> bytes | S3Place:
    """Return where the code of a version can be had: in the bucket, else at Lambda itself."""
    key = code_key(version.code_sha256)
    if bucket is not None and aws.bucket(bucket).find(key) is not None:
        return bucket, key
    if version.code_bytes > DIRECT_UPLOAD_BYTES:
        raise LimitError(
            f"the zip of {version.function}:{version.version} has {version.code_bytes:,} bytes: a "
            "copy of that size needs it in the bucket",
            hint="`hotpack deploy --upload-only --yes` brings it there",
        )
    return download(aws.functions.code_url(version.function, version.version))
