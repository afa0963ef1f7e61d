"""What one sandbox is held to, and by what: the kernel's control groups, or watched."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hotpack.sandbox.control_groups import Group
from hotpack.sandbox.folders import note_groups
from hotpack.sandbox.function import Function
from hotpack.sandbox.machine import Machine
from hotpack.target import limits


@dataclass(frozen=True, slots=True)
class Restraints:
    """The limits of one sandbox. None where there is none, or where the group has it."""

    vcpus: float
    watched_vcpus: float | None = None
    memory_kb: int | None = None
    cores: tuple[int, ...] | None = None
    """Which ones the function may run on, and sees."""

    processes: int | None = None
    group: Group | None = None

    def arguments(self, doors: tuple[int, ...]) -> tuple[str, ...]:
        """Return what `guest/holder.py` is told of them; `doors` are open files of the group."""
        told = {
            "files": limits.OPEN_FILES,
            "doors": ",".join(map(str, doors)) or None,
            "memory_kb": self.memory_kb,
            "vcpus": self.watched_vcpus,
            "cpus": self.cores and ",".join(map(str, self.cores)),
            "processes": self.processes,
        }
        return tuple(f"{name}={value}" for name, value in told.items() if value is not None)

    def doors(self) -> tuple[Path, ...]:
        """Return the files of the group that are to be opened for `arguments`."""
        return () if self.group is None else self.group.doors()

    def memory_kills(self) -> int:
        """Return how often the kernel killed in the group for want of memory."""
        return 0 if self.group is None else self.group.memory_kills()

    def remove(self) -> None:
        """Remove the group, once no process is left in it."""
        if self.group is not None:
            self.group.remove()


@contextmanager
def restrained(function: Function, machine: Machine, own: Path) -> Iterator[Restraints]:
    """Yield the limits for a new sandbox whose folder is `own`; on an error, undo them."""
    share = limits.vcpus(function.memory_mb)
    has_cpu, has_pids = (name in machine.groups.parents for name in ("cpu", "pids"))
    throttled = machine.is_linux and share < len(machine.cores)
    made = Restraints(
        vcpus=share,
        watched_vcpus=share if throttled and not has_cpu else None,
        memory_kb=function.memory_mb * 1024 if machine.is_linux else None,
        cores=_cores(function, machine, own.name),
        # One more for the holder, which is in the same namespace.
        processes=limits.PROCESSES + 1 if machine.counts_processes and not has_pids else None,
        group=_group(function, machine, own) if machine.groups.parents else None,
    )
    try:
        yield made
    except BaseException:
        made.remove()
        raise


def _group(function: Function, machine: Machine, own: Path) -> Group:
    name = f"hotpack-{own.parent.name}-{own.name}"
    note_groups(own, machine.groups.folders(name).values())
    group = machine.groups.make(name)
    try:
        group.limit_memory(function.memory_mb, function.ephemeral_storage_mb)
        group.limit_processes()
    except BaseException:
        group.remove()
        raise
    return group


def _cores(function: Function, machine: Machine, name: str) -> tuple[int, ...] | None:
    """Return as many cores as Lambda shows; not the same ones for every sandbox."""
    count = limits.visible_cores(function.memory_mb)
    if count >= len(machine.cores):
        return None
    first = zlib.crc32(name.encode()) % len(machine.cores)
    turned = machine.cores[first:] + machine.cores[:first]
    return tuple(sorted(turned[:count]))
