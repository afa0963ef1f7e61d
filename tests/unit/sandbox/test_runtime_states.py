import json
import threading

import pytest

from hotpack.sandbox.events import Event, Failed, InitFailed, Ready, Responded
from hotpack.sandbox.runtime_states import Delivery, Reply, RuntimeStates


def delivery(request_id: str = "1") -> Delivery:
    return Delivery(request_id, b"{}", 0, "arn", "Root=1")


class Runtime:
    """States in which an invocation can be had at once, and what they reported."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.states = RuntimeStates(self.events.append)

    def next(self, request_id: str = "1") -> Delivery | Reply | None:
        self.states.deliver(delivery(request_id))
        return self.states.next()


def error_type(reply: Delivery | Reply | None) -> str:
    assert isinstance(reply, Reply)
    told = json.loads(reply.body)
    assert isinstance(told["errorMessage"], str)
    return str(told["errorType"])


def test_an_invocation_goes_from_next_to_response_and_on_to_next() -> None:
    runtime = Runtime()
    for request_id in ("1", "2"):
        assert runtime.next(request_id) == delivery(request_id)
        reply = runtime.states.respond(request_id, b"out", 3)
        assert (reply.status, json.loads(reply.body)) == (202, {"status": "OK"})
    assert runtime.events == [Ready(), Responded(b"out")] * 2


def test_an_error_ends_an_invocation_and_has_its_type_from_the_body() -> None:
    runtime = Runtime()
    runtime.next()
    body = b'{"errorMessage": "no", "errorType": "ValueError"}'
    assert runtime.states.fail("1", body).status == 202
    assert runtime.events == [Ready(), Failed("ValueError", body)]
    assert isinstance(runtime.next("2"), Delivery)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"errorType": 3}', b"\xff"])
def test_an_error_without_a_type_is_unhandled(body: bytes) -> None:
    runtime = Runtime()
    runtime.next()
    runtime.states.fail("1", body)
    assert runtime.events[-1] == Failed("Unhandled", body)


def test_a_repeated_next_is_the_same_next() -> None:
    runtime = Runtime()
    assert runtime.next() == runtime.states.next()
    assert runtime.events == [Ready()]


def test_a_wrong_request_id_is_refused_and_changes_nothing() -> None:
    runtime = Runtime()
    runtime.next()
    for reply in (runtime.states.respond("2", b"", 0), runtime.states.fail("2", b"")):
        assert reply.status == 400
        assert error_type(reply) == "InvalidRequestID"
    assert runtime.states.respond("1", b"", 0).status == 202


def test_an_answer_before_next_and_a_second_answer_are_refused() -> None:
    runtime = Runtime()
    early = runtime.states.respond("1", b"", 0)
    runtime.next()
    runtime.states.respond("1", b"", 0)
    for reply in (early, runtime.states.respond("1", b"", 0), runtime.states.fail("1", b"")):
        assert reply.status == 403
        assert error_type(reply) == "InvalidStateTransition"


def test_an_init_error_is_possible_once_and_only_before_the_first_next() -> None:
    runtime = Runtime()
    body = b'{"errorType": "Runtime.ImportModuleError"}'
    assert runtime.states.fail_init(body).status == 202
    assert runtime.events == [InitFailed("Runtime.ImportModuleError", body)]
    assert runtime.states.fail_init(body).status == 403
    assert error_type(runtime.states.next()) == "InvalidStateTransition"
    later = Runtime()
    later.next()
    assert later.states.fail_init(body).status == 403


def test_a_response_that_is_too_large_is_an_error_of_the_function() -> None:
    runtime = Runtime()
    runtime.next()
    reply = runtime.states.respond("1", None, 7_000_000)
    assert reply.status == 413
    assert error_type(reply) == "RequestEntityTooLarge"
    failed = runtime.events[-1]
    assert isinstance(failed, Failed)
    assert failed.error_type == "Function.ResponseSizeTooLarge"
    assert "7000000 bytes" in json.loads(failed.payload)["errorMessage"]


def test_closing_lets_go_of_who_waits_for_an_invocation() -> None:
    asked = threading.Event()
    states = RuntimeStates(lambda _: asked.set())
    answers: list[Delivery | Reply | None] = []
    waiter = threading.Thread(target=lambda: answers.append(states.next()))
    waiter.start()
    asked.wait()
    states.close()
    waiter.join()
    assert answers == [None]
    assert states.next() is None
