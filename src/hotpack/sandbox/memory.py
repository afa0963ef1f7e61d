"""How much memory a sandbox has used, read from Linux's /proc."""

from pathlib import Path

_PROC = Path("/proc")


def peak_memory_mb(first_pid: int, proc: Path = _PROC) -> int | None:
    """Return the sum of the peaks of the processes below a sandbox's first one, in MiB.

    The sandbox's own process 1 does not count: Lambda has no such. Processes that have ended are
    missed. None where there is nothing to be found: the processes are gone, there is no /proc, as
    on macOS, or the kernel does not list children.
    """
    peak_kb = 0
    waiting = _children(proc, first_pid)
    while waiting:
        pid = waiting.pop()
        waiting += _children(proc, pid)
        peak_kb += _own_peak_kb(proc, pid)
    return -(-peak_kb // 1024) or None


def _children(proc: Path, pid: int) -> list[int]:
    """Return the children of all threads of a process."""
    found: list[int] = []
    for thread in _names(proc / str(pid) / "task"):
        found += map(int, _read(proc / str(pid) / "task" / thread / "children").split())
    return found


def _own_peak_kb(proc: Path, pid: int) -> int:
    fields = dict(
        line.split(":", 1) for line in _read(proc / str(pid) / "status").splitlines() if ":" in line
    )
    if fields.get("NSpid", "").split()[1:] == ["1"]:
        return 0  # our holder
    return int(fields.get("VmHWM", "0 kB").split()[0])


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []  # the process has ended meanwhile


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # the same
