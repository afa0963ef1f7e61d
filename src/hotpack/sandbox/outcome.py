"""How inits and invocations end, in Lambda's words."""

import json
import signal
from dataclasses import dataclass
from typing import Final, Literal

from hotpack.sandbox.events import Exited

StartKind = Literal["cold", "warm"]
Status = Literal["success", "error", "timeout"]

EXIT_ERROR: Final = "Runtime.ExitError"
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
TIMED_OUT: Final = "Sandbox.Timedout"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What became of one invocation."""

    request_id: str
    start: StartKind
    """cold: a new sandbox was opened for it. An invocation that runs init again after a crash or
    a timeout is warm: the sandbox is the old one, and Duration includes the init."""

    init_ms: float | None
    """Duration of the init phase; None for warm starts, and where the init phase failed."""

    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int | None
    """None where this machine cannot tell."""

    status: Status
    error_type: str | None
    function_error: Literal["Unhandled"] | None
    """As the Invoke API says it in X-Amz-Function-Error."""

    payload: bytes
    """The response, or the error as Lambda returns it."""

    log: tuple[str, ...]
    """Log events in order, with those of the platform; an event may have several lines."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the platform has to say: not of an error that the function raised, but of its own."""

    status: Literal["error", "timeout"]
    error_type: str | None = None
    message: str | None = None
    """None where the runtime has said it all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: with an answer of the runtime's, a fault, or both."""

    payload: bytes | None
    error_type: str | None = None
    """None for the function's own response."""

    fault: Fault | None = None

    @property
    def status(self) -> Status:
        """Return how it ended for whoever invoked."""
        if self.payload is None and self.fault is not None:
            return self.fault.status
        return "success" if self.error_type is None else "error"

    def answer(self, request_id: str) -> bytes:
        """Return what whoever invoked gets."""
        if self.payload is not None:
            return self.payload
        message = self.fault.message if self.fault else None
        error = {
            "errorType": self.error_type,
            "errorMessage": f"RequestId: {request_id} Error: {message}",
        }
        return json.dumps(error, separators=(",", ":")).encode()


def timed_out(timeout_s: float) -> Outcome:
    """Return the outcome of a function that did not answer in time."""
    message = f"Task timed out after {timeout_s:.2f} seconds"
    return Outcome(None, TIMED_OUT, Fault("timeout", None, message))


def crashed(exited: Exited) -> Outcome:
    """Return the outcome of a runtime that ended without an answer."""
    fault = exit_fault(exited)
    return Outcome(None, fault.error_type, fault)


def exit_fault(exited: Exited) -> Fault:
    """Return what Lambda says of a process that ended.

    The words are the Runtime Interface Emulator's, which a test compares. [assumed] The kernel's
    end for want of memory is said in the same.
    """
    match exited.status:
        case 0:
            message = "Runtime exited without providing a reason"
        case status if status < 0:
            name = (signal.strsignal(-status) or f"signal {-status}").lower()
            message = f"Runtime exited with error: signal: {name}"
        case status:
            message = f"Runtime exited with error: exit status {status}"
    return Fault("error", OUT_OF_MEMORY if exited.out_of_memory else EXIT_ERROR, message)
