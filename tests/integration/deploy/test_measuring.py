"""Invocations and cold starts on AWS: moto answers, the log lines are Lambda's own examples."""

import base64
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from hotpack.deploy.cold_starts import measure_cold_starts, sizes_of, try_out
from hotpack.deploy.copying import Copy, copied, live_version
from hotpack.deploy.invoking import RemoteInvocation, invoke
from hotpack.errors import AwsError, ConflictError
from hotpack.measure.tuning import sweep
from hotpack.progress import Silent
from hotpack.project import Project

from .conftest import BUCKET, Deployer, MakeBuild, make_project, refuse, state_of

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


_layer = io.BytesIO()
zipfile.ZipFile(_layer, "w").close()
LAYER = _layer.getvalue()


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


def test_copy_has_all_settings(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Layers, keys, tracing and the log group are the function's too, and so are its own."""
    deployer.deploy(make_build())
    asked: list[dict[str, Any]] = []
    session.events.register(
        "provide-client-params.lambda.CreateFunction", lambda params, **_: asked.append(params)
    )

    def described(parsed: dict[str, Any], **_: object) -> None:
        parsed["VpcConfig"] = {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"], "VpcId": "v-1"}
        parsed["LoggingConfig"] = {"LogFormat": "JSON", "LogGroup": "/mine"}
        parsed["KMSKeyArn"] = "arn:aws:kms:us-east-1:123456789012:key/1"

    session.events.register("after-call.lambda.GetFunctionConfiguration", described)
    with copy_of(deployer, timeout_s=900) as copy:
        assert copy.name == "greeter-hotpack-copy"
    [made] = asked
    assert made["VpcConfig"] == {"SubnetIds": ["s-1"], "SecurityGroupIds": ["g-1"]}
    assert made["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/mine"}
    assert made["KMSKeyArn"].endswith("key/1")
    assert (made["Timeout"], made["MemorySize"], made["Handler"]) == (900, 512, "app.handler")
    assert made["Environment"] == {"Variables": {"MODE": "test"}}
    assert made["Code"]["S3Bucket"] == BUCKET


def test_copy_of_code_that_is_in_no_bucket(
    session: boto3.Session, make_build: MakeBuild, project: Project
) -> None:
    """The code comes from Lambda itself then, and is the same."""
    deployer = Deployer(session, make_project(project.root, ""))
    deployer.deploy(make_build())
    client = session.client("lambda")
    live = client.get_function_configuration(FunctionName="greeter", Qualifier="live")
    with copy_of(deployer, None) as copy:
        there = client.get_function_configuration(FunctionName=copy.name)
    assert there["CodeSha256"] == live["CodeSha256"]


def test_two_copies_at_once(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """The second says so, and leaves the first alone."""
    deployer.deploy(make_build())
    with copy_of(deployer) as copy:
        says = "there is a function greeter-hotpack-copy"
        with pytest.raises(ConflictError, match=says), copy_of(deployer):
            pass
        session.client("lambda").get_function(FunctionName=copy.name)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EndpointConnectionError(endpoint_url="x")])
@pytest.mark.parametrize("operation", ["CreateFunction", "PublishLayerVersion"])
def test_copy_whose_making_got_no_answer(
    deployer: Deployer,
    make_build: MakeBuild,
    session: boto3.Session,
    error: Any,
    operation: str,
) -> None:
    """Interrupted, or without an answer, it may have been made all the same: nothing is left."""
    deployer.deploy(make_build())
    before = state_of(session)

    def lost(**_: object) -> None:
        raise error

    session.events.register(f"after-call.lambda.{operation}", lost)
    with pytest.raises((KeyboardInterrupt, AwsError)), copy_of(deployer, layer=LAYER):
        pass
    assert state_of(session) == before
    assert session.client("lambda").list_layers()["Layers"] == []


def test_copy_of_another_run_when_interrupted(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Interrupted before anything was made, a run leaves another run's copy alone."""
    deployer.deploy(make_build())

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    with copy_of(deployer) as copy:
        session.events.register("before-call.lambda.CreateFunction", interrupted)
        with pytest.raises(KeyboardInterrupt), copy_of(deployer):
            pass
        session.client("lambda").get_function(FunctionName=copy.name)


def test_copy_that_is_being_changed(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Stopped while Lambda changes it, it is deleted when that is done."""
    deployer.deploy(make_build())
    before = state_of(session)
    words = "The operation cannot be performed at this time. An update is in progress"
    refuse(session, "lambda.DeleteFunction", 409, "ResourceConflictException", words)
    with copy_of(deployer):
        pass
    assert state_of(session) == before


def test_copy_that_cannot_be_deleted(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """It is said, and what went wrong before is the error."""
    deployer.deploy(make_build())
    words = "not authorized to perform: lambda:DeleteFunction"
    refuse(session, "lambda.DeleteFunction", 403, "AccessDeniedException", words, 9)
    told = Told()
    aws = deployer.aws
    with pytest.raises(KeyError), copied(aws, live_version(aws, "greeter", "live"), None, told):
        raise KeyError
    assert [words in warning and "it is left there" in warning for warning in told.warnings] == [
        True
    ]


def test_environment_that_may_not_be_seen(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A copy without the variables would be another function."""
    deployer.deploy(make_build())

    def hidden(parsed: dict[str, Any], **_: object) -> None:
        parsed["Environment"] = {"Error": {"ErrorCode": "AccessDenied", "Message": "kms:Decrypt"}}

    session.events.register("after-call.lambda.GetFunctionConfiguration", hidden)
    says = "does not show the environment variables of greeter"
    with pytest.raises(AwsError, match=says), copy_of(deployer):
        pass


def test_size_that_the_account_may_not_have(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """New accounts end at 3,008 MB: that size is left out, and the others are measured."""
    deployer.deploy(make_build())
    words = "'MemorySize' failed: Member must have value less than or equal to 3008"
    operation, code = "lambda.UpdateFunctionConfiguration", "InvalidParameterValueException"
    refuse(session, operation, 400, code, words, 9, holding=b'"MemorySize": 10240')
    with copy_of(deployer) as copy:
        try_out(copy, b"{}")
        small, large = sweep(sizes_of(copy), [512, 10_240], [b"{}"], 1, 2, Silent())
    assert large.failure == "more than this account may have"
    assert small.failure is None
    assert [item.start for item in (*small.cold, *small.warm)] == ["cold", "warm", "warm"]


class Told(Silent):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)
