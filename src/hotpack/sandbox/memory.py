"""How much memory a sandbox has used, read from Linux's /proc."""

from pathlib import Path

_PROC = Path("/proc")


def peak_memory_mb(first_pid: int, proc: Path = _PROC) -> int | None:
    """Return the sum of the peaks of the processes below a sandbox's first one.

    The sandbox's own process 1 does not count, as on Lambda. Processes that have ended are
    missed. None where there is no /proc, as on macOS.
    """
    if not proc.is_dir():
        return None
    peak_kb = 0
    waiting = _children(proc, first_pid)
    while waiting:
        pid = waiting.pop()
        waiting += _children(proc, pid)
        peak_kb += _own_peak_kb(proc, pid)
    return -(-peak_kb // 1024)


def _children(proc: Path, pid: int) -> list[int]:
    found: list[int] = []
    for listing in proc.glob(f"{pid}/task/*/children"):
        try:
            found += map(int, listing.read_text(encoding="ascii").split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
    return found


def _own_peak_kb(proc: Path, pid: int) -> int:
    try:
        status = (proc / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines())
    if fields.get("NSpid", "").split()[1:] == ["1"]:
        return 0  # our holder, which Lambda does not have
    return int(fields.get("VmHWM", "0 kB").split()[0])
