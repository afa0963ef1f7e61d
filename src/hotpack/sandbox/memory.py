"""How much memory a sandbox has used, read from Linux's /proc."""

import os
from pathlib import Path

_PROC = Path("/proc")


class PeakMemory:
    """Looks at the processes below a sandbox's first one, after every invocation.

    Plain strings and not paths, and the way to the holder only once: this is most of what a warm
    invocation costs us.
    """

    def __init__(self, first_pid: int, proc: Path = _PROC) -> None:
        self._first_pid = first_pid
        self._proc = str(proc)
        self._holder: int | None = None

    def look_mb(self) -> int | None:
        """Return the sum of the peaks of all processes that the holder started, in MiB.

        Processes that have ended are missed. None where there is nothing to be found: the
        processes are gone, there is no /proc, as on macOS, or the kernel lists no children.
        """
        if self._holder is None:
            self._holder = self._find_holder()
        peak_kb = 0
        waiting = self._children(self._holder)
        while waiting:
            pid = waiting.pop()
            waiting += self._children(pid)
            peak_kb += self._own_peak_kb(pid)
        return -(-peak_kb // 1024) or None

    def _find_holder(self) -> int:
        """Return process 1 of the sandbox, which the isolation started; the first if it is none."""
        for pid in self._children(self._first_pid):
            if self._status(pid).get("NSpid", "").split()[1:] == ["1"]:
                return pid
        return self._first_pid

    def _children(self, pid: int) -> list[int]:
        """Return the children of all threads of a process."""
        tasks = f"{self._proc}/{pid}/task"
        try:
            threads = os.listdir(tasks)  # noqa: PTH208 - see above
        except OSError:
            return []  # it has ended meanwhile
        found: list[int] = []
        for thread in threads:
            found += map(int, _read(f"{tasks}/{thread}/children").split())
        return found

    def _own_peak_kb(self, pid: int) -> int:
        return int(self._status(pid).get("VmHWM", "0 kB").split()[0])

    def _status(self, pid: int) -> dict[str, str]:
        lines = _read(f"{self._proc}/{pid}/status").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""  # it has ended meanwhile
