"""Forces cold starts on AWS: a function whose settings changed has no sandbox yet."""

from dataclasses import replace
from typing import Final

from hotpack.deploy.aws import Functions
from hotpack.deploy.facts import LATEST
from hotpack.deploy.invoking import RemoteInvocation, invoke
from hotpack.errors import AwsError
from hotpack.progress import Progress

VARIABLE: Final = "HOTPACK_COLD_START"
"""An environment variable that nothing reads: another value of it is another configuration."""


def measure_cold_starts(
    functions: Functions, name: str, payload: bytes, rounds: int, progress: Progress
) -> list[RemoteInvocation]:
    """Return the first invocations of new sandboxes of LATEST, and leave it as it was.

    What is live is not touched: published versions never change.

    Raises AwsError where one fails, or was no cold start.
    """
    before = functions.find(name)
    if before is None:
        raise AwsError(f"there is no function {name}", hint="`hotpack deploy` makes it")
    # One that was interrupted may have left its own.
    environment = {k: v for k, v in before.configuration.environment.items() if k != VARIABLE}
    own = replace(before.configuration, environment=environment)
    revision = before.revision
    starts: list[RemoteInvocation] = []
    try:
        with progress.task("cold starts", rounds, "files") as advance:
            for number in range(1, rounds + 1):
                forced = replace(own, environment={**environment, VARIABLE: str(number)})
                functions.configure(name, forced, revision)
                revision = functions.settled(name).revision
                starts.append(_checked(invoke(functions, name, LATEST, payload)))
                advance(1)
    finally:
        functions.configure(name, own, None)
        functions.settled(name)
    return starts


def _checked(start: RemoteInvocation) -> RemoteInvocation:
    if not start.is_success:
        answer = start.payload.decode("utf-8", "replace")
        raise AwsError(f"a cold start failed: {answer}", hint="try `hotpack invoke --remote`")
    measured = start.measured()
    if measured is None or measured.start != "cold":
        raise AwsError(
            "a cold start was asked for, and Lambda reports none",
            hint="the REPORT line is needed: the function's system log level has to be INFO",
        )
    return start
