"""The processes of a sandbox, seen from outside: the holder, and through it the runtime."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping

from hotpack.errors import SandboxError
from hotpack.sandbox.enclosure import Enclosure
from hotpack.sandbox.events import Exited
from hotpack.sandbox.memory import PeakMemory
from hotpack.sandbox.output import OnLog, Output
from hotpack.sandbox.restraints import Restraints

_HOLD = "import sys; sys.path.append(sys.argv.pop(1)); from guest import holder; holder.main()"
"""Imported, so that there may be bytecode: reading the source takes 3 ms."""

_PATIENCE_S = 10.0
"""For a kernel that is slow to open or to end namespaces."""


class Processes:
    """Opens a sandbox, and starts and kills the runtime in it (see `guest/holder.py`).

    Raises SandboxError where the sandbox cannot be opened.
    """

    def __init__(
        self,
        enclosure: Enclosure,
        handler: str,
        restraints: Restraints,
        on_log: OnLog | None,
    ) -> None:
        self._restraints = restraints
        self._memory_kills = 0
        self._on_exit: Callable[[Exited], None] | None = None
        self._alive = True
        self._freezing = False
        self._changed = threading.Condition(threading.RLock())
        self._holder = _open(enclosure, handler, restraints)
        if not (self._holder.stdin and self._holder.stdout and self._holder.stderr):
            raise AssertionError("Popen was asked for three pipes")
        self._orders = self._holder.stdin
        self._answers = self._holder.stdout
        self._errors = self._holder.stderr
        self.memory = PeakMemory(self._holder.pid)
        self.output = Output(self._errors.fileno(), on_log)
        self._watcher = threading.Thread(target=self._watch, name="hotpack-sandbox", daemon=True)
        try:
            self._wait_until_open()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the sandbox still stands; somebody may have killed all of it."""
        return self._alive

    def start(self, environment: Mapping[str, str], on_exit: Callable[[Exited], None]) -> None:
        """Start the runtime.

        `on_exit` is called once, from another thread, when it has ended and all that it wrote is
        in `output`.
        """
        blob = b"".join(f"{name}={value}\0".encode() for name, value in environment.items())
        with self._changed:
            if not self._alive:
                raise SandboxError("the sandbox was ended from outside")
            self._on_exit = on_exit
            self._order(b"s%08d%b" % (len(blob), blob))

    def freeze(self) -> None:
        """Stop all processes of the sandbox where they are, until `thaw`."""
        with self._changed:
            self._freezing = self._alive
            self._order_if_alive(b"f")

    def thaw(self) -> None:
        """Let them go on, once all of them have stopped.

        A process that one of them forks for the next event while others are being stopped would
        never be woken.
        """
        with self._changed:
            self._changed.wait_for(lambda: not (self._freezing and self._alive), _PATIENCE_S)
            self._order_if_alive(b"t")
            # What the kernel killed until now is not why the runtime ends later. Asked after the
            # order, it is asked while the holder carries that out.
            self._memory_kills = self._restraints.memory_kills()

    def hold_cpu(self) -> None:
        """Hold the sandbox to the function's share of CPU time from now on."""
        with self._changed:
            if not self._alive:
                return  # the group may be gone
            if self._restraints.group is not None:
                try:
                    self._restraints.group.limit_cpu(self._restraints.vcpus)
                except OSError as error:
                    if error.errno in {errno.EMFILE, errno.ENFILE}:
                        raise  # it is not the group that is at fault
                    message = f"the sandbox cannot be held to its share of CPU time: {error}"
                    raise SandboxError(message) from error
            if self._restraints.watched_vcpus is not None:
                self._order(b"c")

    def kill(self) -> None:
        """Kill the runtime and what it started; return when that is done."""
        with self._changed:
            if self._on_exit is None:
                return
            if self._alive:  # else it is being closed, which kills too
                self._order(b"k")
            if not self._changed.wait_for(lambda: self._on_exit is None, _PATIENCE_S):
                raise SandboxError("the sandbox's processes do not end")

    def begin_to_close(self) -> None:
        """Tell the holder to end all processes of the sandbox. May be called again."""
        with self._changed:
            self._alive = False
            self._orders.close()

    def close(self) -> None:
        """End all processes of the sandbox and free what it holds. May be called again."""
        self.begin_to_close()
        try:
            self._holder.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
        if self._watcher.ident is not None:
            self._watcher.join()
        self.output.close()
        self._answers.close()
        self._errors.close()
        self._restraints.remove()

    def _wait_until_open(self) -> None:
        if os.read(self._answers.fileno(), 64) != b"ready\n":
            self._holder.wait(_PATIENCE_S)
            said = "\n".join(self.output.take()) or f"status {self._holder.returncode}"
            raise SandboxError(f"the sandbox cannot be opened: {said}")
        self._watcher.start()

    def _order_if_alive(self, order: bytes) -> None:
        with self._changed:
            if self._alive:
                self._order(order)

    def _order(self, order: bytes) -> None:
        try:
            view = memoryview(order)
            while view:
                view = view[self._orders.write(view) or 0 :]
        except BrokenPipeError:
            return  # the watcher sees the same end, and says so

    def _watch(self) -> None:
        """Read output and answers until the holder is gone."""
        try:
            self._read_all()
        finally:
            with self._changed:
                self._alive = False
                self._ended(Exited(status=-signal.SIGKILL))

    def _read_all(self) -> None:
        answers, errors = self._answers.fileno(), self._errors.fileno()
        poller = select.poll()
        poller.register(answers, select.POLLIN)
        poller.register(errors, select.POLLIN)
        pending = b""
        while True:
            ready = {descriptor for descriptor, _ in poller.poll()}
            # Output first: what was written before the end belongs before the end.
            if errors in ready and not self.output.pump():
                poller.unregister(errors)
            if answers in ready:
                chunk = os.read(answers, 4096)
                if not chunk:
                    self.output.pump()
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._take(line)

    def _take(self, answer: bytes) -> None:
        """Note what the holder says: that all is frozen, or that the runtime has ended."""
        if answer == b"frozen":
            with self._changed:
                self._freezing = False
                self._changed.notify_all()
            return
        _, status, peak_kb, why = answer.split()
        out_of_memory = why == b"memory" or self._was_killed_by_kernel(int(status))
        self._ended(Exited(int(status), int(peak_kb) // 1024, out_of_memory))

    def _was_killed_by_kernel(self, status: int) -> bool:
        """Return whether the kernel killed for want of memory since the invocation began."""
        before, self._memory_kills = self._memory_kills, self._restraints.memory_kills()
        return status == -signal.SIGKILL and self._memory_kills > before

    def _ended(self, exited: Exited) -> None:
        """Say that the runtime has ended, if there was one."""
        with self._changed:
            on_exit, self._on_exit = self._on_exit, None
            if on_exit is not None:
                on_exit(exited)
            self._changed.notify_all()


def _open(enclosure: Enclosure, handler: str, restraints: Restraints) -> subprocess.Popen[bytes]:
    with contextlib.ExitStack() as stack:
        doors = tuple(stack.enter_context(path.open("w")).fileno() for path in restraints.doors())
        return subprocess.Popen(
            _command(enclosure, handler, restraints.arguments(doors)),
            cwd=enclosure.folder,
            # The runtime's variables come over the pipe: a command line is for all to see.
            env={"LD_LIBRARY_PATH": f"{enclosure.python_prefix}/lib"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=doors,
            bufsize=0,
            # Ctrl-C in a terminal is for the supervisor, which then closes the sandbox.
            start_new_session=True,
        )


def _command(enclosure: Enclosure, handler: str, limits: tuple[str, ...]) -> tuple[str, ...]:
    escort = enclosure.escort
    runtime = (
        *(escort.before if escort else ()),
        *(enclosure.python, *enclosure.python_options, "-S"),
        *(escort.script if escort else ()),
        *(f"{enclosure.guest}/guest/bootstrap.py", enclosure.task_root, enclosure.opt, handler),
    )
    if enclosure.user is not None:
        limits = (*limits, "user={},{}".format(*enclosure.user))
    holder = (enclosure.python, "-I", "-S", "-c", _HOLD, enclosure.guest, *limits, "--")
    return (*enclosure.command, *holder, *runtime)
