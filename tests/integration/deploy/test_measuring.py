"""Invocations and cold starts on AWS: moto answers, the log lines are Lambda's own examples."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from hotpack.deploy.cold_starts import measure_cold_starts
from hotpack.deploy.copying import Copy, copied, live_version
from hotpack.deploy.invoking import RemoteInvocation, invoke
from hotpack.errors import AwsError
from hotpack.progress import Silent

from .conftest import BUCKET, Deployer, MakeBuild, refuse, state_of

REPORT = (
    "REPORT RequestId: 4ff9e6cf\tDuration: 15.74 ms\tBilled Duration: 147 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 56 MB\t"
)
COLD = f"START RequestId: 4ff9e6cf Version: 1\nEND RequestId: 4ff9e6cf\n{REPORT}"
JSON_REPORT = (
    '{"time":"2026-11-24T08:00:00.000Z","type":"platform.report","record":{"requestId":"4ff9e6cf",'
    '"status":"success","metrics":{"durationMs":15.74,"billedDurationMs":147,"memorySizeMB":128,'
    '"maxMemoryUsedMB":56,"initDurationMs":130.5}}}'
)


class Answers:
    """Puts a log, and an error, into what moto answers to Invoke; notes what it was asked with."""

    def __init__(self, session: boto3.Session, log: str, error: str | None = None) -> None:
        self.log, self.error = log, error
        self.configurations: list[dict[str, str]] = []
        session.events.register("after-call.lambda.Invoke", self.answer)
        session.events.register(
            "provide-client-params.lambda.UpdateFunctionConfiguration", self.configured
        )

    def answer(self, parsed: dict[str, Any], **_: object) -> None:
        parsed["LogResult"] = base64.b64encode(self.log.encode()).decode()
        if self.error:
            parsed["FunctionError"] = self.error

    def configured(self, params: dict[str, Any], **_: object) -> None:
        self.configurations.append(params["Environment"]["Variables"])


def invoked(session: boto3.Session, deployer: Deployer, log: str, **how: Any) -> RemoteInvocation:
    Answers(session, log, **how)
    return invoke(deployer.aws.functions, "greeter", "live", b'{"name": "Ada"}')


@pytest.mark.parametrize(
    ("log", "start", "init_ms"),
    [
        (f"{COLD}Init Duration: 130.49 ms\t\n", "cold", 130.49),
        (f"{COLD}\n", "warm", None),
        (f"{COLD}Restore Duration: 204.27 ms\tBilled Restore Duration: 1 ms\t", "cold", 204.27),
        (JSON_REPORT, "cold", 130.5),
        (f"{COLD}Init Duration: 1.00 ms\t\nXRAY TraceId: 1-5b\tSegmentId: 3\tSampled: true",
         "cold", 1.0),
    ],
)  # fmt: skip
def test_invocation(
    deployer: Deployer,
    make_build: MakeBuild,
    session: boto3.Session,
    log: str,
    start: str,
    init_ms: float | None,
) -> None:
    """The response comes with what Lambda measured, in text and in JSON."""
    deployer.deploy(make_build())
    done = invoked(session, deployer, log)
    assert done.payload == b'{"name": "Ada"}'  # moto's answer is the event
    measured = done.measured()
    assert measured is not None
    assert (measured.start, measured.init_ms) == (start, init_ms)
    assert (measured.duration_ms, measured.billed_ms, measured.max_memory_mb) == (15.74, 147, 56)
    assert measured.status == "success"


def test_invocation_that_fails(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """An error of the function is one, and a timeout is told apart by its report."""
    deployer.deploy(make_build())
    done = invoked(session, deployer, f"{COLD}Status: timeout\n", error="Unhandled")
    measured = done.measured()
    assert measured is not None
    assert not done.is_success
    assert measured.status == "timeout"


def test_invocation_without_a_report(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Where the function's logging leaves the report out, there is the response alone."""
    deployer.deploy(make_build())
    done = invoked(session, deployer, "hello\n")
    assert done.log == ("hello",)
    assert done.measured() is None


def test_no_such_alias(deployer: Deployer, make_build: MakeBuild, session: boto3.Session) -> None:
    """What is not there is said in Lambda's words."""
    deployer.deploy(make_build())
    words = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:greeter:other"
    refuse(session, "lambda.Invoke", 404, "ResourceNotFoundException", words)
    with pytest.raises(AwsError, match="Function not found.*greeter:other"):
        invoke(deployer.aws.functions, "greeter", "other", b"{}")


def test_cold_starts(deployer: Deployer, make_build: MakeBuild, session: boto3.Session) -> None:
    """Each round has a configuration of its own, of a copy; nothing else was changed."""
    deployer.deploy(make_build())
    before = state_of(session)
    answers = Answers(session, f"{COLD}Init Duration: 130.49 ms\t\n")
    with copy_of(deployer) as copy:
        starts = measure_cold_starts(copy, b"{}", 3, Silent())
    assert [start.measured() is not None for start in starts] == [True] * 3
    forced = [variables.get("HOTPACK_COLD_START") for variables in answers.configurations]
    assert forced == ["1", "2", "3", "4"]  # the first does not count
    assert state_of(session) == before


@pytest.mark.parametrize(
    ("log", "error", "says"),
    [
        (f"{COLD}\n", None, "Lambda reports none"),
        ("hello\n", None, "does not report what an invocation took"),
        (f"{COLD}Init Duration: 130.49 ms\t\n", "Unhandled", "a cold start failed"),
    ],
)
def test_cold_start_that_is_none(
    deployer: Deployer,
    make_build: MakeBuild,
    session: boto3.Session,
    log: str,
    error: str | None,
    says: str,
) -> None:
    """One that failed, was warm, or was not reported ends the measurement; nothing is left."""
    deployer.deploy(make_build())
    before = state_of(session)
    Answers(session, log, error)
    with pytest.raises(AwsError, match=says), copy_of(deployer) as copy:
        measure_cold_starts(copy, b"{}", 3, Silent())
    assert state_of(session) == before


@contextmanager
def copy_of(deployer: Deployer, bucket: str | None = BUCKET, **how: Any) -> Iterator[Copy]:
    """Yield a copy of what is live."""
    aws = deployer.aws
    live = live_version(aws, "greeter", "live")
    with copied(aws, live, bucket, Silent(), **how) as copy:
        yield copy
