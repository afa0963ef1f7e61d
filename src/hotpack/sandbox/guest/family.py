"""The processes of a sandbox, found and signalled: what its holder started, and what those did.

As process 1 of a namespace the holder sees them all, and no others. In plain folders they are the
processes below it; those whose parent ends become its own children, so that none gets away.

Imported by the holder, so by the Python of any runtime, and nothing that costs milliseconds.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
else:
    import posix as os  # see holder.py

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of whatever below this process loses its own, as process 1 is anyway."""
    if os.getpid() == 1:
        return
    try:
        # Not `ctypes`, which takes 3 ms to import; this takes a tenth of it.
        import _ctypes

        libc = _ctypes.dlopen(None, 2)  # type: ignore[arg-type] # what this process has loaded
        prctl = _ctypes.dlsym(libc, "prctl")
        _ctypes.call_function(prctl, (_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    except (ImportError, AttributeError, OSError):
        return  # not Linux: what leaves the process group gets away


def members() -> list[int]:
    """Return the processes of the sandbox; none where there is no /proc."""
    own = os.getpid()
    if own == 1:
        return [int(name) for name in listed("/proc") if name.isdigit() and name != "1"]
    found, waiting = [], [own]
    while waiting:
        pid = waiting.pop()
        for thread in listed(f"/proc/{pid}/task"):
            children = [int(child) for child in read(f"/proc/{pid}/task/{thread}/children").split()]
            found += children
            waiting += children
    return found


def signal_all(group: int, number: int) -> None:
    """Signal all processes of the sandbox; `group` is the process group that they began in."""
    if os.getpid() == 1:
        _signal(os.kill, -1, number)  # everything that this process sees, except itself
        return
    _signal(os.killpg, group, number)
    done: set[int] = set()
    # Again until there is nobody new: one may have been starting another meanwhile.
    while left := [pid for pid in members() if pid not in done and not _is_in(pid, group)]:
        for pid in left:
            _signal(os.kill, pid, number)
        done.update(left)


def _is_in(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return True  # gone, wherever it was


def _signal(how: "Callable[[int, int], None]", whom: int, number: int) -> None:
    try:
        how(whom, number)
    except (ProcessLookupError, PermissionError):
        return  # already gone; macOS says EPERM of a group of zombies


def listed(folder: str) -> list[str]:
    """Return the names in a folder of /proc; none if its process has ended."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def read(path: str) -> str:
    """Return a file of /proc; nothing if its process has ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
