"""Sandboxes in namespaces of the kernel, set up by bubblewrap."""

import contextlib
import shutil
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
_ETC: Final = Path("/etc")
_ETC_FOLDERS = (
    "alternatives",
    "ca-certificates",
    "ld.so.conf.d",
    "pki/ca-trust",
    "pki/tls/certs",
    "ssl/certs",
)
"""Of ssl and pki the certificates alone: the keys beside them are readable where root runs this."""

_ETC_FILES = (
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "nsswitch.conf",
    "pki/tls/cert.pem",
    "pki/tls/openssl.cnf",
    "resolv.conf",
    "ssl/openssl.cnf",
)
_COVERED = ("opt", "tmp", "dev", "proc")
"""Where Lambda's own folders are: a Python there, as /opt/hostedtoolcache, is at /var/lang only."""

_ESCORT: Final = "/var/escort"
_DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Namespaces of the kernel, set up by bubblewrap: as root, and as an ordinary user."""

    executable: Path
    is_root: bool = False
    """Whether it may begin as root, so that the runtime can become Lambda's user for the kernel
    too. In a user namespace that root made, it would be root to every file of root's."""

    name: str = "bubblewrap"
    isolated: bool = True
    reason: str | None = None
    remedy: str | None = None

    def enclose(self, rooms: Rooms) -> Enclosure:
        """Return how to open the namespaces, with everything where Lambda has it."""
        executable = rooms.interpreter.executable
        etc = tuple(_etc(rooms.own / "etc"))
        shown = (rooms.own / "etc", rooms.task, rooms.opt, rooms.runtime_client, GUEST)
        becomes_user = (
            self.is_root
            and rooms.escort is None  # which writes into a folder of root's
            and all(map(_is_for_all, (*shown, rooms.interpreter.prefix)))
        )
        options = (
            *_namespaces(is_root=becomes_user),
            *_folders(Path("/var/hotpack")),
            *_system(),
            *etc,
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
            guest="/var/hotpack",
            task_root="/var/task",
            opt="/opt",
            runtime_dir="/var/runtime",
            python_prefix="/var/lang",
            timezone=":/etc/localtime",
            temporary=None,
            python_options=(),
            user=(UID, GID) if becomes_user else None,
            escort=rooms.escort and rooms.escort.inside(_ESCORT),
        )


def _is_for_all(folder: Path) -> bool:
    """Return whether any user may read a folder; not so where root's umask is 077."""
    return folder.stat().st_mode & 0o005 == 0o005


def _namespaces(*, is_root: bool) -> tuple[str, ...]:
    # No --die-with-parent: the kernel means the parent *thread*, and the one that opened the
    # sandbox may have been a server's that ends with its connection. The holder goes when its
    # standard input ends instead.
    return (
        *(() if is_root else ("--unshare-user", "--uid", str(UID), "--gid", str(GID))),
        *("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--new-session"),
    )


def _folders(folder: Path) -> Iterator[str]:
    """Yield a folder and those above it: bubblewrap would make them for their owner alone."""
    for each in (*reversed(folder.parents), folder):
        if each != Path("/"):
            yield from ("--perms", "0755", "--dir", str(each))


def _system() -> Iterator[str]:
    """Yield what C libraries and certificates need; `--ro-bind / /` would leave no /var/task."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    yield from ("--proc", "/proc")


def _etc(own: Path) -> Iterator[str]:
    """Yield an /etc with Lambda's user, whose home does not exist.

    Files are copied: bubblewrap reads all mounts again for each one, and forty took 13 ms.
    """
    own.mkdir()
    (own / "passwd").write_text(f"{USER}:x:{UID}:{GID}::/home/{USER}:/sbin/nologin\n")
    (own / "group").write_text(f"{USER}:x:{GID}:\n")
    (own / "localtime").symlink_to("/usr/share/zoneinfo/UTC")
    folders = [name for name in _ETC_FOLDERS if (_ETC / name).is_dir()]
    for name in folders:
        (own / name).mkdir(parents=True)
    for name in _ETC_FILES:
        with contextlib.suppress(OSError):
            shutil.copyfile(_ETC / name, own / name)
    yield from ("--ro-bind", str(own), "/etc")
    for name in folders:
        yield from ("--ro-bind", f"/etc/{name}", f"/etc/{name}")


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
    own, lang = interpreter.prefix, Path("/var/lang")
    yield from ("--ro-bind", str(own), str(lang))
    places = [lang]
    if own.parts[1] in (*_SYSTEM_FOLDERS, "usr"):
        places.append(own)  # there already, as the system's
    elif own.parts[1] not in _COVERED:
        yield from _folders(own.parent)
        yield from ("--symlink", str(lang), str(own))
    for place in places:
        for folder in interpreter.site_packages:
            hidden = str(place / folder.relative_to(own))
            yield from ("--tmpfs", hidden, "--remount-ro", hidden)


def _function(rooms: Rooms) -> Iterator[str]:
    yield from _temporary(rooms.ephemeral_storage_mb)
    yield from ("--ro-bind", str(rooms.task), "/var/task")
    yield from ("--ro-bind", str(rooms.opt), "/opt")
    yield from ("--ro-bind", str(rooms.runtime_client), "/var/runtime")
    yield from ("--ro-bind", str(GUEST), "/var/hotpack/guest")
    if rooms.escort is not None:
        yield from ("--bind", str(rooms.escort.folder.resolve()), _ESCORT)


def _temporary(size_mb: int) -> tuple[str, ...]:
    size = ("--size", str(size_mb * 1024 * 1024))
    return ("--perms", "1777", *size, "--tmpfs", "/tmp")  # noqa: S108


def failure(executable: Path, *, is_root: bool = False) -> str | None:
    """Return why this bubblewrap cannot open a sandbox here, None where it can."""
    options = (
        *_namespaces(is_root=is_root),
        *_system(),
        *_devices(),
        *_temporary(1),
        "--remount-ro",
        "/",
    )
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
