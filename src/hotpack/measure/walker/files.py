"""Files and folders, looked at, read and listed in every way that Python has."""

import glob
import hashlib
import io
import linecache
import mmap
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from .children import forked, inside
from .place import CHUNK, ITSELF, ROOT, Json, at, digest, names


def _stat(path: str) -> Json:
    return _status(os.stat(at(path)))


def _lstat(path: str) -> Json:
    return _status(os.lstat(at(path)))


def _status(status: os.stat_result) -> Json:
    if stat.S_ISDIR(status.st_mode):
        return "a folder"  # its size is the file system's, its mode the sandbox's
    return [stat.filemode(status.st_mode), status.st_size]


def _access(path: str) -> Json:
    return [os.access(at(path), mode) for mode in (os.F_OK, os.R_OK, os.X_OK)]


def _exists(path: str) -> Json:
    tests = (os.path.exists, os.path.isfile, os.path.isdir, os.path.islink, os.path.lexists)
    return [test(at(path)) for test in tests]


def _pathlib(path: str) -> Json:
    place = Path(at(path))
    found = [place.exists(), place.is_file(), place.is_dir(), place.is_symlink()]
    return [*found, str(place.resolve()), place.stat().st_size if place.is_file() else None]


def _by_descriptor(path: str) -> Json:
    folder, name = os.path.split(path)
    descriptor = os.open(at(folder), os.O_RDONLY)
    try:
        file = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        with open(file, "rb") as content:
            return [_status(os.stat(name, dir_fd=descriptor)), digest(content.read())]
    finally:
        os.close(descriptor)


def _read_open(path: str) -> Json:
    with open(at(path), "rb") as file:
        return digest(file.read())


def _read_os(path: str) -> Json:
    file = os.open(at(path), os.O_RDONLY)
    try:
        content = hashlib.sha256()
        while part := os.read(file, CHUNK):
            content.update(part)
        return content.hexdigest()[:16]
    finally:
        os.close(file)


def _read_pathlib(path: str) -> Json:
    return digest(Path(at(path)).read_bytes())


def _read_io(path: str) -> Json:
    with io.FileIO(os.fsencode(at(path))) as file:
        return digest(file.readall())


def _read_mapped(path: str) -> Json:
    with open(at(path), "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return digest(b"")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return digest(content[:])


def _read_relative(path: str) -> Json:
    return forked(lambda: inside("", lambda: digest(Path(path).read_bytes())))


def _read_copied(path: str) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        return digest(Path(shutil.copy(at(path), folder)).read_bytes())


def _read_forked(path: str) -> Json:
    return forked(lambda: _read_open(path))


def _read_elsewhere(path: str) -> Json:
    """By another program, which Python does not see into."""
    done = subprocess.run(["/bin/cat", at(path)], capture_output=True, check=False)
    return [done.returncode, digest(done.stdout)]


def _lines(path: str) -> Json:
    return digest("".join(linecache.getlines(at(path))).encode("utf-8", "surrogatepass"))


def _list(path: str) -> Json:
    return names(path, os.listdir(at(path)))


def _list_bytes(path: str) -> Json:
    return names(path, map(os.fsdecode, os.listdir(os.fsencode(at(path)))))


def _list_descriptor(path: str) -> Json:
    descriptor = os.open(at(path), os.O_RDONLY)
    try:
        return names(path, os.listdir(descriptor))
    finally:
        os.close(descriptor)


def _list_relative(path: str) -> Json:
    return forked(lambda: inside(path, lambda: names(path, os.listdir())))


def _list_pathlib(path: str) -> Json:
    return names(path, (entry.name for entry in Path(at(path)).iterdir()))


def _list_forked(path: str) -> Json:
    return forked(lambda: _list(path))


def _scan(path: str) -> Json:
    with os.scandir(at(path)) as entries:
        return sorted(
            [
                entry.name,
                entry.is_dir(),
                entry.is_file(),
                entry.is_symlink(),
                entry.path,
                _status(entry.stat()),
            ]
            for entry in entries
            if path or entry.name != ITSELF
        )


def _walk(path: str) -> Json:
    return sorted(
        [os.path.relpath(folder, ROOT), sorted(set(folders) - {ITSELF}), sorted(files)]
        for folder, folders, files in os.walk(at(path))
        if os.path.relpath(folder, ROOT) != ITSELF
    )


def _walk_descriptors(path: str) -> Json:
    return sorted(
        [os.path.relpath(folder, at(path)), sorted(folders), sorted(files)]
        for folder, folders, files, _ in os.fwalk(at(path))
    )


def _glob(pattern: str) -> Json:
    return names("", glob.glob(pattern, root_dir=ROOT))


def _glob_below(path: str, pattern: str) -> Json:
    return sorted(glob.glob(os.path.join(glob.escape(at(path)), "**", pattern), recursive=True))


def _glob_pathlib(path: str, pattern: str) -> Json:
    return sorted(str(found) for found in Path(at(path)).rglob(pattern))


OPERATIONS: dict[str, Callable[..., Json]] = {
    "access": _access,
    "by descriptor": _by_descriptor,
    "exists": _exists,
    "glob": _glob,
    "glob below": _glob_below,
    "linecache": _lines,
    "listdir": _list,
    "listdir in a fork": _list_forked,
    "listdir of a descriptor": _list_descriptor,
    "listdir of bytes": _list_bytes,
    "listdir, relative": _list_relative,
    "lstat": _lstat,
    "os.fwalk": _walk_descriptors,
    "os.walk": _walk,
    "pathlib": _pathlib,
    "pathlib iterdir": _list_pathlib,
    "pathlib rglob": _glob_pathlib,
    "read by another program": _read_elsewhere,
    "read by io": _read_io,
    "read by mmap": _read_mapped,
    "read by open": _read_open,
    "read by os": _read_os,
    "read by pathlib": _read_pathlib,
    "read in a fork": _read_forked,
    "read, copied": _read_copied,
    "read, relative": _read_relative,
    "scandir": _scan,
    "stat": _stat,
}
