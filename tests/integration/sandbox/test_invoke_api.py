"""The Invoke API as boto3's Lambda client sees it."""

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from hotpack.sandbox import InvokeApi, LocalLambda, Machine, PlainFolders, Settings
from hotpack.target.limits import ASYNC_PAYLOAD_BYTES, PAYLOAD_BYTES

SOURCE = """
import sys
def handler(event, context):
    print("x" * event.get("print", 0))
    if "fail" in event: raise RuntimeError(event["fail"])
    return {"event": event, "custom": context.client_context and context.client_context.custom}
"""


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def local(start_with: Any, this_machine: Any, heard: list[str]) -> LocalLambda:
    started: LocalLambda = start_with(
        this_machine, SOURCE, name="mine", timeout_s=9, on_log=heard.append
    )
    return started


@pytest.fixture
def api(local: LocalLambda) -> Iterator[InvokeApi]:
    with InvokeApi({"mine": local}) as served:
        yield served


@pytest.fixture
def client(api: InvokeApi) -> Iterator[Any]:
    client = boto3.client(
        "lambda",
        endpoint_url=api.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


def refused(call: Any, **arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return (
        caught.value.response["ResponseMetadata"]["HTTPStatusCode"],
        error["Code"],
        error["Message"],
    )


def test_boto3_invokes_a_function(client: Any) -> None:
    answer = client.invoke(FunctionName="mine", Payload=b'{"a": "\xc3\xa4"}')
    assert json.load(answer["Payload"]) == {"event": {"a": "ä"}, "custom": None}
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_no_payload_is_an_empty_object(client: Any) -> None:
    assert json.load(client.invoke(FunctionName="mine")["Payload"])["event"] == {}


def test_an_error_of_the_function_is_unhandled_and_status_200(client: Any) -> None:
    answer = client.invoke(FunctionName="mine", Payload=b'{"fail": "no"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorMessage"] == "no"


def test_response_streaming_is_said_to_be_missing(client: Any) -> None:
    told = refused(client.invoke_with_response_stream, FunctionName="mine")
    assert told[:2] == (501, "UnsupportedOperationException")
    assert "use Invoke" in told[2]


def test_a_refusal_has_a_request_id_too(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="other")
    assert len(caught.value.response["ResponseMetadata"]["RequestId"]) == 36


def test_json_that_is_too_deep_is_refused(client: Any) -> None:
    status, code, _ = refused(client.invoke, FunctionName="mine", Payload=b"[" * 100_000)
    assert (status, code) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize("size_bytes", [ASYNC_PAYLOAD_BYTES + 1, PAYLOAD_BYTES + 1])
def test_an_event_over_its_limit_is_refused_in_its_words(client: Any, size_bytes: int) -> None:
    payload = b'"%b"' % (b"x" * (size_bytes - 2))
    told = refused(client.invoke, FunctionName="mine", InvocationType="Event", Payload=payload)
    words = f"{size_bytes} byte payload is too large for the Event invocation type "
    limit = f"(limit {ASYNC_PAYLOAD_BYTES} bytes)"
    assert told == (413, "RequestTooLargeException", words + limit)


def test_the_log_tail_is_the_last_4_kb(client: Any) -> None:
    answer = client.invoke(FunctionName="mine", LogType="Tail", Payload=b'{"print": 5000}')
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) == 4096
    assert tail.startswith(b"xxx")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert f"REPORT RequestId: {request_id}\t".encode() in tail


def test_the_client_context_reaches_the_function(client: Any) -> None:
    context = base64.b64encode('{"custom": {"who": "ä"}}'.encode()).decode()
    answer = client.invoke(FunctionName="mine", ClientContext=context)
    assert json.load(answer["Payload"])["custom"] == {"who": "ä"}


def test_an_event_is_accepted_at_once_and_run_later(
    client: Any, heard: list[str], eventually: Any
) -> None:
    answer = client.invoke(FunctionName="mine", InvocationType="Event", Payload=b'{"print": 3}')
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    eventually(lambda: any(line.startswith("REPORT") for line in heard))
    assert "xxx" in heard


def test_a_dry_run_runs_nothing(client: Any, heard: list[str]) -> None:
    answer = client.invoke(FunctionName="mine", InvocationType="DryRun", Payload=b"{}")
    assert answer["StatusCode"] == 204
    client.invoke(FunctionName="mine")
    assert sum(line.startswith("START") for line in heard) == 1


@pytest.mark.parametrize(
    "name",
    [
        "mine:$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:mine",
        "arn:aws:lambda:us-east-1:123456789012:function:mine:$LATEST",
        "123456789012:function:mine",
    ],
)
def test_all_forms_of_the_name_are_understood(client: Any, name: str) -> None:
    assert client.invoke(FunctionName=name)["StatusCode"] == 200


@pytest.mark.parametrize(
    "arguments",
    [
        {"FunctionName": "theirs"},
        {"FunctionName": "mine:7"},
        {"FunctionName": "mine", "Qualifier": "live"},
    ],
)
def test_what_is_not_there_is_not_found(client: Any, arguments: dict[str, str]) -> None:
    status, code, message = refused(client.invoke, **arguments)
    assert (status, code) == (404, "ResourceNotFoundException")
    assert message.startswith("Function not found: ")


def test_a_payload_that_is_no_json_is_refused(client: Any) -> None:
    status, code, _ = refused(client.invoke, FunctionName="mine", Payload=b"{")
    assert (status, code) == (400, "InvalidRequestContentException")


def test_a_payload_over_the_limit_is_refused(client: Any) -> None:
    payload = b" " * (PAYLOAD_BYTES + 1)
    status, code, message = refused(client.invoke, FunctionName="mine", Payload=payload)
    assert (status, code) == (413, "RequestTooLargeException")
    assert message.startswith(f"{PAYLOAD_BYTES + 1} byte payload is too large")


def test_an_event_may_hold_1_mb(client: Any) -> None:
    status, code, _ = refused(
        client.invoke,
        FunctionName="mine",
        InvocationType="Event",
        Payload=json.dumps("x" * 1024 * 1024).encode(),
    )
    assert (status, code) == (413, "RequestTooLargeException")


WAITS = """
import os, time
def handler(event, context):
    print("here", flush=True)
    while not os.path.exists(event["until"]): time.sleep(0.01)
    return "done"
"""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"reserved_concurrency": 1},
            "ReservedFunctionConcurrentInvocationLimitExceeded",
        ),
        (
            {"settings": Settings(account_concurrency=1)},
            "ConcurrentInvocationLimitExceeded",
        ),
    ],
)
def test_more_at_once_than_the_concurrency_is_throttled(
    start_with: Any,
    this_machine: Machine,
    tmp_path: Path,
    eventually: Any,
    heard: list[str],
    changes: dict[str, Any],
    reason: str,
) -> None:
    plain = replace(this_machine, isolation=PlainFolders())  # both must see one file
    local = start_with(plain, WAITS, on_log=heard.append, **changes)
    event = json.dumps({"until": str(tmp_path / "until")})
    path = "/2015-03-31/functions/function/invocations"
    with InvokeApi({"function": local}) as api, ThreadPoolExecutor(1) as threads:
        running = threads.submit(local.invoke, event.encode())
        eventually(lambda: "here" in heard)
        connection = http.client.HTTPConnection(api.address)
        connection.request("POST", path, event)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        (tmp_path / "until").touch()
        assert answer.status == 429
        assert answer.getheader("x-amzn-ErrorType") == "TooManyRequestsException"
        assert told == {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}
        assert running.result().payload == b'"done"'
        connection.request("POST", path, event)
        assert connection.getresponse().status == 200
        connection.close()


FAILS_TWICE = """
import os, tempfile
def handler(event, context):
    print("attempt of", context.aws_request_id)
    marks = os.path.join(tempfile.gettempdir(), "marks")
    open(marks, "a").write("x")
    if os.path.getsize(marks) < event: raise RuntimeError("not yet")
    print("succeeded")
"""


@pytest.mark.parametrize(("succeeds_at", "attempts"), [(1, 1), (3, 3), (4, 3)])
def test_an_event_that_fails_is_tried_twice_again_under_its_request_id(
    start_with: Any,
    this_machine: Machine,
    heard: list[str],
    eventually: Any,
    succeeds_at: int,
    attempts: int,
) -> None:
    settings = Settings(retry_delays_s=(0.01, 0.01))
    local = start_with(this_machine, FAILS_TWICE, on_log=heard.append, settings=settings)
    with InvokeApi({"function": local}) as api:
        connection = http.client.HTTPConnection(api.address)
        connection.request(
            "POST",
            "/2015-03-31/functions/function/invocations",
            str(succeeds_at),
            {"X-Amz-Invocation-Type": "Event"},
        )
        answer = connection.getresponse()
        request_id = answer.getheader("x-amzn-RequestId")
        connection.close()
        end = "succeeded" if succeeds_at <= 3 else f"event {request_id} was lost"
        eventually(lambda: any(line.startswith(end) for line in heard))
    assert answer.status == 202
    assert heard.count(f"attempt of {request_id}") == attempts


def test_an_event_that_waits_for_its_next_attempt_ends_with_the_api(
    start_with: Any, this_machine: Machine, heard: list[str], eventually: Any
) -> None:
    local = start_with(this_machine, FAILS_TWICE, on_log=heard.append)
    with InvokeApi({"function": local}) as api:
        connection = http.client.HTTPConnection(api.address)
        headers = {"X-Amz-Invocation-Type": "Event"}
        connection.request("POST", "/2015-03-31/functions/function/invocations", "3", headers)
        connection.getresponse().read()
        connection.close()
        eventually(lambda: any(line.startswith("REPORT") for line in heard))
    threads = [thread for thread in threading.enumerate() if thread.name == "hotpack-event"]
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_closed_function_is_an_error_of_the_service(client: Any, local: LocalLambda) -> None:
    local.close()
    status, code, message = refused(client.invoke, FunctionName="mine")
    assert (status, code) == (500, "ServiceException")
    assert "closed" in message


def test_the_configuration_can_be_asked_for(client: Any) -> None:
    told = client.get_function_configuration(FunctionName="mine")
    assert (told["FunctionName"], told["Handler"]) == ("mine", "app.handler")
    assert (told["Timeout"], told["MemorySize"]) == (9, 1769)


def test_a_body_of_unknown_length_is_refused(api: InvokeApi) -> None:
    connection = http.client.HTTPConnection(api.address)
    path = "/2015-03-31/functions/mine/invocations"
    connection.request("POST", path, iter([b"{}"]), encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_client_that_waits_for_leave_gets_it(api: InvokeApi) -> None:
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            b"POST /2015-03-31/functions/mine/invocations HTTP/1.1\r\n"
            b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_other_operations_are_unknown(api: InvokeApi) -> None:
    connection = http.client.HTTPConnection(api.address)
    for method, path in (("GET", "/"), ("POST", "/2015-03-31/functions/mine/url")):
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404
        assert answer.getheader("x-amzn-ErrorType") == "UnknownOperationException"
    connection.close()


@pytest.mark.parametrize("length", ["two", "-1", "9" * 5000])
def test_a_length_that_is_none_is_refused(api: InvokeApi, length: str) -> None:
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        path = "/2015-03-31/functions/mine/invocations"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + b"{}")
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
