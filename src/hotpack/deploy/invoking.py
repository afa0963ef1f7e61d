"""Invokes a function on AWS, and reads of the end of its log what it took."""

import base64
import json
from dataclasses import dataclass

from hotpack.deploy.aws import Functions
from hotpack.sandbox import Invocation
from hotpack.sandbox.logs import InitReport, Report, parse
from hotpack.sandbox.outcome import Status


@dataclass(frozen=True, slots=True)
class RemoteInvocation:
    """What became of an invocation on AWS."""

    request_id: str
    version: str
    payload: bytes
    function_error: str | None
    log: tuple[str, ...]
    """The end of the log: the last 4 KB."""

    report: Report | None
    """None where the function's logging leaves it out."""

    @property
    def is_success(self) -> bool:
        """Return whether the function answered."""
        return self.function_error is None

    def measured(self) -> Invocation | None:
        """Return it as the local Lambda tells of its own; None where nothing was measured."""
        report = self.report
        if report is None:
            return None
        failed: Status = "timeout" if report.status == "timeout" else "error"
        init_ms = report.init_duration_ms or report.restore_duration_ms
        is_cold = init_ms is not None or any(map(_tells_of_a_failed_init, self.log))
        return Invocation(
            request_id=self.request_id,
            start="cold" if is_cold else "warm",
            init_ms=init_ms,
            duration_ms=report.duration_ms,
            billed_ms=report.billed_duration_ms,
            memory_mb=report.memory_size_mb,
            max_memory_mb=report.max_memory_used_mb,
            status="success" if self.is_success else failed,
            error_type=report.error_type or self._error_type(),
            function_error=None if self.is_success else "Unhandled",
            payload=self.payload,
            log=self.log,
        )

    def _error_type(self) -> str | None:
        """Return what the function says of its error: an exception is none of Lambda's own."""
        if self.is_success:
            return None
        try:
            answer = json.loads(self.payload)
        except ValueError:
            return None
        return (
            str(answer["errorType"]) if isinstance(answer, dict) and "errorType" in answer else None
        )


def _tells_of_a_failed_init(line: str) -> bool:
    said = parse(line)
    return isinstance(said, InitReport) and said.phase == "init"


def invoke(functions: Functions, name: str, qualifier: str, payload: bytes) -> RemoteInvocation:
    """Return what a function on AWS answers to an event.

    Raises AwsError where Lambda did not invoke it.
    """
    answer = functions.invoke(name, qualifier, payload)
    tail = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    # A report has X-Ray's fields on a line of their own.
    log = tuple(tail.splitlines())
    reports = [line for line in map(parse, log) if isinstance(line, Report)]
    return RemoteInvocation(
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
        version=answer.get("ExecutedVersion", ""),
        payload=answer["Payload"],
        function_error=answer.get("FunctionError"),
        log=log,
        report=reports[-1] if reports else None,
    )
