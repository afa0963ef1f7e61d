"""Sandboxes in namespaces of the kernel, set up by bubblewrap."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack.sandbox.enclosure import GUEST, Enclosure, Rooms
from hotpack.sandbox.interpreter import Interpreter

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
    for name in ("bootstrap.py", "holder.py", "watch.py"):
        yield from ("--ro-bind", str(GUEST / name), f"/var/runtime/{name}")


def failure(executable: Path) -> str | None:
    """Return why this bubblewrap cannot open a sandbox here, None where it can."""
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
