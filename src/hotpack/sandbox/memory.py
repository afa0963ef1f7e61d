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

        As the limit counts: files that are mapped are left out, and pages that processes share
        count once. Processes that have ended are missed. None where there is nothing to be found:
        the processes are gone, there is no /proc, as on macOS, or the kernel lists no children.
        """
        if self._holder is None:
            self._holder = self._find_holder()
        pids: list[int] = []
        waiting = self._children(self._holder)
        while waiting:
            pids.append(waiting.pop())
            waiting += self._children(pids[-1])
        peak_kb = sum(map(self._own_peak_kb, pids))
        if len(pids) > 1:
            peak_kb -= sum(map(self._of_others_kb, pids))
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
        status = self._status(pid)
        # The kernel keeps the peak of all together; files come and stay, so they are in it.
        return max(0, _kb(status, "VmHWM") - _kb(status, "RssFile"))

    def _of_others_kb(self, pid: int) -> int:
        """Return how much of a process's memory is counted with others that share it."""
        parts, status = self._fields(pid, "smaps_rollup"), self._status(pid)
        if "Pss_Anon" not in parts:
            return 0  # a kernel before 5.4, or it has ended
        private_kb = _kb(parts, "Pss_Anon") + _kb(parts, "Pss_Shmem")
        return max(0, _kb(status, "RssAnon") + _kb(status, "RssShmem") - private_kb)

    def _status(self, pid: int) -> dict[str, str]:
        return self._fields(pid, "status")

    def _fields(self, pid: int, name: str) -> dict[str, str]:
        lines = _read(f"{self._proc}/{pid}/{name}").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


def _kb(fields: dict[str, str], name: str) -> int:
    return int(fields.get(name, "0 kB").split()[0])


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""  # it has ended meanwhile
