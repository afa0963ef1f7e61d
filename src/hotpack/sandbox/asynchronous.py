"""Asynchronous invocations: nobody waits for the result, and what fails is tried again."""

import threading
import uuid
from typing import Final, Protocol

from hotpack.errors import HotpackError, ThrottledError
from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.outcome import Invocation

_BACKOFF_S: Final = (1.0, 300.0)
"""Error handling: for throttling "the retry interval increases exponentially from 1 second after
the first attempt to a maximum of 5 minutes"."""


class Invocable(Protocol):
    """A function that can be invoked, whatever code it has at the moment."""

    @property
    def function(self) -> Function:
        """What is run."""

    @property
    def settings(self) -> Settings:
        """The local Lambda's own."""

    def invoke(
        self, payload: bytes, *, client_context: str | None = None, request_id: str | None = None
    ) -> Invocation:
        """Run it once."""

    def log(self, line: str) -> None:
        """Say something where its log goes."""


class Events:
    """Runs events, each in a thread of its own, until it is closed."""

    def __init__(self) -> None:
        self._closing = threading.Event()

    def accept(self, function: Invocable, payload: bytes, context: str | None) -> str:
        """Take an event and return its request id, which all attempts have."""
        request_id = str(uuid.uuid4())
        run = threading.Thread(
            target=self._run,
            args=(function, payload, context, request_id),
            name="hotpack-event",
            daemon=True,
        )
        run.start()
        return request_id

    def close(self) -> None:
        """Try nothing again. What runs is ended by closing the function."""
        self._closing.set()

    def _run(
        self, function: Invocable, payload: bytes, context: str | None, request_id: str
    ) -> None:
        delays_s = iter(function.settings.retry_delays_s)
        backoff_s, most_s = _BACKOFF_S
        while True:
            try:
                done = function.invoke(payload, client_context=context, request_id=request_id)
            except ThrottledError:
                delay_s: float | None = backoff_s
                backoff_s = min(2 * backoff_s, most_s)
            except HotpackError as error:
                function.log(f"event {request_id} was lost: {error.message}")
                return
            else:
                if done.status == "success":
                    return
                delay_s = next(delays_s, None)
            if delay_s is None:
                function.log(f"event {request_id} was lost: all attempts failed")
                return
            if self._closing.wait(delay_s):
                return
