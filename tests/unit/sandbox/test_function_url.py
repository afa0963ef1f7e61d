import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from hotpack.sandbox import Invocation
from hotpack.sandbox.function_url import HttpRequest, HttpResponse, event_of, response_of

REQUEST = HttpRequest(
    method="POST",
    target="/my%20path/x?a=1&b=%C3%A4&a=2&empty=",
    protocol="HTTP/1.1",
    source_ip="127.0.0.1",
    headers=(
        ("Host", "127.0.0.1:9002"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("User-Agent", "curl/8"),
        ("X-Many", "1"),
        ("x-many", "2"),
        ("Cookie", "one=1; two=2"),
    ),
    body='{"a": "ä"}'.encode(),
)


def event(**changes: Any) -> dict[str, Any]:
    return event_of(replace(REQUEST, **changes), "mine", "id-1", now_s=1583348638.39)


def test_a_request_becomes_an_event_of_format_2() -> None:
    assert event() == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my%20path/x",
        "rawQueryString": "a=1&b=%C3%A4&a=2&empty=",
        "cookies": ["one=1", "two=2"],
        "headers": {
            "host": "127.0.0.1:9002",
            "content-type": "application/json; charset=utf-8",
            "user-agent": "curl/8",
            "x-many": "1,2",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"a": "1,2", "b": "ä", "empty": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "mine",
            "domainName": "127.0.0.1:9002",
            "domainPrefix": "mine",
            "http": {
                "method": "POST",
                "path": "/my%20path/x",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "id-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": '{"a": "ä"}',
        "isBase64Encoded": False,
    }


def test_a_path_of_two_slashes_is_a_path() -> None:
    assert event(target="//a//b?c")["rawPath"] == "//a//b"


def test_what_a_request_does_not_have_is_left_out() -> None:
    bare = event(target="/", headers=(), body=b"")
    assert not {"cookies", "queryStringParameters", "body"} & set(bare)
    assert bare["isBase64Encoded"] is False


def test_several_headers_of_cookies_are_one_list() -> None:
    told = event(headers=(("Cookie", "a=1; b=2"), ("Cookie", "c=3"), ("X", "1"), ("X", "2")))
    assert told["cookies"] == ["a=1", "b=2", "c=3"]
    assert told["headers"]["x"] == "1,2"


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/plain", b"hello", False),
        ("application/problem+json", b"{}", False),
        ("text/plain", b"\xff", True),
        ("application/octet-stream", b"hello", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("", b"hello", True),
    ],
)
def test_a_body_is_base64_unless_it_is_text(
    content_type: str, body: bytes, is_base64: bool
) -> None:
    told = event(headers=(("Content-Type", content_type),), body=body)
    assert told["isBase64Encoded"] is is_base64
    got = base64.b64decode(told["body"]) if is_base64 else told["body"].encode()
    assert got == body


def invocation(payload: object, *, failed: bool = False) -> Invocation:
    return Invocation(
        request_id="id-1",
        start="warm",
        init_ms=None,
        duration_ms=1.0,
        billed_ms=1,
        memory_mb=128,
        max_memory_mb=64,
        status="error" if failed else "success",
        error_type="ValueError" if failed else None,
        function_error="Unhandled" if failed else None,
        payload=json.dumps(payload).encode(),
        log=(),
    )


def response(payload: object, *, failed: bool = False) -> HttpResponse:
    return response_of(invocation(payload, failed=failed))


JSON = (("Content-Type", "application/json"),)


@pytest.mark.parametrize("payload", ["Hello", {"message": "Hello"}, [1], None, 7])
def test_json_without_a_status_code_is_the_body_of_a_200(payload: object) -> None:
    assert response(payload) == HttpResponse(200, JSON, json.dumps(payload).encode())


def test_a_response_of_format_2_says_it_all() -> None:
    told = {
        "statusCode": 201,
        "headers": {"X-Number": 7, "X-Bool": True, "Content-Type": "text/plain", "Date": "no"},
        "cookies": ["one=1; Max-Age=7", "two=2"],
        "body": "ä",
    }
    headers = (
        ("X-Number", "7"),
        ("X-Bool", "true"),
        ("Content-Type", "text/plain"),
        ("Set-Cookie", "one=1; Max-Age=7"),
        ("Set-Cookie", "two=2"),
    )
    assert response(told) == HttpResponse(201, headers, "ä".encode())


def test_a_binary_body_comes_in_base64() -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    assert response({"statusCode": 200, "body": body, "isBase64Encoded": True}).body == b"\x00\xff"


def test_no_body_is_an_empty_one() -> None:
    assert response({"statusCode": "404"}) == HttpResponse(404, JSON, b"")


@pytest.mark.parametrize(
    "told",
    [
        {"statusCode": "soon"},
        {"statusCode": 100},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": 200.5},
        {"statusCode": float("inf")},
        {"statusCode": 200, "headers": {"X": "\u20ac"}},
        {"statusCode": 200, "headers": {"X": "a\0b"}},
        {"statusCode": 200, "headers": {"X Y": "a"}},
        {"statusCode": 200, "headers": {"": "a"}},
        {"statusCode": 200, "headers": {"X": None}},
        {"statusCode": 200, "headers": {"X": ["a"]}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": {"a": 1}},
        {"statusCode": 200, "cookies": ["a=\u20ac"]},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}},
        {"statusCode": 200, "body": "§", "isBase64Encoded": True},
    ],
)
def test_what_the_format_does_not_allow_is_a_bad_gateway(told: dict[str, Any]) -> None:
    assert response(told).status == 502


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[" * 100_000])
def test_a_payload_that_is_no_json_is_a_bad_gateway(payload: bytes) -> None:
    assert response_of(replace(invocation(None), payload=payload)).status == 502


def test_an_error_of_the_function_is_a_bad_gateway() -> None:
    failed = response({"errorType": "ValueError"}, failed=True)
    assert (failed.status, json.loads(failed.body)) == (502, {"Message": "Internal Server Error"})
