"""The local Lambda: opens sandboxes for a function, reuses them, and lets them expire."""

import contextlib
import errno
import math
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotpack.errors import LimitError, SandboxError, ThrottledError
from hotpack.sandbox import interpreter as pythons
from hotpack.sandbox import machine as machines
from hotpack.sandbox import package as packages
from hotpack.sandbox.closing import Closing
from hotpack.sandbox.enclosure import Rooms
from hotpack.sandbox.folders import SandboxFolders
from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.machine import Machine
from hotpack.sandbox.outcome import Invocation
from hotpack.sandbox.output import OnLog
from hotpack.sandbox.pool import Pool
from hotpack.sandbox.restraints import restrained
from hotpack.sandbox.sandbox import Sandbox
from hotpack.target.limits import PAYLOAD_BYTES
from hotpack.target.runtimes import host_architecture


class LocalLambda(Closing):
    """A function, ready to be invoked; a context manager that leaves no process behind.

    Invocations may come from several threads: each gets an idle sandbox, or a new one. Unpacked
    packages stay in `state_dir` for the next time.

    Attributes:
        function: what is run.
        settings: the local Lambda's own.
        machine: what sandboxes are held with, and why not better.

    """

    def __init__(
        self,
        function: Function,
        *,
        interpreter: Path,
        runtime_client: Path,
        state_dir: Path,
        settings: Settings | None = None,
        machine: Machine | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        """Check the function against this machine and Lambda's limits, and unpack it.

        `interpreter` is a Python of the function's runtime, `runtime_client` a folder that
        awslambdaric is installed in for it. `on_log` is called with each log event as it
        happens, from several threads; it must neither invoke nor raise. Raises LimitError,
        ArtifactError or SandboxError.
        """
        self.function = function
        self.settings = settings or Settings()
        self.machine = machine or machines.probe()
        self._interpreter = pythons.inspect(interpreter)
        self._runtime_client = runtime_client.resolve()
        self._on_log = on_log
        _check_machine(function)
        pythons.require(self._interpreter, function.runtime)
        if not (self._runtime_client / "awslambdaric").is_dir():
            raise SandboxError(f"awslambdaric is not installed in {runtime_client}")
        if self.settings.enforce_package_size:
            packages.check_size(function)
        if self.settings.direct_upload:
            packages.check_direct_upload(function)
        self._unpacked = packages.Unpacked(function, state_dir)
        self._package = self._unpacked.package()
        self._folders = SandboxFolders(state_dir.resolve() / "sandboxes")
        _raise_limit_of_open_files()
        self._pool: Pool[Sandbox] = Pool(self.settings.idle_life_s)
        self._busy: set[Sandbox] = set()
        self._opening = 0
        self._closed = False
        self._nothing_expires = False
        """Whether the janitor waits for the first idle sandbox. Else it wakes before any other one
        expires, and waking it at each end of an invocation costs 0.1 ms."""

        self._changed = threading.Condition()
        self._janitor = threading.Thread(target=self._expire, name="hotpack-janitor", daemon=True)
        self._janitor.start()

    def invoke(
        self, payload: bytes, *, client_context: str | None = None, request_id: str | None = None
    ) -> Invocation:
        """Run the function with a JSON document, in an idle sandbox if there is one.

        `client_context` is JSON too; a `request_id` is given where an event is tried again. An
        error of the function is a result. Raises LimitError for a payload that Lambda would
        refuse, ThrottledError over the concurrency, and SandboxError where no sandbox can be
        opened.
        """
        if len(payload) > PAYLOAD_BYTES:
            raise LimitError(
                f"{len(payload)} byte payload is too large for the RequestResponse invocation "
                f"type (limit {PAYLOAD_BYTES} bytes)"
            )
        sandbox = self._take()
        try:
            invocation = sandbox.invoke(payload, client_context, request_id)
        except BaseException as error:  # KeyboardInterrupt too: nobody knows what it is doing now
            self._discard(sandbox)
            if isinstance(error, OSError):
                raise _refused(error) from error
            raise
        self._give_back(sandbox)
        return invocation

    def close(self) -> None:
        """End all sandboxes; running invocations end as if their runtime was killed."""
        with self._changed:
            self._closed = True
            sandboxes = [*self._pool.take_all(), *self._busy]
            self._busy.clear()
            self._changed.notify_all()
        for sandbox in sandboxes:
            sandbox.begin_to_close()
        for sandbox in sandboxes:
            sandbox.close()
        with self._changed:  # sandboxes on their way close themselves
            self._changed.wait_for(lambda: self._opening == 0)
        self._janitor.join()
        self._folders.close()
        self._unpacked.close()

    @property
    def package(self) -> packages.Package:
        """Where the function's files are."""
        return self._package

    def log(self, line: str) -> None:
        """Say something where the function's log goes."""
        if self._on_log is not None:
            self._on_log(line)

    def _take(self) -> Sandbox:
        """Return a sandbox for one invocation."""
        while True:
            with self._changed:
                if self._closed:
                    raise self._closed_error()
                self._check_concurrency()
                sandbox = self._pool.take(time.monotonic())
                if sandbox is not None and sandbox.alive:
                    self._busy.add(sandbox)
                    return sandbox
                if sandbox is None:
                    self._opening += 1
                    break
            sandbox.close()  # somebody killed it
        return self._open()

    def _check_concurrency(self) -> None:
        reserved, account = self.function.reserved_concurrency, self.settings.account_concurrency
        most = account if reserved is None else min(reserved, account)
        if len(self._busy) + self._opening >= most:
            reason = "ConcurrentInvocationLimitExceeded"
            raise ThrottledError(reason if reserved is None else f"ReservedFunction{reason}")

    def _open(self) -> Sandbox:
        """Return a new sandbox, which is busy; it was counted as one that opens."""
        try:
            sandbox = self._sandbox()
        except BaseException as error:
            with self._opened():
                if isinstance(error, OSError):
                    raise _refused(error) from error
                raise
        with self._opened():
            if not self._closed:
                self._busy.add(sandbox)
                return sandbox
            sandbox.close()
            raise self._closed_error()

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Count one less that opens; in one step with what becomes of it, lest it counts twice."""
        with self._changed:
            try:
                yield
            finally:
                self._opening -= 1
                self._changed.notify_all()

    def _sandbox(self) -> Sandbox:
        if not self.machine.isolation.isolated:
            self._package = self._unpacked.package()  # again, if a function wrote into it
        with (
            self._folders.made() as own,
            restrained(self.function, self.machine, own) as restraints,
        ):
            enclosure = self.machine.isolation.enclose(
                Rooms(
                    task=self._package.task,
                    opt=self._package.opt,
                    runtime_client=self._runtime_client,
                    interpreter=self._interpreter,
                    own=own,
                    ephemeral_storage_mb=self.function.ephemeral_storage_mb,
                    escort=self.settings.escort,
                )
            )
            return Sandbox(
                self.function, self.settings, enclosure, restraints, own, on_log=self._on_log
            )

    def _closed_error(self) -> SandboxError:
        return SandboxError(f"the local Lambda of {self.function.name} is closed")

    def _give_back(self, sandbox: Sandbox) -> None:
        with self._changed:
            if sandbox.alive and sandbox in self._busy:
                self._busy.discard(sandbox)
                self._pool.give(sandbox, time.monotonic())
                if self._nothing_expires:
                    self._changed.notify_all()
                return
        self._discard(sandbox)

    def _discard(self, sandbox: Sandbox) -> None:
        with self._changed:
            self._busy.discard(sandbox)
        sandbox.close()

    def _expire(self) -> None:
        """Close sandboxes that were idle for too long, until the end."""
        while True:
            with self._changed:
                if self._closed:
                    return
                expired = self._pool.take_expired(time.monotonic())
                if not expired:
                    expiry_s = self._pool.next_expiry_s()
                    self._nothing_expires = expiry_s is None
                    left_s = math.inf if expiry_s is None else expiry_s - time.monotonic()
                    self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
            for sandbox in expired:
                sandbox.close()


def _refused(error: OSError) -> SandboxError:
    hints = {
        errno.EMFILE: "each takes about five open files: raise the limit (ulimit -n), or allow "
        "less concurrency",
        errno.ENFILE: "the machine has no more open files to give",
        errno.EAGAIN: "the machine, or this user, may start no more processes",
        errno.ENOSPC: "make room, or set HOTPACK_CACHE_DIR to another disk",
    }
    return SandboxError(f"the system refuses a sandbox: {error}", hint=hints.get(error.errno or 0))


def _raise_limit_of_open_files() -> None:
    """Let this process open as many files as it may: the usual 1,024 are 200 sandboxes.

    The function's own limit is set where the runtime starts.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_machine(function: Function) -> None:
    host = host_architecture()
    if function.architecture != host:
        raise SandboxError(
            f"{function.name} is built for {function.architecture}, and this machine is {host}",
            hint="the local Lambda runs what the machine's processor can run",
        )
