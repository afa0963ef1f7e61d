"""The part of Lambda's API that invokes, on loopback: boto3 and the AWS CLI work against it."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from hotpack.errors import HotpackError, ThrottledError
from hotpack.sandbox.asynchronous import Events, Invocable
from hotpack.sandbox.loopback import Handler, Server
from hotpack.sandbox.outcome import Invocation
from hotpack.target.limits import ASYNC_PAYLOAD_BYTES, PAYLOAD_BYTES

LOG_TAIL_BYTES: Final = 4 * 1024
"""Invoke, X-Amz-Log-Result: "The last 4 KB of the execution log, which is base64-encoded"."""

_CAPITALS: Final = frozenset({"ResourceNotFoundException", "ServiceException"})

_PATH = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/(?P<action>invocations|configuration)")
_STREAMING = re.compile(r"/2021-11-15/functions/[^/]+/response-streaming-invocations")
_NAME = re.compile(
    r"(?:(?:arn:[^:]+:lambda:[^:]+:)?(?P<account>\d{12}):(?:function:)?)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>[$a-zA-Z0-9-_]+))?"
)
"""The pattern of the API's FunctionName: a name, a partial ARN or an ARN, each with a qualifier."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class _RefusedError(Exception):
    """Carries the answer to a request that is not served.

    Types are those of the API's model. [assumed] Of the messages, all but those of a function that
    is not found, a payload that is too large or no JSON, and the concurrency.
    """

    def __init__(self, status: int, error_type: str, message: str, **members: str) -> None:
        super().__init__(message)
        # As the API's model has it: most call it `message`.
        name = "Message" if error_type in _CAPITALS else "message"
        told = {"Type": "User", name: message, **members}
        body = json.dumps(told).encode()
        headers = (
            ("x-amzn-ErrorType", error_type),
            ("x-amzn-RequestId", str(uuid.uuid4())),
            ("Content-Type", "application/json"),
        )
        self.answer = _Answer(status, body, headers)


class InvokeApi(Server):
    """Serves functions by their names, on `port` or on a free one. Closes none of them."""

    def __init__(self, functions: Mapping[str, Invocable], port: int = 0) -> None:
        self._events = Events()
        super().__init__(partial(_InvokeHandler, dict(functions), self._events), port)

    def close(self) -> None:
        """Stop serving; events that failed are not tried again."""
        self._events.close()
        super().close()


class _InvokeHandler(Handler):
    def __init__(
        self, functions: Mapping[str, Invocable], events: Events, *connection: Any
    ) -> None:
        self._functions = functions
        self._events = events
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802 - http.server finds it by this name
        self._serve("configuration", lambda function, _: _configuration(function))

    def do_POST(self) -> None:  # noqa: N802
        self._serve("invocations", self._invoke)

    def _serve(self, action: str, serve: Callable[[Invocable, bytes], _Answer]) -> None:
        size_bytes = self.content_length()
        body = self.read_body(PAYLOAD_BYTES)
        try:
            function = self._function(action)
            if body is None:
                raise _too_large(size_bytes, *self._limit())
            answer = serve(function, body)
        except _RefusedError as refused:
            answer = refused.answer
        except ThrottledError as error:
            answer = _RefusedError(
                429, "TooManyRequestsException", error.message, Reason=error.reason
            ).answer
        except HotpackError as error:
            answer = _RefusedError(500, "ServiceException", error.message).answer
        self.answer(answer.status, answer.body, answer.headers)

    def _function(self, action: str) -> Invocable:
        """Return the function that the request's path names."""
        url = urlsplit(self.path)
        if _STREAMING.fullmatch(url.path):
            raise _RefusedError(
                HTTPStatus.NOT_IMPLEMENTED,
                "UnsupportedOperationException",
                "the local Lambda does not stream responses: use Invoke, which waits for all of it",
            )
        path = _PATH.fullmatch(url.path)
        if path is None or path["action"] != action:
            raise _RefusedError(404, "UnknownOperationException", f"no {self.command} {url.path}")
        named = _NAME.fullmatch(unquote(path["name"]))
        if named is None:
            raise _RefusedError(400, "ValidationException", f"{unquote(path['name'])!r} is no name")
        qualifier = named["qualifier"] or parse_qs(url.query).get("Qualifier", ["$LATEST"])[0]
        function = self._functions.get(named["name"])
        if function is None or qualifier != "$LATEST":
            suffix = "" if qualifier == "$LATEST" else f":{qualifier}"
            raise _RefusedError(
                404, "ResourceNotFoundException", f"Function not found: {named['name']}{suffix}"
            )
        return function

    def _invoke(self, function: Invocable, body: bytes) -> _Answer:
        # As AWS: no payload is an empty object.
        payload = body or b"{}"
        _check_json(payload)
        context = _client_context(self.headers.get("X-Amz-Client-Context"))
        match self.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                return _Answer(HTTPStatus.NO_CONTENT)
            case "Event":
                return self._invoke_later(function, payload, context)
            case "RequestResponse":
                invocation = function.invoke(payload, client_context=context)
                tail = self.headers.get("X-Amz-Log-Type") == "Tail"
                return _invoked(invocation, with_log=tail)
            case other:
                raise _RefusedError(
                    400, "InvalidParameterValueException", f"InvocationType {other!r} is unknown"
                )

    def _limit(self) -> tuple[str, int]:
        """Return what the request asks for, and how large its payload may be."""
        if self.headers.get("X-Amz-Invocation-Type") == "Event":
            return "Event", ASYNC_PAYLOAD_BYTES
        return "RequestResponse", PAYLOAD_BYTES

    def _invoke_later(self, function: Invocable, payload: bytes, context: str | None) -> _Answer:
        """Accept an event; nobody waits for its result."""
        if len(payload) > ASYNC_PAYLOAD_BYTES:
            raise _too_large(len(payload), *self._limit())
        request_id = self._events.accept(function, payload, context)
        return _Answer(HTTPStatus.ACCEPTED, headers=(("x-amzn-RequestId", request_id),))


def _invoked(invocation: Invocation, *, with_log: bool) -> _Answer:
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", invocation.request_id),
        ("X-Amz-Executed-Version", "$LATEST"),
    ]
    if invocation.function_error is not None:
        headers.append(("X-Amz-Function-Error", invocation.function_error))
    if with_log:
        headers.append(("X-Amz-Log-Result", _log_tail(invocation.log)))
    return _Answer(HTTPStatus.OK, invocation.payload, tuple(headers))


def _log_tail(log: Iterable[str]) -> str:
    text = "".join(f"{event}\n" for event in log).encode()
    return base64.b64encode(text[-LOG_TAIL_BYTES:]).decode("ascii")


def _check_json(payload: bytes) -> None:
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(
            400,
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from error


def _client_context(header: str | None) -> str | None:
    """Return the JSON that the header holds in base64."""
    if not header:
        return None
    try:
        context = base64.b64decode(header, validate=True).decode()
        json.loads(context)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(
            400, "InvalidRequestContentException", f"Client context is no base64 of JSON: {error}"
        ) from error
    # It travels on in a header, which holds one line of ASCII.
    return json.dumps(json.loads(context))


def _too_large(size_bytes: int, kind: str, limit_bytes: int) -> _RefusedError:
    return _RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "RequestTooLargeException",
        f"{size_bytes} byte payload is too large for the {kind} invocation type "
        f"(limit {limit_bytes} bytes)",
    )


def _configuration(local: Invocable) -> _Answer:
    """Return what GetFunctionConfiguration tells, as far as there is something to tell."""
    function = local.function
    told = {
        "Architectures": [function.architecture],
        "Environment": {"Variables": dict(function.environment)},
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb},
        "FunctionArn": function.arn(local.settings),
        "FunctionName": function.name,
        "Handler": function.handler,
        "MemorySize": function.memory_mb,
        "PackageType": "Zip",
        "Runtime": function.runtime.name,
        "State": "Active",
        "Timeout": function.timeout_s,
        "Version": "$LATEST",
    }
    headers = (("Content-Type", "application/json"),)
    return _Answer(HTTPStatus.OK, json.dumps(told).encode(), headers)
