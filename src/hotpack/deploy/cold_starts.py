"""Measures on AWS: a copy whose settings changed has no sandbox yet, so what comes next is cold."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from hotpack.deploy.copying import Copy
from hotpack.deploy.invoking import RemoteInvocation
from hotpack.errors import AwsError, LimitError
from hotpack.progress import Progress
from hotpack.sandbox import Invocation

Invoke = Callable[[bytes], Invocation]

_TRIES: Final = 5
"""For a warm invocation: Lambda may open another sandbox whenever it likes."""


def measure_cold_starts(
    copy: Copy, payload: bytes, rounds: int, progress: Progress
) -> list[RemoteInvocation]:
    """Return the first invocations of new sandboxes.

    Raises AwsError where one fails, or was no cold start.
    """
    try_out(copy, payload)
    starts = []
    with progress.task("cold starts", rounds, "starts") as advance:
        for _ in range(rounds):
            copy.renew()
            starts.append(_succeeded(copy.invoke(payload)))
            _cold(starts[-1])
            advance(1)
    return starts


def try_out(copy: Copy, payload: bytes) -> None:
    """Start it once, which does not count: its code is new to Lambda.

    Raises AwsError where that fails.
    """
    copy.renew()
    _succeeded(copy.invoke(payload))


def sizes_of(copy: Copy) -> Callable[[int], AbstractContextManager[Invoke | str]]:
    """Return the copy at any memory size, or why there is none of that size."""

    @contextmanager
    def open_at(memory_mb: int) -> Iterator[Invoke | str]:
        try:
            copy.renew(memory_mb=memory_mb)
        except LimitError:
            yield "more than this account may have"
            return
        yield _invoke_in_turn(copy)

    return open_at


def _invoke_in_turn(copy: Copy) -> Invoke:
    """Return what invokes a copy: first with a cold start, from then on warm."""
    is_first = True

    def invoke(payload: bytes) -> Invocation:
        nonlocal is_first
        if is_first:
            is_first = False
            return _cold(copy.invoke(payload))
        for _ in range(_TRIES):
            invocation = measured_of(copy.invoke(payload))
            if invocation.start == "warm" or invocation.status != "success":
                return invocation
        raise AwsError(
            f"{_TRIES} invocations, one after the other, were all cold starts",
            hint="is the account at its limit of concurrency? try again later",
        )

    return invoke


def _succeeded(start: RemoteInvocation) -> RemoteInvocation:
    if not start.is_success:
        answer = start.payload.decode("utf-8", "replace")
        raise AwsError(f"a cold start failed: {answer}", hint="try `hotpack invoke --remote`")
    return start


def _cold(start: RemoteInvocation) -> Invocation:
    measured = measured_of(start)
    if start.is_success and measured.start != "cold":
        raise AwsError(
            "a cold start was asked for, and Lambda reports none",
            hint="run it again: another sandbox may have been open already",
        )
    return measured


def measured_of(invocation: RemoteInvocation) -> Invocation:
    """Return what an invocation took. Raises AwsError where Lambda does not say."""
    measured = invocation.measured()
    if measured is None:
        raise AwsError(
            "Lambda does not report what an invocation took",
            hint="the REPORT line is needed: the function's system log level has to be INFO",
        )
    return measured
