"""The Runtime API over HTTP, spoken by hand."""

import http.client
import json
import queue
from collections.abc import Iterator

import pytest

from hotpack.sandbox.events import Event, Failed, InitFailed, Ready, Responded
from hotpack.sandbox.runtime_api import RuntimeApi
from hotpack.sandbox.runtime_states import Delivery
from hotpack.target.limits import PAYLOAD_BYTES

BASE = "/2018-06-01/runtime"


class Runtime:
    """A runtime client on one kept connection, and what the sandbox hears of it."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.api = RuntimeApi(self.events.put)
        self.connection = http.client.HTTPConnection(self.api.address)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        self.connection.request(method, BASE + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())

    def close(self) -> None:
        self.connection.close()
        self.api.close()


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    made = Runtime()
    yield made
    made.close()


DELIVERY = Delivery("id-1", b'{"a": 1}', 1234, "arn:aws:x", "Root=1-2", '{"custom": {}}')


def test_an_invocation_comes_with_its_headers(runtime: Runtime) -> None:
    runtime.api.deliver(DELIVERY)
    status, body, headers = runtime.call("GET", "/invocation/next")
    assert (status, body) == (200, b'{"a": 1}')
    told = {name: value for name, value in headers.items() if name.startswith("Lambda-Runtime")}
    assert told == {
        "Lambda-Runtime-Aws-Request-Id": "id-1",
        "Lambda-Runtime-Deadline-Ms": "1234",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:x",
        "Lambda-Runtime-Trace-Id": "Root=1-2",
        "Lambda-Runtime-Client-Context": '{"custom": {}}',
    }
    assert runtime.events.get(timeout=5) == Ready()


def test_a_response_is_accepted_on_the_same_connection(runtime: Runtime) -> None:
    runtime.api.deliver(DELIVERY)
    runtime.call("GET", "/invocation/next")
    socket = runtime.connection.sock
    status, body, _ = runtime.call("POST", "/invocation/id-1/response", b"out")
    assert (status, json.loads(body)) == (202, {"status": "OK"})
    assert runtime.connection.sock is socket
    runtime.events.get(timeout=5)
    assert runtime.events.get(timeout=5) == Responded(b"out")


def test_a_response_over_the_limit_is_refused_and_the_connection_goes_on(
    runtime: Runtime,
) -> None:
    runtime.api.deliver(DELIVERY)
    runtime.call("GET", "/invocation/next")
    body = b"x" * (PAYLOAD_BYTES + 1)
    status, told, _ = runtime.call("POST", "/invocation/id-1/response", body)
    assert status == 413
    assert json.loads(told) == {
        "errorType": "RequestEntityTooLarge",
        "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
    }
    runtime.events.get(timeout=5)
    failed = runtime.events.get(timeout=5)
    assert isinstance(failed, Failed)
    runtime.api.deliver(DELIVERY)
    assert runtime.call("GET", "/invocation/next")[0] == 200


def test_errors_reach_the_sandbox(runtime: Runtime) -> None:
    assert runtime.call("POST", "/invocation/id-1/error", b"{}")[0] == 403
    body = b'{"errorType": "Runtime.ImportModuleError"}'
    assert runtime.call("POST", "/init/error", body)[0] == 202
    assert runtime.events.get(timeout=5) == InitFailed("Runtime.ImportModuleError", body)
    assert runtime.call("GET", "/invocation/next")[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/restore/next"), ("GET", "/"), ("POST", "/invocation/next"), ("POST", "/restore")],
)
def test_other_calls_are_not_found(runtime: Runtime, method: str, path: str) -> None:
    assert runtime.call(method, path)[0] == 404


@pytest.mark.parametrize("path", ["/init/error", "/invocation/id-1/error"])
def test_an_error_that_is_too_large_keeps_its_type(runtime: Runtime, path: str) -> None:
    if "init" not in path:
        runtime.api.deliver(DELIVERY)
        runtime.call("GET", "/invocation/next")
        runtime.events.get(timeout=5)
    header = {"Lambda-Runtime-Function-Error-Type": "Function.TooMuch"}
    assert runtime.call("POST", path, b"x" * (PAYLOAD_BYTES + 1), header)[0] == 202
    failed = runtime.events.get(timeout=5)
    assert isinstance(failed, Failed | InitFailed)
    assert failed.error_type == "Function.TooMuch"
    told = json.loads(failed.payload)
    assert told["errorType"] == "Function.TooMuch"
    assert str(PAYLOAD_BYTES) in told["errorMessage"]


def test_an_error_without_a_type_has_the_headers(runtime: Runtime) -> None:
    header = {"Lambda-Runtime-Function-Error-Type": "Runtime.Odd"}
    runtime.call("POST", "/init/error", b"no JSON", header)
    assert runtime.events.get(timeout=5) == InitFailed("Runtime.Odd", b"no JSON")
