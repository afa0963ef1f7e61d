"""A function URL as an HTTP client sees it."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hotpack.sandbox import FunctionUrl, Machine
from hotpack.target.limits import PAYLOAD_BYTES

SOURCE = """
import base64
def handler(event, context):
    if event["rawPath"] == "/304": return {"statusCode": 304, "body": "unread"}
    if event["rawPath"] == "/header": return {"statusCode": 200, "headers": {"X": "\u20ac"}}
    if event["rawPath"] == "/fail": raise ValueError("no")
    if event["rawPath"] == "/binary":
        body = base64.b64encode(base64.b64decode(event["body"])[::-1]).decode()
        return {"statusCode": 200, "body": body, "isBase64Encoded": True,
                "headers": {"Content-Type": "application/octet-stream"}, "cookies": ["a=1", "b=2"]}
    event["same"] = event["requestContext"]["requestId"] == context.aws_request_id
    return event
"""


@pytest.fixture
def connection(start_with: Any, this_machine: Machine) -> Iterator[http.client.HTTPConnection]:
    with FunctionUrl(start_with(this_machine, SOURCE, name="mine")) as url:
        connection = http.client.HTTPConnection(url.address)
        yield connection
        connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_request_of_any_method_is_an_invocation(
    connection: http.client.HTTPConnection, method: str
) -> None:
    connection.request(method, "/a?x=1", headers={"Cookie": "k=v"})
    answer = connection.getresponse()
    event = json.loads(answer.read())
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
    assert event["requestContext"]["http"]["method"] == method
    assert (event["rawPath"], event["queryStringParameters"]) == ("/a", {"x": "1"})
    assert event["cookies"] == ["k=v"]
    assert event["same"]


def test_a_header_that_http_does_not_have_is_a_bad_gateway_and_no_trap(
    connection: http.client.HTTPConnection,
) -> None:
    for path, status in (("/header", 502), ("/next", 200)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status


def test_head_gets_no_body(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/")
    answer = connection.getresponse()
    assert answer.read() == b""
    assert int(answer.getheader("Content-Length", "0")) > 0
    connection.request("GET", "/next")
    assert connection.getresponse().status == 200


def test_an_answer_without_a_body_is_no_trap_for_the_next(
    connection: http.client.HTTPConnection,
) -> None:
    for path, status in (("/304", 304), ("/next", 200)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status


def test_bytes_go_in_and_out(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/binary", bytes(range(256)))
    answer = connection.getresponse()
    assert answer.read() == bytes(range(256))[::-1]
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_errors_have_lambdas_status(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/fail")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (502, {"Message": "Internal Server Error"})
    # In base64 it is over the limit, as it is itself: refused before, and after it was read.
    for size_bytes in (PAYLOAD_BYTES - 1000, PAYLOAD_BYTES + 1):
        connection.request("POST", "/", b"x" * size_bytes)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 413
