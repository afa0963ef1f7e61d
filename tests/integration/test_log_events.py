"""hotpack chart --function, against moto's CloudWatch Logs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from hotpack.deploy.aws.log_events import log_events
from hotpack.errors import AwsError
from hotpack.measure.durations import read_invocations

PER_PAGE = 10_000
"""As many events as CloudWatch, and moto, answer with at most."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def session(server: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return boto3.Session(region_name="us-east-1")


def report(number: int) -> str:
    init = "Init Duration: 900.00 ms\t" if number % 100 == 0 else ""
    return (
        f"REPORT RequestId: {number:08x}-0000-4000-8000-000000000000\tDuration: {number}.50 ms\t"
        f"Billed Duration: {number + 1} ms\tMemory Size: 512 MB\tMax Memory Used: 99 MB\t{init}\n"
    )


def put(session: boto3.Session, function: str, messages: dict[int, str]) -> None:
    """Log messages by how many seconds ago; two streams take turns."""
    logs, group = session.client("logs"), f"/aws/lambda/{function}"
    logs.create_log_group(logGroupName=group)
    now_ms = int(time.time() * 1000)
    events = [
        {"timestamp": now_ms - ago * 1000, "message": messages[ago]}
        for ago in sorted(messages, reverse=True)
    ]
    for number in (0, 1):
        stream = f"2026/03/04/[$LATEST]{number}"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        mine = events[number::2]
        for start in range(0, len(mine), 5000):
            logs.put_log_events(
                logGroupName=group, logStreamName=stream, logEvents=mine[start : start + 5000]
            )


def test_all_pages_are_read(session: boto3.Session) -> None:
    """A log of several pages and streams is read to its end, in the order of time."""
    number = PER_PAGE + 500
    put(session, "paged", {ago: report(ago) for ago in range(1, number + 1)})
    now = time.time()
    found = read_invocations(log_events(session, "/aws/lambda/paged", now - 2 * number, now))
    assert len(found) == number
    assert list(found.duration_ms) == [ago + 0.5 for ago in range(number, 0, -1)]
    assert found.time_s[0] == pytest.approx(now - number, abs=60)


def test_only_since(session: boto3.Session) -> None:
    """What is older than asked for is not there."""
    put(session, "old", {10: report(10), 4000: report(40)})
    now = time.time()
    found = read_invocations(log_events(session, "/aws/lambda/old", now - 3600, now))
    assert list(found.duration_ms) == [10.5]


def test_no_such_group(session: boto3.Session) -> None:
    """A function that never logged is an error that names the group."""
    with pytest.raises(AwsError, match="show the log /aws/lambda/nobody: .*does not exist"):
        list(log_events(session, "/aws/lambda/nobody", 0, 1))


def test_no_region(session: boto3.Session) -> None:
    """Without a region nothing is asked."""
    with pytest.raises(AwsError, match="no region is set"):
        list(log_events(boto3.Session(), "/aws/lambda/nobody", 0, 1))


def test_command(session: boto3.Session) -> None:
    """hotpack chart --function reads the log of the last hours."""
    put(session, "greeter", {100: report(100), 50: report(50), 7300: report(7)})
    done = chart("--function", "greeter", "--since", "2h", "--region", "us-east-1", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["invocations"], result["cold_starts"]) == (2, 1)


@pytest.mark.parametrize(
    "arguments",
    [("--since", "3h"), ("x.log", "--function", "x"), ("--function", "x", "--since", "3 hours")],
)
def test_wrong_calls(arguments: tuple[str, ...]) -> None:
    """A file and a function at once, or a span of a file, are wrong calls."""
    assert chart(*arguments).returncode == 2


def chart(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "hotpack", "chart", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False, input="")
