"""Whether strace can look on here, and the words that start it."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

_CALLS: Final = "%file,getdents,getdents64,mmap"
_OPTIONS: Final = (
    "-f",
    "-y",  # descriptors with their paths
    "-qq",
    *("-e", "signal=none"),
    *("-e", "verbose=none"),  # arguments of commands may be secrets; and it is faster
    "--seccomp-bpf",  # the other calls are not stopped at: strace 5.3
    *("-e", f"trace={_CALLS}"),
)

INSTALL: Final = "apt install strace, or dnf install strace; in a container, allow ptrace"


def find_strace() -> Path | None:
    """Return the strace of this machine, None where it has none."""
    found = shutil.which("strace")
    return Path(found).resolve() if found else None


def failure(executable: Path) -> str | None:
    """Return why this strace cannot look on here, None where it can."""
    try:
        tried = subprocess.run(
            [executable, *_OPTIONS, "-o", "/dev/null", "/bin/sh", "-c", "exit 0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"strace does not run: {error}"
    if tried.returncode == 0:
        return None
    said = tried.stderr.strip().splitlines()
    return said[-1] if said else f"strace ended with status {tried.returncode}"


def command(executable: str, log: str) -> tuple[str, ...]:
    """Return the words before a command whose calls are to be written to the file `log`."""
    return (executable, *_OPTIONS, "-o", log, "--")
