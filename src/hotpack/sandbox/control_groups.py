"""Control groups: what the kernel holds a sandbox's runtime to, where it lets us ask for it.

Version 1 has a hierarchy for each controller, version 2 one for all
(https://docs.kernel.org/admin-guide/cgroup-v2.html); docs/local-lambda.md has where each was run.

The memory limit of a group counts what tmpfs holds, and Lambda's does not: a group gets room for
all of /tmp, so that a full /tmp never kills, and is the backstop behind the watch of anonymous
memory in `guest/watch.py`.
"""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from hotpack.sandbox.memory import read
from hotpack.target import limits

Controller = Literal["cpu", "memory", "pids"]
CONTROLLERS: Final[tuple[Controller, ...]] = ("cpu", "memory", "pids")
Version = Literal[1, 2]

DOORS: Final[dict[Version, str]] = {1: "tasks", 2: "cgroup.procs"}
"""Where a process writes 0 to enter. A thread that enters alone is not held up by the kernel's
lock of all thread groups, which costs up to 20 ms; version 2 has that only for threaded groups."""

_ROOM_BYTES: Final = 64 * limits.MIB
"""For what the kernel itself holds for a group: page tables, sockets, names of files."""


@dataclass(frozen=True, slots=True)
class Group:
    """The control groups of one sandbox."""

    version: Version
    folders: Mapping[Controller, Path]

    def doors(self) -> tuple[Path, ...]:
        """Return the files that a process writes 0 to, to enter."""
        return tuple(folder / DOORS[self.version] for folder in _unique(self.folders))

    def limit_cpu(self, vcpus: float | None) -> None:
        """Hold the group to so much CPU time a second; to all of it if None."""
        if "cpu" not in self.folders:
            return
        folder, period_us = self.folders["cpu"], limits.CPU_PERIOD_US
        if vcpus is not None and (most := cpu_cap(folder.parent, self.version)) is not None:
            vcpus = min(vcpus, most)  # version 1 refuses more than the groups above have
        quota_us = None if vcpus is None else max(1000, int(vcpus * period_us))
        if self.version == 1:
            write(folder / "cpu.cfs_period_us", period_us)
            write(folder / "cpu.cfs_quota_us", -1 if quota_us is None else quota_us)
        else:
            write(folder / "cpu.max", f"{'max' if quota_us is None else quota_us} {period_us}")

    def limit_memory(self, memory_mb: int, ephemeral_storage_mb: int) -> None:
        """Let it hold so much memory, and a full /tmp beside it."""
        if "memory" in self.folders:
            size_bytes = (memory_mb + ephemeral_storage_mb) * limits.MIB + _ROOM_BYTES
            name = {1: "memory.limit_in_bytes", 2: "memory.max"}[self.version]
            write(self.folders["memory"] / name, size_bytes)

    def limit_processes(self) -> None:
        """Let it have as many processes and threads as Lambda does."""
        if "pids" in self.folders:
            write(self.folders["pids"] / "pids.max", limits.PROCESSES)

    def memory_kills(self) -> int:
        """Return how often the kernel killed in it for want of memory."""
        if "memory" not in self.folders:
            return 0
        name = {1: "memory.oom_control", 2: "memory.events"}[self.version]
        text = read(f"{self.folders['memory']}/{name}")
        counts = dict(line.split() for line in text.splitlines())
        return int(counts.get(b"oom_kill", 0))

    def remove(self) -> None:
        """Remove the groups, which hold no process any more; the kernel may take a moment."""
        for folder in _unique(self.folders):
            remove(folder)


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """Where this machine lets us make groups, found out by trying."""

    version: Version = 1
    parents: Mapping[Controller, Path] = field(default_factory=dict)
    reason: str | None = None
    """Why there are not all controllers; None where there are."""

    remedy: str | None = None

    @property
    def name(self) -> str:
        """What they are called, for people."""
        return f"control groups, version {self.version}"

    def cpu_cap(self) -> float | None:
        """Return how much CPU time a second all sandboxes together can have; None for no limit."""
        return cpu_cap(self.parents["cpu"], self.version) if "cpu" in self.parents else None

    def folders(self, name: str) -> dict[Controller, Path]:
        """Return where the groups of a sandbox are, made or not."""
        return {controller: parent / name for controller, parent in self.parents.items()}

    def make(self, name: str) -> Group:
        """Make the groups of a sandbox."""
        group = Group(self.version, self.folders(name))
        for folder in _unique(group.folders):
            folder.mkdir(exist_ok=True)
        return group


def cpu_cap(group: Path, version: Version) -> float | None:
    """Return what a group and those above it leave of CPU time; None where none has a quota."""
    caps = [_cpu_quota(folder, version) for folder in (group, *group.parents)]
    return min((cap for cap in caps if cap is not None), default=None)


def _cpu_quota(folder: Path, version: Version) -> float | None:
    names = {1: ("cpu.cfs_quota_us", "cpu.cfs_period_us"), 2: ("cpu.max",)}[version]
    try:
        text = " ".join((folder / name).read_text(encoding="ascii") for name in names)
    except OSError:
        return None  # no group: above their root
    quota, period = text.split()
    return None if quota in ("-1", "max") else int(quota) / int(period)


def remove(folder: Path) -> None:
    """Remove a group; what still runs in it is killed. Nothing happens where there is none."""
    for _ in range(200):
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY:
                return  # gone, or somebody else's
            _kill(folder)
            time.sleep(0.01)
        else:
            return


def _kill(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            if int(pid):  # 0 stands for one that our own process namespace does not show
                os.kill(int(pid), signal.SIGKILL)


def _unique(folders: Mapping[Controller, Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folders.values()))


def write(path: Path, value: object) -> None:
    path.write_text(str(value), encoding="ascii")
