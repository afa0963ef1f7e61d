"""Watch what a sandbox's processes use, where the kernel is not asked to: memory and CPU time.

Imported by the holder, so by the Python of any runtime, and nothing that costs milliseconds.
"""

import resource
import time

from . import family

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
else:
    import posix as os  # see holder.py

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


_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MEMFD = "/memfd:"
_SHARED_MAPPINGS = ("/dev/zero", "/SYSV", _MEMFD)
"""How /proc names memory that is shared without a file system: mmap, shmget, memfd_create."""


class MemoryWatch:
    """Says when the processes' memory passes the limit: what is in no file, shared or not.

    Page cache and tmpfs do not count, as a control group would count them: a full /tmp is no
    reason to be killed. Pages that several processes share count once.

    Attributes:
        peak_kb: the most that was seen.
        file_kb: what the processes had mapped of files, the last time.

    """

    def __init__(self, limit_kb: int) -> None:
        self._limit_kb = limit_kb
        self.begin()

    def begin(self) -> None:
        """Begin anew, with another runtime."""
        self.due_s = 0.0
        self.peak_kb = self.file_kb = 0

    def is_over(self, pids: list[int], now_s: float) -> bool:
        """Look, and decide when to look again."""
        memfds_kb = _memfds_kb(pids)
        residents = [_resident_kb(pid) for pid in pids]
        self.file_kb = sum(resident["RssFile"] for resident in residents)
        anonymous_kb = sum(resident["RssAnon"] for resident in residents)
        shared_kb = sum(resident["RssShmem"] for resident in residents) + sum(memfds_kb.values())
        if anonymous_kb + shared_kb <= self._limit_kb:
            # Counted too often, if at all: good enough until it reaches the limit.
            headroom_s = (self._limit_kb - anonymous_kb - shared_kb) / GROWTH_KB_PER_S
            self.due_s = now_s + min(max(headroom_s, LOOK_S), REST_S)
            if len(pids) == 1 and not shared_kb:
                self.peak_kb = max(self.peak_kb, anonymous_kb)
            return False
        self.due_s = now_s + SHARED_S
        if len(pids) > 1:
            anonymous_kb = sum(map(_proportional_kb, pids))
        if shared_kb:
            shared_kb = sum(memfds_kb.values())
            shared_kb += sum(_shared_mappings_kb(pid, memfds_kb) for pid in pids)
        self.peak_kb = max(self.peak_kb, anonymous_kb + shared_kb)
        return anonymous_kb + shared_kb > self._limit_kb


class CpuWatch:
    """Says when processes must rest, so that they get their share of CPU time and no more."""

    def __init__(self, vcpus: float) -> None:
        self._vcpus = vcpus
        self._saved_s = 0.0
        self._looked_s = 0.0
        self._used_s = 0.0
        self.due_s = 0.0

    def begin(self, pids: list[int], now_s: float) -> None:
        """Count from here: what was used before, in the init phase, is free."""
        self._used_s = used_s(pids)
        self._saved_s = PERIOD_S * self._vcpus
        self._looked_s = self.due_s = now_s

    def skip(self, now_s: float) -> None:
        """Let the time since the last look pass for nothing: the sandbox was frozen."""
        self._looked_s = self.due_s = now_s

    def must_rest(self, pids: list[int], now_s: float) -> bool:
        """Look, and decide when to look again."""
        # Never less than before: a process that was waited for goes from a clock of nanoseconds
        # into one of ticks, and what falls between two ticks is seen later.
        before_s, self._used_s = self._used_s, max(self._used_s, used_s(pids))
        return self.spend(self._used_s - before_s, now_s)

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


def used_s(pids: list[int]) -> float:
    """Return the CPU time that processes used, and all of theirs that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + sum(_own_s(pid) + _ended_s(pid) for pid in pids)


def _own_s(pid: int) -> float:
    # The clock of another process's CPU time, as clock_getcpuclockid(3) makes it; /proc would
    # tell it in steps of 10 ms.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it has ended


def _ended_s(pid: int) -> float:
    """Return the CPU time of children that a process has waited for."""
    fields = family.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS_PER_S if len(fields) > 14 else 0.0


def _resident_kb(pid: int) -> dict[str, int]:
    found = {"RssAnon": 0, "RssFile": 0, "RssShmem": 0}
    for line in family.read(f"/proc/{pid}/status").splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0])
    return found


def _proportional_kb(pid: int) -> int:
    for line in family.read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    return _resident_kb(pid)["RssAnon"]  # a kernel before 5.4, or a process that hides it


def _memfds_kb(pids: list[int]) -> dict[int, int]:
    """Return the sizes of open memory files, mapped or not, by their inodes."""
    sizes = {}
    for pid in pids:
        for number in family.listed(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{number}"
            try:
                if os.readlink(path).startswith(_MEMFD):
                    found = os.stat(path)
                    sizes[found.st_ino] = found.st_blocks // 2
            except OSError:
                continue  # closed meanwhile
    return sizes


def _shared_mappings_kb(pid: int, counted: dict[int, int]) -> int:
    """Return what a process maps of shared memory, its part of what others map too.

    Files of tmpfs are none, and inodes in `counted` are counted already.
    """
    total_kb, counts = 0, False
    for line in family.read(f"/proc/{pid}/smaps").splitlines():
        name, *fields = line.split(maxsplit=5)
        if not name.endswith(":"):  # the head of a mapping: range, rights, offset, device, inode
            counts = (
                len(fields) == 5
                and fields[0].endswith("s")
                and fields[4].startswith(_SHARED_MAPPINGS)
                and int(fields[3]) not in counted
            )
        elif counts and name == "Pss:":
            total_kb += int(fields[0])
    return total_kb
