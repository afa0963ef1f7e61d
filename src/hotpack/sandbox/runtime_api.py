"""The Runtime API over HTTP, for one sandbox: what awslambdaric talks to."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hotpack.sandbox.events import Event
from hotpack.sandbox.loopback import Handler, Server
from hotpack.sandbox.runtime_states import Delivery, Reply, RuntimeStates
from hotpack.target.limits import PAYLOAD_BYTES

_BASE = "/2018-06-01/runtime/"
_JSON = ("Content-Type", "application/json")


class RuntimeApi(Server):
    """Serves one runtime, from its start to its end."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._states = RuntimeStates(on_event)
        super().__init__(partial(_RuntimeHandler, self._states))

    def deliver(self, delivery: Delivery) -> None:
        """Hand an invocation to the runtime that waits for one."""
        self._states.deliver(delivery)

    def close(self) -> None:
        """Stop serving, whoever may be waiting."""
        self._states.close()
        super().close()


class _RuntimeHandler(Handler):
    def __init__(self, states: RuntimeStates, *connection: Any) -> None:
        self._states = states
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802 - http.server finds it by this name
        if self.path != f"{_BASE}invocation/next":
            self.answer(404)
            return
        match self._states.next():
            case Delivery() as delivery:
                self.answer(200, delivery.payload, _headers(delivery))
            case Reply() as refusal:
                self._reply(refusal)
            case None:
                # The process that asked is dead, and nobody reads this.
                self.close_connection = True

    def do_POST(self) -> None:  # noqa: N802
        size_bytes = self.content_length()
        body = self.read_body(PAYLOAD_BYTES)
        error_type = self.headers.get("Lambda-Runtime-Function-Error-Type")
        match self.path.removeprefix(_BASE).split("/"):
            case ["init", "error"]:
                self._reply(self._states.fail_init(body, error_type))
            case ["invocation", request_id, "response"]:
                self._reply(self._states.respond(request_id, body, size_bytes))
            case ["invocation", request_id, "error"]:
                self._reply(self._states.fail(request_id, body, error_type))
            case _:
                self.answer(404)

    def _reply(self, reply: Reply) -> None:
        self.answer(reply.status, reply.body, [_JSON])


def _headers(delivery: Delivery) -> list[tuple[str, str]]:
    headers = [
        _JSON,
        ("Lambda-Runtime-Aws-Request-Id", delivery.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(delivery.deadline_epoch_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", delivery.function_arn),
        ("Lambda-Runtime-Trace-Id", delivery.trace_id),
    ]
    if delivery.client_context is not None:
        headers.append(("Lambda-Runtime-Client-Context", delivery.client_context))
    return headers
