"""The states of the Runtime API, version 2018-06-01, without HTTP.

INIT → NEXT or INIT_ERROR; NEXT → RESPONSE or ERROR; RESPONSE, ERROR → NEXT. A repeated NEXT is
the same NEXT. Everything else is refused with 403.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hotpack.sandbox.events import Event, Failed, InitFailed, Ready, Responded
from hotpack.target.limits import PAYLOAD_BYTES


class State(Enum):
    """Where the runtime is; the values are Lambda's names in error messages."""

    INIT = "Started"
    INIT_ERROR = "InitError"
    NEXT = "Ready"
    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An invocation as the runtime gets it."""

    request_id: str
    payload: bytes
    deadline_epoch_ms: int
    function_arn: str
    trace_id: str
    client_context: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the runtime is told."""

    status: int
    body: bytes


def _error(status: int, error_type: str, message: str) -> Reply:
    # To the letter: awslambdaric logs what it is answered.
    told = {"errorMessage": message, "errorType": error_type}
    return Reply(status, json.dumps(told, separators=(",", ":")).encode() + b"\n")


ACCEPTED = Reply(202, b'{"status":"OK"}\n')
INVALID_REQUEST_ID = _error(400, "InvalidRequestID", "Invalid request ID")
TOO_LARGE = _error(
    413,
    "RequestEntityTooLarge",
    f"Exceeded maximum allowed payload size ({PAYLOAD_BYTES} bytes).",
)


class RuntimeStates:
    """One runtime's state. `on_event` is called, under a lock, with what the runtime does.

    Each start of a runtime has states of its own: a request of a killed one that is still on its
    way cannot pass for the next one's.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._changed = threading.Condition()
        self._state = State.INIT
        self._delivery: Delivery | None = None
        self._closed = False

    def close(self) -> None:
        """Let go of who waits for an invocation: there will be none."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def deliver(self, delivery: Delivery) -> None:
        """Hand an invocation to the runtime that waits for one."""
        with self._changed:
            self._delivery = delivery
            self._changed.notify_all()

    def next(self) -> Delivery | Reply | None:
        """Wait for an invocation and return it; None if there will be none."""
        with self._changed:
            if self._state is State.INIT_ERROR:
                return self._refuse(State.NEXT)
            if self._state is not State.NEXT:
                self._state = State.NEXT
                self._on_event(Ready())
            self._changed.wait_for(lambda: self._delivery or self._closed)
            return None if self._closed else self._delivery

    def respond(self, request_id: str, payload: bytes | None, size_bytes: int) -> Reply:
        """Take a response; `payload` is None where it was too large to be read."""
        with self._changed:
            refusal = self._finish(request_id, State.RESPONSE)
            if refusal:
                return refusal
            if payload is None:
                self._on_event(_response_too_large(size_bytes))
                return TOO_LARGE
            self._on_event(Responded(payload))
            return ACCEPTED

    def fail(self, request_id: str, payload: bytes | None, named: str | None = None) -> Reply:
        """Take the error of an invocation: JSON with `errorType` and `errorMessage`.

        `payload` is None where it was too large to be read, `named` the type in the header.
        """
        with self._changed:
            refusal = self._finish(request_id, State.ERROR)
            if refusal:
                return refusal
            self._on_event(Failed(*_error_of(payload, named)))
            return ACCEPTED

    def fail_init(self, payload: bytes | None, named: str | None = None) -> Reply:
        """Take the error of the init phase, as `fail` takes an invocation's."""
        with self._changed:
            if self._state is not State.INIT:
                return self._refuse(State.INIT_ERROR)
            self._state = State.INIT_ERROR
            self._on_event(InitFailed(*_error_of(payload, named)))
            return ACCEPTED

    def _finish(self, request_id: str, target: State) -> Reply | None:
        """End the running invocation; return the refusal if there is none, or another one."""
        if self._state is not State.NEXT:
            return self._refuse(target)
        if self._delivery is None or self._delivery.request_id != request_id:
            return INVALID_REQUEST_ID
        self._state = target
        self._delivery = None
        return None

    def _refuse(self, target: State) -> Reply:
        return _error(
            403,
            "InvalidStateTransition",
            f"State transition from {self._state.value} to {target.value} failed for runtime. "
            "Error: State transition is not allowed",
        )


def _error_of(payload: bytes | None, named: str | None) -> tuple[str, bytes]:
    """Return an error's type and body.

    The body's own type goes first: awslambdaric's header says `Unhandled` for all that is raised.
    """
    if payload is None:
        # [assumed] What is too large to be told is told to be so.
        message = f"The error exceeded the maximum allowed payload size ({PAYLOAD_BYTES} bytes)."
        return named or "Unhandled", _error_body(named or "Unhandled", message)
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return named or "Unhandled", payload
    own = told.get("errorType") if isinstance(told, dict) else None
    return own if isinstance(own, str) and own else named or "Unhandled", payload


def _response_too_large(size_bytes: int) -> Failed:
    error_type = "Function.ResponseSizeTooLarge"
    message = (
        f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
        f"({PAYLOAD_BYTES} bytes)."
    )
    return Failed(error_type, _error_body(error_type, message))


def _error_body(error_type: str, message: str) -> bytes:
    told = {"errorType": error_type, "errorMessage": message}
    return json.dumps(told, separators=(",", ":")).encode()
