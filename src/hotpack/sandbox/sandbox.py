"""One execution environment: init phase, invocations, timeouts, crashes and resets."""

import math
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hotpack.sandbox import logs
from hotpack.sandbox.enclosure import Enclosure
from hotpack.sandbox.environment import lambda_environment
from hotpack.sandbox.events import Exited, Failed, InitFailed, Ready, Responded
from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.outcome import (
    OUT_OF_MEMORY,
    Fault,
    Invocation,
    Outcome,
    StartKind,
    crashed,
    exit_fault,
    timed_out,
)
from hotpack.sandbox.output import OnLog
from hotpack.sandbox.process import Processes
from hotpack.sandbox.restraints import Restraints
from hotpack.sandbox.runtime import StartedRuntime
from hotpack.sandbox.runtime_states import Delivery


@dataclass(frozen=True, slots=True)
class _Init:
    """How an init went: to a runtime that is ready, or to the outcome of the invocation."""

    duration_ms: float
    result: StartedRuntime | Outcome


class Sandbox:
    """Runs one invocation at a time of one function. Not thread-safe.

    `own` is its folder, removed by `close`. Raises SandboxError where it cannot be opened.
    """

    def __init__(
        self,
        function: Function,
        settings: Settings,
        enclosure: Enclosure,
        restraints: Restraints,
        own: Path,
        *,
        on_log: OnLog | None = None,
    ) -> None:
        self._function = function
        self._settings = settings
        self._enclosure = enclosure
        self._own = own
        self._memory_is_held = restraints.memory_kb is not None
        self._log_stream = _log_stream()
        self._used = False
        self._runtime: StartedRuntime | None = None
        self._peak_mb: int | None = None
        self._processes = Processes(enclosure, function.handler, restraints, on_log)
        if not settings.full_cpu_in_init:
            self._processes.hold_cpu()
        self._output = self._processes.output

    @property
    def alive(self) -> bool:
        """Whether it can be used again: not so if all of it was killed from outside."""
        return self._processes.alive

    def invoke(
        self, payload: bytes, client_context: str | None = None, request_id: str | None = None
    ) -> Invocation:
        """Run the function once; the first time with the init phase before it."""
        request_id = request_id or str(uuid.uuid4())
        start: StartKind = "warm" if self._used else "cold"
        init_ms = None
        if self._used:
            self._processes.thaw()
        else:
            init_ms = self._init_phase()
            self._processes.hold_cpu()
        self._used = True
        began = time.perf_counter()
        outcome = self._invoke_phase(request_id, payload, client_context)
        # Killing what did not end in time is not the function's time.
        longest_ms = self._function.timeout_s * 1000
        duration_ms = min((time.perf_counter() - began) * 1000, longest_ms)
        self._processes.freeze()
        return self._finish(request_id, start, init_ms, duration_ms, outcome)

    def begin_to_close(self) -> None:
        """Let its processes end, and do not wait for it: several may then end at once."""
        self._processes.begin_to_close()

    def close(self) -> None:
        """End its processes and remove its folder. May be called again, and from other threads."""
        self._processes.close()
        if (runtime := self._runtime) is not None:
            runtime.close()
        shutil.rmtree(self._own, ignore_errors=True)

    def _init_phase(self) -> float | None:
        """Run the init phase; return its duration in ms, None where it did not succeed."""
        start = logs.InitStart(
            f"python:{self._function.runtime.python_version}.local",
            f"arn:aws:lambda:{self._settings.region}::runtime:local",
        )
        self._say(start)
        init = self._initialise(time.perf_counter() + self._settings.init_timeout_s)
        if isinstance(init.result, StartedRuntime):
            return init.duration_ms
        self._say_init_failed(init.duration_ms, init.result, "init")
        return None

    def _invoke_phase(self, request_id: str, payload: bytes, client_context: str | None) -> Outcome:
        """Run the invocation, with an init before it where the runtime is not there."""
        ends = time.perf_counter() + self._function.timeout_s
        runtime = self._runtime
        if runtime is None or runtime.has_ended():
            init = self._initialise(ends)
            if not isinstance(init.result, StartedRuntime):
                self._say_init_failed(init.duration_ms, init.result, "invoke")
                self._say(logs.Start(request_id))
                return init.result
            runtime = init.result
        self._say(logs.Start(request_id))
        runtime.deliver(
            Delivery(
                request_id=request_id,
                payload=payload,
                deadline_epoch_ms=int((time.time() + ends - time.perf_counter()) * 1000),
                function_arn=self._function.arn(self._settings),
                trace_id=_trace_id(),
                client_context=client_context,
            )
        )
        return self._wait_for_outcome(runtime, ends)

    def _initialise(self, ends: float) -> _Init:
        """Start the runtime anew and wait until it asks for an invocation."""
        self._end_runtime()
        began = time.perf_counter()
        self._runtime = runtime = StartedRuntime(self._processes, self._environment)
        event = runtime.wait(ends)
        duration_ms = (time.perf_counter() - began) * 1000
        match event:
            case Ready():
                return _Init(duration_ms, runtime)
            case InitFailed(error_type, body):
                failure = Outcome(body, error_type, Fault("error", error_type))
            case Exited() as exited:
                failure = crashed(exited)
            case _:
                failure = timed_out(self._function.timeout_s)
        self._end_runtime()
        return _Init(duration_ms, failure)

    def _environment(self, runtime_api: str) -> dict[str, str]:
        return lambda_environment(
            self._function,
            self._settings,
            self._enclosure,
            runtime_api=runtime_api,
            log_stream=self._log_stream,
        )

    def _wait_for_outcome(self, runtime: StartedRuntime, ends: float) -> Outcome:
        """Wait for what becomes of the running invocation."""
        match runtime.wait(ends):
            case Responded(payload):
                outcome = Outcome(payload)
            case Failed(error_type, payload):
                outcome = Outcome(payload, error_type)
            case Exited() as exited:
                self._end_runtime()
                return crashed(exited)
            case _:
                self._end_runtime()
                return timed_out(self._function.timeout_s)
        # Until the runtime asks for its next invocation, the time counts.
        event = runtime.wait(ends)
        if isinstance(event, Ready):
            return outcome
        self._end_runtime()
        # [assumed] The answer stands, but the runtime has to begin again.
        fault = exit_fault(event) if isinstance(event, Exited) else Fault("timeout")
        return replace(outcome, fault=fault)

    def _end_runtime(self) -> None:
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            self._note_peak(runtime.end())

    def _note_peak(self, peak_mb: int | None) -> None:
        if peak_mb is not None:
            self._peak_mb = max(self._peak_mb or 0, peak_mb)

    def _say_init_failed(self, duration_ms: float, failure: Outcome, phase: logs.Phase) -> None:
        fault = failure.fault
        self._say(
            logs.InitReport(
                init_duration_ms=duration_ms,
                phase=phase,
                status=fault.status if fault else None,
                error_type=fault.error_type if fault else None,
            )
        )

    def _say(self, line: logs.LogLine | logs.RuntimeDone) -> None:
        text = logs.write(line, self._function.log_format, _now())
        if text is not None:
            self._output.say(text)

    def _finish(
        self,
        request_id: str,
        start: StartKind,
        init_ms: float | None,
        duration_ms: float,
        outcome: Outcome,
    ) -> Invocation:
        """Write the last log lines and put the result together."""
        if self._runtime is not None:
            self._note_peak(self._runtime.peak_memory_mb())
        if self._peak_mb is not None and self._memory_is_held:
            # Processes had their peaks one after the other: together they would have been killed.
            self._peak_mb = min(self._peak_mb, self._function.memory_mb)
        fault = outcome.fault
        if fault is not None and fault.error_type == OUT_OF_MEMORY:
            self._peak_mb = self._function.memory_mb
        billed_ms = math.ceil(duration_ms + (init_ms or 0))
        if fault is not None and fault.message is not None:
            self._say(_fault_line(request_id, fault, self._function.timeout_s))
        status, error_type = (fault.status, fault.error_type) if fault else (None, None)
        if fault is None and outcome.error_type is not None and self._function.log_format == "JSON":
            # [assumed] Text has a status for the platform's own errors alone.
            status, error_type = "error", outcome.error_type
        if status is not None:
            self._say(logs.RuntimeDone(request_id, status, error_type))
        self._say(logs.End(request_id))
        self._say(
            logs.Report(
                request_id=request_id,
                duration_ms=duration_ms,
                billed_duration_ms=billed_ms,
                memory_size_mb=self._function.memory_mb,
                max_memory_used_mb=self._peak_mb,
                init_duration_ms=init_ms,
                status=status,
                error_type=error_type,
            )
        )
        peak_mb = self._peak_mb
        if self._runtime is None:
            self._peak_mb = None  # the next one begins with nothing
        return Invocation(
            request_id=request_id,
            start=start,
            init_ms=init_ms,
            duration_ms=duration_ms,
            billed_ms=billed_ms,
            memory_mb=self._function.memory_mb,
            max_memory_mb=peak_mb,
            status=outcome.status,
            error_type=outcome.error_type,
            function_error=None if outcome.error_type is None else "Unhandled",
            payload=outcome.answer(request_id),
            log=self._output.take(),
        )


def _fault_line(request_id: str, fault: Fault, timeout_s: float) -> logs.LogLine:
    if fault.status == "timeout":
        return logs.TimedOut(_now(), request_id, timeout_s)
    return logs.Crashed(request_id, fault.message or "", fault.error_type or "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _log_stream() -> str:
    return f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}"


def _trace_id() -> str:
    """Return an X-Ray header as Lambda passes it where tracing is off."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
