"""The folders of sandboxes, and the sweep of what a killed supervisor left behind."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from hotpack.sandbox import control_groups

_LOCK = "lock"
_GROUPS = "control-groups"
"""Names them, one a line: they are found again even by a supervisor that would make its own
somewhere else."""


class SandboxFolders:
    """One supervisor's folders, in one that is locked as long as the supervisor lives.

    The kernel lets go of the lock however the supervisor ends, and a number of a process that is
    used again cannot pass for it. The first thing that a supervisor does is to sweep: what is not
    locked has no owner. Sandboxes hold no copy of the lock.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(root):
            _sweep(root)
            self._own = Path(tempfile.mkdtemp(dir=root))
            self._lock = (self._own / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    @contextlib.contextmanager
    def made(self) -> Iterator[Path]:
        """Yield a new folder for a sandbox; it stays unless there is an error."""
        own = Path(tempfile.mkdtemp(dir=self._own))
        try:
            yield own
        except BaseException:
            shutil.rmtree(own, ignore_errors=True)
            raise

    def close(self) -> None:
        """Remove everything and let go of the lock. May be called again."""
        shutil.rmtree(self._own, ignore_errors=True)
        self._lock.close()


def note_groups(own: Path, groups: Iterable[Path]) -> None:
    """Write into a sandbox's folder which control groups go with it, before they are made."""
    (own / _GROUPS).write_text("".join(f"{group}\n" for group in groups), encoding="utf-8")


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Keep others from sweeping a folder that is not locked yet."""
    with (root / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(root: Path) -> None:
    """Remove what supervisors left behind that were killed before they could."""
    for folder in root.iterdir():
        if not folder.is_dir():
            continue
        with contextlib.ExitStack() as stack:
            try:
                lock: IO[str] = stack.enter_context((folder / _LOCK).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # its owner lives, or it is another user's
            for noted in folder.glob(f"*/{_GROUPS}"):
                for group in noted.read_text(encoding="utf-8").splitlines():
                    control_groups.remove(Path(group))
            shutil.rmtree(folder, ignore_errors=True)
