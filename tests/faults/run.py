"""Runs faults, several at once: most of them wait for something."""

import itertools
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .matrix import Fault, Tried, try_fault
from .stage import Built, Stage, this_machine

AT_ONCE = 6


def can_mount() -> bool:
    """Return whether a file system can be mounted here, which takes root."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "x", folder], capture_output=True, check=False
        )
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


def try_all(
    faults: Iterable[Fault],
    built: dict[str, Built],
    folder: Path,
    tell: Callable[[Tried], None] = lambda _: None,
) -> list[Tried]:
    """Return what came of each fault, in their order."""
    machine, numbers = this_machine(), itertools.count()

    def one(fault: Fault) -> Tried:
        own = folder / f"stage-{next(numbers)}"
        own.mkdir()
        own.chmod(0o755)
        with Stage(built[fault.placement], own, machine, fault.on_disk_mb) as stage:
            tried = try_fault(fault, stage)
        tell(tried)
        return tried

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, faults))
