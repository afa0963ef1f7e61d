"""How much memory a sandbox has used, read from Linux's /proc."""

import os
from pathlib import Path

_PROC = Path("/proc")
_SHARED_MAPPINGS = (b"/dev/zero", b"/SYSV", b"/memfd:")
"""How /proc names memory that is shared without a file system: mmap, shmget, memfd_create."""


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

        As the limit counts: files that are mapped are left out, those in /tmp too, and pages that
        processes share count once. Processes that have ended are missed. None where there is
        nothing to be found: the processes are gone, there is no /proc, as on macOS, or the kernel
        lists no children.
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
            names = _value(self._text(pid, "status"), b"NSpid").split()
            if names[1:] == [b"1"]:
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
            found += map(int, read(f"{tasks}/{thread}/children").split())
        return found

    def _own_peak_kb(self, pid: int) -> int:
        status = self._text(pid, "status")
        # The kernel keeps the peak of all together; files come and stay, so they are in it.
        files_kb = _kb(status, b"RssFile")
        if (tmpfs_kb := _kb(status, b"RssShmem")) and not self._shares_memory(pid):
            files_kb += tmpfs_kb  # libraries in /tmp; of a process that has both, they count
        return max(0, _kb(status, b"VmHWM") - files_kb)

    def _shares_memory(self, pid: int) -> bool:
        """Return whether a process maps shared memory, which the kernel counts as tmpfs."""
        mappings = self._text(pid, "maps")
        return any(name in mappings for name in _SHARED_MAPPINGS)

    def _of_others_kb(self, pid: int) -> int:
        """Return how much of a process's memory is counted with others that share it."""
        parts, status = self._text(pid, "smaps_rollup"), self._text(pid, "status")
        if not _value(parts, b"Pss_Anon"):
            return 0  # a kernel before 5.4, or it has ended
        private_kb = _kb(parts, b"Pss_Anon") + _kb(parts, b"Pss_Shmem")
        return max(0, _kb(status, b"RssAnon") + _kb(status, b"RssShmem") - private_kb)

    def _text(self, pid: int, name: str) -> bytes:
        return read(f"{self._proc}/{pid}/{name}")


def _kb(text: bytes, name: bytes) -> int:
    value = _value(text, name)
    return int(value.split()[0]) if value else 0


def _value(text: bytes, name: bytes) -> bytes:
    """Return what follows a name and a colon at the beginning of a line; nothing if it is absent.

    Most of the fifty lines are of no use: this takes a tenth of reading them all.
    """
    _, found, rest = text.partition(b"\n" + name + b":")
    return rest.partition(b"\n")[0] if found else b""


def read(path: str) -> bytes:
    """Return a file of the kernel's, nothing if it is gone; pathlib takes ten times as long."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""  # it has ended meanwhile
    try:
        return b"".join(iter(lambda: os.read(file, 65536), b""))
    except OSError:
        return b""
    finally:
        os.close(file)
