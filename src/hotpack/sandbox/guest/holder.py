r"""Hold a sandbox open, and start and kill the runtime in it; told NAME=VALUE… -- COMMAND….

The namespaces of a sandbox, and with them its /tmp, live as long as their first process. Lambda
keeps /tmp when it resets an environment after a crash or a timeout, so the runtime cannot be that
process: this one is. It outlives the runtime, takes orders on its standard input and answers on
its standard output; the runtime's output goes to its standard error.

    out: ready
    in:  s LENGTH ENVIRONMENT    start the runtime: eight digits, then entries `NAME=value\0`
    in:  k                       kill it and everything that it started
    in:  f, t                    freeze everything that it started, thaw it
    out: frozen                  that is done: whoever thaws it sooner may miss a process
    in:  c, u                    hold it to its share of CPU time from now on, or no longer
    out: exit STATUS PEAK_KB WHY it ended: exit status, or minus the signal's number; `memory` if
                                 it passed the limit, else `-`

When the input ends, whoever gave the orders is gone, and so is the sandbox.

Names: `doors`, numbers of open files of control groups: the runtime enters those by writing to
them, this process stays outside; `user`, whom the runtime becomes; `cpus`, which it may run on;
`files` and `processes`, limits; `memory_kb` and `vcpus`, limits that are watched from here.
"""

import resource
import select
import sys
import time

from . import family

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import signal
    from collections.abc import Callable

    from .watch import CpuWatch, MemoryWatch
else:
    # What the modules of those names are made of: `signal` makes enumerations of it, `os` loads
    # the abstract collections. That is 6 and 1.4 ms of a start.
    import _signal as signal
    import posix as os

ORDERS, ANSWERS, OUTPUT = 0, 1, 2


class Holder:
    """The runtime of a sandbox, and what it may do."""

    def __init__(self, limits: dict[str, str], command: list[str]) -> None:
        self._command = command
        self._limits = limits
        self._doors = [int(number) for number in limits.get("doors", "").split(",") if number]
        for door in self._doors:
            os.set_inheritable(door, False)
        self._wake = wake_on_child_exit()
        self._runtime = 0
        self._frozen = self._capped = self._resting = False
        self._memory: MemoryWatch | None = None
        self._cpu: CpuWatch | None = None

    def hold(self) -> None:
        """Carry out orders until there can be no more."""
        answer("ready")
        while True:
            readable, _, _ = select.select([ORDERS, self._wake], [], [], self._wait_s())
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._notice_end()
            if ORDERS in readable:
                order = os.read(ORDERS, 1)
                if order == b"":
                    self._kill("-")
                    return
                self._carry_out(order)
            elif self._runtime and not self._frozen:
                self._look()

    def _carry_out(self, order: bytes) -> None:
        if order == b"s":
            self._start(read_environment())
        elif order == b"k":
            self._kill("-")
        elif order in b"ft":
            self._freeze(order == b"f")
            if order == b"f":
                answer("frozen")
        elif order in b"cu":
            self._cap(order == b"c")

    def _start(self, environment: dict[bytes, bytes]) -> None:
        self._frozen = self._resting = False
        self._runtime = start(self._command, environment, self._enter)
        if self._memory is None and self._cpu is None:
            self._begin_to_watch()
        if self._memory is not None:
            self._memory.begin()
        if self._cpu is not None:
            self._cpu.begin([], time.monotonic())

    def _enter(self) -> None:
        """In the runtime's process: put it under its limits."""
        for door in self._doors:
            os.write(door, b"0")
        if sys.platform == "linux" and "cpus" in self._limits:
            os.sched_setaffinity(0, map(int, self._limits["cpus"].split(",")))
        limit(resource.RLIMIT_NOFILE, int(self._limits["files"]))
        if "processes" in self._limits:
            limit(resource.RLIMIT_NPROC, int(self._limits["processes"]))
        if "user" in self._limits:
            become(*map(int, self._limits["user"].split(",")))

    def _begin_to_watch(self) -> None:
        # Late, while the runtime loads: reading the module takes a millisecond.
        if "memory_kb" in self._limits or "vcpus" in self._limits:
            from . import watch

            if "memory_kb" in self._limits:
                self._memory = watch.MemoryWatch(int(self._limits["memory_kb"]))
            if "vcpus" in self._limits:
                self._cpu = watch.CpuWatch(float(self._limits["vcpus"]))

    def _freeze(self, frozen: bool) -> None:
        self._frozen = frozen
        if self._cpu is not None and not frozen:
            self._cpu.skip(time.monotonic())
        self._stop_or_go()

    def _cap(self, capped: bool) -> None:
        self._capped, self._resting = capped, False
        if self._cpu is not None and capped and self._runtime:
            self._cpu.begin(family.members(), time.monotonic())
        self._stop_or_go()

    def _stop_or_go(self) -> None:
        if self._runtime:
            stop = self._frozen or self._resting
            family.signal_all(self._runtime, signal.SIGSTOP if stop else signal.SIGCONT)

    def _wait_s(self) -> float | None:
        """Return how long there is nothing to look at; None for ever."""
        if not self._runtime or self._frozen:
            return None
        due_s = [watch.due_s for watch in (self._memory, self._running_cpu()) if watch is not None]
        return max(0.0, min(due_s) - time.monotonic()) if due_s else None

    def _running_cpu(self) -> "CpuWatch | None":
        return self._cpu if self._capped else None

    def _look(self) -> None:
        """See what the runtime uses, and hold it to its limits."""
        now_s = time.monotonic()
        memory, cpu = self._memory, self._running_cpu()
        memory_due = memory is not None and memory.due_s <= now_s
        cpu_due = cpu is not None and cpu.due_s <= now_s
        if not memory_due and not cpu_due:
            return
        pids = family.members()
        if memory_due and memory is not None and memory.is_over(pids, now_s):
            self._kill("memory")
        elif cpu_due and cpu is not None:
            resting = cpu.must_rest(pids, now_s)
            if resting != self._resting:
                self._resting = resting
                self._stop_or_go()

    def _kill(self, why: str) -> None:
        if self._runtime:
            runtime, self._runtime = self._runtime, 0
            ended = reap_all(runtime, runtime)
            status, peak_kb = ended or (-signal.SIGKILL, 0)
            answer(f"exit {status} {self._peak_kb(peak_kb)} {why}")

    def _notice_end(self) -> None:
        ended = reap_ended(self._runtime)
        if ended is not None:
            reap_all(self._runtime, 0)  # on Lambda, what a runtime started dies with it
            self._runtime = 0
            status, peak_kb = ended
            answer(f"exit {status} {self._peak_kb(peak_kb)} -")

    def _peak_kb(self, resident_kb: int) -> int:
        """Return the most memory that was used, files left out as far as they were seen."""
        if self._memory is None:
            return resident_kb
        return max(self._memory.peak_kb, resident_kb - self._memory.file_kb)


def read_exactly(size_bytes: int) -> bytes:
    data = b""
    while len(data) < size_bytes:
        chunk = os.read(ORDERS, size_bytes - len(data))
        if not chunk:
            sys.exit()
        data += chunk
    return data


def read_environment() -> dict[bytes, bytes]:
    """Return the environment for the runtime: what follows a start order."""
    entries = read_exactly(int(read_exactly(8))).split(b"\0")[:-1]
    return dict(entry.split(b"=", 1) for entry in entries)


def answer(words: str) -> None:
    try:
        os.write(ANSWERS, words.encode() + b"\n")
    except BrokenPipeError:
        return  # whoever gave the orders is gone; the end of the input says so too


def limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def become(user: int, group: int) -> None:
    """Leave root behind: its files are not Lambda's user's to read."""
    os.fchown(OUTPUT, user, group)  # or it could not open /dev/stdout
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def wake_on_child_exit() -> int:
    """Return a file descriptor that becomes readable when a child ends."""
    wake, wake_write = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    return wake


def start(command: list[str], environment: dict[bytes, bytes], enter: "Callable[[], None]") -> int:
    """Start the runtime, with nothing of ours but the pipe for its output."""
    pid = os.fork()
    if pid:
        set_group(pid)
        return pid
    try:
        set_group(0)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(OUTPUT, 1)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, children inherit that
        enter()
        os.execve(command[0], command, environment)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said and this process ends
        os.write(OUTPUT, f"the runtime cannot be started: {error!r}\n".encode())
    finally:
        os._exit(127)  # noqa: SLF001 - its name in `os` too


def set_group(pid: int) -> None:
    # On both sides of the fork, so that it is true for either whoever comes first.
    try:
        os.setpgid(pid, pid)
    except OSError:
        return  # it is on its way to its own command, or ended


Ended = tuple[int, int]
"""Exit status or minus a signal's number, and the most resident memory in kB."""


def reap_all(group: int, runtime: int) -> "Ended | None":
    """Kill and wait until no child is left; return what became of the runtime, if it was one."""
    ended = None
    while True:
        # Again in every turn: a process may have been starting another one.
        family.signal_all(group, signal.SIGKILL)
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return ended
        if pid == runtime:
            ended = describe(status, usage)


def describe(status: int, usage: resource.struct_rusage) -> Ended:
    peak_kb = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    return os.waitstatus_to_exitcode(status), peak_kb


def reap_ended(runtime: int) -> "Ended | None":
    """Wait for children that ended; return what became of the runtime if it is among them."""
    ended = None
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid == runtime:
            ended = describe(status, usage)


def main() -> None:
    """Hold until the input ends."""
    at = sys.argv.index("--")
    family.adopt_orphans()
    limits = dict(argument.split("=", 1) for argument in sys.argv[1:at])
    Holder(limits, sys.argv[at + 1 :]).hold()
