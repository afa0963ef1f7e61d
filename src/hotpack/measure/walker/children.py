"""What is done in a child process, which it may end or hold up."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator

from .place import CHUNK, Json, at, failure, normal

TOO_LONG = "took too long"
ENDED = "ended the process"

LIMIT_S = 30.0
"""For one module: some wait for a network that is not there."""


def forked(work: Callable[[], Json]) -> Json:
    """Return what the work comes to in a child process, or that it ended the process."""
    for line in child(lambda: iter([tried(work)])):
        return {"error": TOO_LONG} if line is None else line
    return {"error": ENDED}


def inside(path: str, work: Callable[[], Json]) -> Json:
    os.chdir(at(path))
    return work()


def tried(work: Callable[[], Json]) -> Json:
    try:
        return work()
    except BaseException as error:  # noqa: BLE001 - SystemExit is an answer too
        return failure(error)


def child(work: Callable[[], Iterator[Json]]) -> Iterator[Json]:
    """Yield each result of the work, done in a child process; None if one takes too long."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(nothing, descriptor)
            for result in work():
                line = json.dumps(normal(result)).encode() + b"\n"
                while line:
                    line = line[os.write(write, line) :]
        finally:
            os._exit(0)
    os.close(write)
    try:
        yield from _lines_of(read)
    finally:
        os.close(read)
        for kill in (os.killpg, os.kill):  # what it has started, and itself if it is no leader yet
            with contextlib.suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _lines_of(read: int) -> Iterator[Json]:
    rest, end = b"", time.monotonic() + LIMIT_S
    while True:
        if not select.select([read], [], [], max(0.0, end - time.monotonic()))[0]:
            yield None
            return
        part = os.read(read, CHUNK)
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield json.loads(line)
            end = time.monotonic() + LIMIT_S
        if not part:
            return
