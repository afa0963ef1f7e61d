"""What this machine holds sandboxes with, found out once by trying."""

import os
import sys
from dataclasses import dataclass, field

from hotpack.sandbox import control_group_probe, isolation
from hotpack.sandbox.control_groups import ControlGroups
from hotpack.sandbox.enclosure import Isolation

_PROCESSES_COUNT_PER_NAMESPACE = (5, 14)
"""The first Linux that counts RLIMIT_NPROC in each user namespace for itself."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to hold a sandbox with; plain values, so that any machine can be made up."""

    isolation: Isolation
    groups: ControlGroups = field(default_factory=ControlGroups)
    system: str = sys.platform
    release: tuple[int, int] = (0, 0)
    """Major and minor version of the kernel."""

    cores: tuple[int, ...] = ()
    """Those that this process may run on; none where the system does not tell."""

    is_root: bool = False

    @property
    def is_linux(self) -> bool:
        """Whether there is a /proc to watch processes in, and cores can be chosen."""
        return self.system == "linux"

    @property
    def counts_processes(self) -> bool:
        """Whether RLIMIT_NPROC holds a sandbox alone: it never holds root."""
        return (
            self.is_linux
            and self.isolation.isolated
            and not self.is_root
            and self.release >= _PROCESSES_COUNT_PER_NAMESPACE
        )


def probe() -> Machine:
    """Return what this machine has."""
    linux = sys.platform == "linux"
    return Machine(
        isolation=isolation.probe(),
        groups=control_group_probe.find() if linux else ControlGroups(),
        release=_release(os.uname().release),
        cores=_cores(),
        is_root=os.geteuid() == 0,
    )


def _cores() -> tuple[int, ...]:
    if sys.platform != "linux":
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)
