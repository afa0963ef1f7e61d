"""A function URL on loopback: HTTP in and out, payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html, as with `AuthType` NONE.
"""

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from hotpack.errors import HotpackError, LimitError, ThrottledError
from hotpack.sandbox.asynchronous import Invocable
from hotpack.sandbox.loopback import Handler, Server
from hotpack.sandbox.outcome import Invocation
from hotpack.target.limits import PAYLOAD_BYTES

_TEXT: Final = ("application/json", "application/javascript", "application/xml")
"""Content types besides text/… whose bodies are not base64. Forms are not among them."""

_OWN_HEADERS: Final = frozenset(
    {
        *("connection", "content-length", "date", "keep-alive", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
"""What the server says itself, or what is between it and the client, whatever the function says."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""RFC 9110: a token, and no control characters. [assumed] What is none is a bad gateway."""

_JSON = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client asked."""

    method: str
    target: str
    """Path and query, as they were sent."""

    protocol: str
    source_ip: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a client gets."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class FunctionUrl(Server):
    """Serves one function, on `port` or on a free one. Does not close it."""

    def __init__(self, function: Invocable, port: int = 0) -> None:
        super().__init__(partial(_UrlHandler, function), port)


class _UrlHandler(Handler):
    def __init__(self, function: Invocable, *connection: Any) -> None:
        self._function = function
        super().__init__(*connection)

    def _serve(self) -> None:
        body = self.read_body(PAYLOAD_BYTES)
        if body is None:
            response = refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long")
        else:
            response = self._invoke(body)
        is_head = self.command == "HEAD"
        self.answer(response.status, response.body, response.headers, with_body=not is_head)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _invoke(self, body: bytes) -> HttpResponse:
        request = HttpRequest(
            self.command,
            self.path,
            self.request_version,
            self.client_address[0],
            tuple(self.headers.items()),
            body,
        )
        request_id = str(uuid.uuid4())
        event = event_of(request, self._function.function.name, request_id, time.time())
        try:
            invocation = self._function.invoke(json.dumps(event).encode(), request_id=request_id)
        except ThrottledError as error:
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, error.message)
        except LimitError as error:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error.message)
        except HotpackError as error:
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, error.message)
        return response_of(invocation)


def event_of(request: HttpRequest, url_id: str, request_id: str, now_s: float) -> dict[str, Any]:
    """Return the event that a request becomes."""
    path, _, query = request.target.partition("?")
    headers = _joined((name.lower(), value) for name, value in request.headers)
    cookies = headers.pop("cookie", "")
    domain = headers.get("host", "")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        **({"cookies": cookies.split("; ")} if cookies else {}),
        "headers": {**headers, "x-forwarded-for": request.source_ip, "x-forwarded-proto": "http"},
        **_query(query),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": domain,
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": datetime.fromtimestamp(now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now_s * 1000),
        },
        **_body(request.body, headers.get("content-type", "")),
    }


def response_of(invocation: Invocation) -> HttpResponse:
    """Return what the client gets of an invocation.

    A JSON object with `statusCode` says it all; any other JSON is the body of a 200.
    """
    if invocation.function_error is not None:
        return refusal(HTTPStatus.BAD_GATEWAY, "Internal Server Error")
    try:
        told = json.loads(invocation.payload)
        if not isinstance(told, dict) or "statusCode" not in told:
            return HttpResponse(200, (_JSON,), invocation.payload)
        return _composed(told)
    except (AttributeError, TypeError, ValueError, RecursionError):  # not what the format allows
        return refusal(HTTPStatus.BAD_GATEWAY, "Internal Server Error")


def refusal(status: int, message: str) -> HttpResponse:
    """Return an answer of Lambda's own. [assumed] Its words, beside the status."""
    return HttpResponse(status, (_JSON,), json.dumps({"Message": message}).encode())


def _composed(told: Mapping[str, Any]) -> HttpResponse:
    headers = [
        (name, _text(value))
        for name, value in (told.get("headers") or {}).items()
        if name.lower() not in _OWN_HEADERS
    ]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(_JSON)
    cookies = told.get("cookies") or []
    if not isinstance(cookies, list):
        raise TypeError("cookies are a list")
    headers += (("Set-Cookie", _text(cookie)) for cookie in cookies)
    for name, value in headers:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"{name!r} is no header, or {value!r} none that it can have")
    status = _status(told["statusCode"])
    body = told.get("body")
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    if told.get("isBase64Encoded"):
        return HttpResponse(status, tuple(headers), base64.b64decode(text, validate=True))
    return HttpResponse(status, tuple(headers), text.encode())


def _status(value: object) -> int:
    """Return a status that ends an answer, given as a number or as its digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{value} is no status")
    if not 200 <= int(value) <= 599:
        raise ValueError(f"{value} is no status of an answer")
    return int(value)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one value for each name; several are joined by commas, cookies as cookies are."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        comma = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{comma}{value}" if name in joined else value
    return joined


def _query(query: str) -> dict[str, dict[str, str]]:
    parameters = _joined(parse_qsl(query, keep_blank_values=True))
    return {"queryStringParameters": parameters} if parameters else {}


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml")):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # it says text and is none
    encoded = binascii.b2a_base64(body, newline=False).decode("ascii")
    return {"body": encoded, "isBase64Encoded": True}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise TypeError(f"{value} is no value of a header")
    return str(value)
