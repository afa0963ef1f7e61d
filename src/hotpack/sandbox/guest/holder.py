r"""Hold a sandbox open, and start and kill the runtime in it: `python holder.py COMMAND…`.

The namespaces of a sandbox, and with them its /tmp, live as long as their first process. Lambda
keeps /tmp when it resets an environment after a crash or a timeout, so the runtime cannot be that
process: this one is. It outlives the runtime, takes orders on its standard input and answers on
its standard output; the runtime's output goes to its standard error.

    out: ready
    in:  s LENGTH ENVIRONMENT    start the runtime: eight digits, then entries `NAME=value\0`
    in:  k                       kill it and everything that it started
    out: exit STATUS PEAK_KB     it ended: exit status, or minus the signal's number

When the input ends, whoever gave the orders is gone, and so is the sandbox.
"""

import os
import resource
import select
import signal
import sys

ORDERS, ANSWERS, OUTPUT = 0, 1, 2
OPEN_FILES = 1024
"""Lambda quotas: "File descriptors: 1,024"."""


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
    os.write(ANSWERS, words.encode() + b"\n")


def limit_open_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def wake_on_child_exit() -> int:
    """Return a file descriptor that becomes readable when a child ends."""
    wake, wake_write = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    return wake


def start(command: list[str], environment: dict[bytes, bytes]) -> int:
    """Start the runtime, with nothing of ours but the pipe for its output."""
    return os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, OUTPUT, 1),
        ],
        setpgroup=0,
        setsigdef=[signal.SIGPIPE],  # Python ignores it, and children would inherit that
    )


def kill_all(group: int) -> None:
    """Kill what runs in the sandbox; without a process namespace, what is in the group."""
    try:
        if os.getpid() == 1:
            os.kill(-1, signal.SIGKILL)  # everything that this process sees, except itself
        else:
            os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # already gone; macOS says EPERM of a group of zombies


def reap_all(group: int, runtime: int) -> str | None:
    """Kill and wait until no child is left; return what became of the runtime, if it was one."""
    ended = None
    while True:
        # Again in every turn: a process may have been starting another one.
        kill_all(group)
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return ended
        if pid == runtime:
            ended = describe(status, usage)


def describe(status: int, usage: resource.struct_rusage) -> str:
    peak_kb = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    return f"exit {os.waitstatus_to_exitcode(status)} {peak_kb}"


def reap_ended(runtime: int) -> str | None:
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


def hold(command: list[str], wake: int) -> None:
    """Carry out orders until there can be no more."""
    runtime = 0
    while True:
        readable, _, _ = select.select([ORDERS, wake], [], [])
        ended = None
        if wake in readable:
            os.read(wake, 4096)
            ended = reap_ended(runtime)
            if ended is not None:
                reap_all(runtime, 0)  # on Lambda, what a runtime started dies with it
        if ORDERS in readable:
            order = os.read(ORDERS, 1)
            if order == b"s":
                runtime = start(command, read_environment())
            elif runtime and ended is None:
                ended = reap_all(runtime, runtime)
            if order == b"":
                return
        if ended is not None:
            runtime = 0
            answer(ended)


def main() -> None:
    limit_open_files()
    wake = wake_on_child_exit()
    answer("ready")
    hold(sys.argv[1:], wake)


if __name__ == "__main__":
    main()
