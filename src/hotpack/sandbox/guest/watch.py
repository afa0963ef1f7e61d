"""Watch what a sandbox's processes use, where the kernel is not asked to: memory and CPU time.

Imported by the holder, so by the Python of any runtime, and nothing that costs milliseconds.
"""

import os
import time

PERIOD_S = 0.02
"""How much of its share a function may save up, as the quota of a control group is given out."""

LOOK_S = 0.005
"""The shortest time between two looks."""

REST_S = 0.25
"""The longest."""

GROWTH_KB_PER_S = 4e6
"""More than a process can touch: the next look is due before memory can have grown to the limit."""

SHARED_S = 0.1
"""Between two looks that count shared pages once; those walk page tables."""


def processes(runtime: int) -> list[int]:
    """Return what runs in the sandbox: all that process 1 sees, else what the runtime started."""
    if os.getpid() == 1:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208
    found, waiting = [], [runtime]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for thread in _listed(f"/proc/{pid}/task"):
            waiting += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


class MemoryWatch:
    """Says when the processes' anonymous memory passes the limit.

    Page cache and tmpfs do not count, as a control group would count them: a full /tmp is no
    reason to be killed. Pages that several processes share after a fork count once.
    """

    def __init__(self, limit_kb: int) -> None:
        self._limit_kb = limit_kb
        self.due_s = 0.0

    def is_over(self, pids: list[int], now_s: float) -> bool:
        """Look, and decide when to look again."""
        used_kb = sum(map(_anonymous_kb, pids))
        if used_kb <= self._limit_kb:
            headroom_s = (self._limit_kb - used_kb) / GROWTH_KB_PER_S
            self.due_s = now_s + min(max(headroom_s, LOOK_S), REST_S)
            return False
        self.due_s = now_s + SHARED_S
        return len(pids) == 1 or sum(map(_proportional_kb, pids)) > self._limit_kb


class CpuWatch:
    """Says when processes must rest, so that they get their share of CPU time and no more."""

    def __init__(self, vcpus: float) -> None:
        self._vcpus = vcpus
        self._saved_s = 0.0
        self._looked_s = 0.0
        self._used_s: dict[int, float] = {}
        self.due_s = 0.0

    def begin(self, pids: list[int], now_s: float) -> None:
        """Count from here: what was used before, in the init phase, is free."""
        self._used_s = {pid: _cpu_s(pid) for pid in pids}
        self._saved_s = PERIOD_S * self._vcpus
        self._looked_s = self.due_s = now_s

    def skip(self, now_s: float) -> None:
        """Let the time since the last look pass for nothing: the sandbox was frozen."""
        self._looked_s = self.due_s = now_s

    def must_rest(self, pids: list[int], now_s: float) -> bool:
        """Look, and decide when to look again."""
        used_s = {pid: _cpu_s(pid) for pid in pids}
        spent_s = sum(max(0.0, now - self._used_s.get(pid, 0.0)) for pid, now in used_s.items())
        self._used_s = used_s
        return self.spend(spent_s, now_s)

    def spend(self, spent_s: float, now_s: float) -> bool:
        """Take used CPU time from what was saved; return whether there is none left."""
        earned_s = (now_s - self._looked_s) * self._vcpus
        self._looked_s = now_s
        self._saved_s = min(self._saved_s + earned_s, PERIOD_S * self._vcpus) - spent_s
        if self._saved_s < 0:
            self.due_s = now_s + max(-self._saved_s / self._vcpus, LOOK_S)
            return True
        self.due_s = now_s + LOOK_S
        return False


def _anonymous_kb(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    if len(fields) < 3:  # it has ended
        return 0
    return (int(fields[1]) - int(fields[2])) * (os.sysconf("SC_PAGESIZE") // 1024)


def _proportional_kb(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    return _anonymous_kb(pid)  # a kernel before 5.4, or a process that hides it


def _cpu_s(pid: int) -> float:
    # The clock of another process's CPU time, as clock_getcpuclockid(3) makes it; /proc would
    # tell it in steps of 10 ms.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it has ended


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - pathlib costs milliseconds
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""  # it has ended
