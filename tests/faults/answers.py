"""Ways in which S3 may answer as it should not: what a bucket does in its place."""

import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from hotpack.sandbox.bucket import Fault as Answer
from hotpack.sandbox.loopback import Handler

from .matrix import Inject
from .stage import Stage

_LONG_S: Final = 60.0
"""Longer than any function here may run."""

Behaviour = Callable[[threading.Event], Answer]
"""Makes an answer; the event says that the fault is gone."""


def bucket_does(behaviour: Behaviour, times: int | None = None) -> Inject:
    """Return what makes the bucket misbehave: always, or with its first so many requests."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        if stage.bucket is None:
            raise AssertionError("the function has no packs on S3")
        gone = threading.Event()
        answer, left = behaviour(gone), threading.Semaphore(times or 0)

        def misbehave(handler: Handler, key: str, path: Path | None) -> bool:
            if times is not None and not left.acquire(blocking=False):
                return False
            return answer(handler, key, path)

        stage.bucket.fault = misbehave
        try:
            yield
        finally:
            stage.bucket.fault = None
            gone.set()

    return inject


def _asked(handler: Handler, path: Path | None) -> tuple[int, bytes, int]:
    """Return where what is asked for begins, what it is, and how long the object is."""
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers["Range"])
    if found is None or path is None:
        raise AssertionError("a range of a pack was to be asked for")
    start, stop = int(found[1]), int(found[2]) + 1
    with path.open("rb") as file:
        file.seek(start)
        return start, file.read(stop - start), path.stat().st_size


def _head(handler: Handler, length: int, start: int, size: int, total: int) -> None:
    handler.send_response(206)
    handler.send_header("Content-Length", str(length))
    handler.send_header("Content-Range", f"bytes {start}-{start + size - 1}/{total}")
    handler.end_headers()
    handler.wfile.flush()


def _close(handler: Handler, *, reset: bool) -> None:
    handler.wfile.flush()
    handler.close_connection = True
    if reset:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(handler.connection.detach())


def breaks(_: threading.Event, *, reset: bool) -> Answer:
    """End the connection in the middle of the body: with a reset, or in peace."""

    def answer(handler: Handler, _: str, path: Path | None) -> bool:
        start, content, total = _asked(handler, path)
        _head(handler, len(content), start, len(content), total)
        handler.wfile.write(content[: len(content) // 2])
        _close(handler, reset=reset)
        return True

    return answer


def stalls(gone: threading.Event, *, in_body: bool = True) -> Answer:
    """Send nothing any more, from the middle of the body on or from the beginning."""

    def answer(handler: Handler, _: str, path: Path | None) -> bool:
        start, content, total = _asked(handler, path)
        if in_body:
            _head(handler, len(content), start, len(content), total)
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
        gone.wait(_LONG_S)
        handler.close_connection = True
        return True

    return answer


def trickles(gone: threading.Event, *, bytes_per_s: int) -> Answer:
    """Send at a rate."""

    def answer(handler: Handler, _: str, path: Path | None) -> bool:
        start, content, total = _asked(handler, path)
        _head(handler, len(content), start, len(content), total)
        each, place = bytes_per_s // 20, 0
        while place < len(content) and not gone.is_set():
            handler.wfile.write(content[place : place + each])
            handler.wfile.flush()
            place += each
            time.sleep(1 / 20)
        handler.close_connection = True
        return True

    return answer


def sends(
    _: threading.Event,
    *,
    content: Callable[[bytes], bytes] = lambda content: content,
    shift: int = 0,
    behind: bytes = b"",
) -> Answer:
    """Send something else: changed content, the header of another range, more behind the answer."""

    def answer(handler: Handler, _: str, path: Path | None) -> bool:
        start, asked, total = _asked(handler, path)
        body = content(asked)
        _head(handler, len(body), start + shift, len(asked), total)
        handler.wfile.write(body + behind)
        handler.wfile.flush()
        return True

    return answer


def refuses(_: threading.Event, *, status: int, code: str = "", **headers: str) -> Answer:
    """Answer with an error of S3's."""

    def answer(handler: Handler, _: str, __: Path | None) -> bool:
        body = (
            f"<Error><Code>{code}</Code><Message>In S3's words.</Message></Error>" if code else ""
        )
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        handler.answer(status, body.encode(), named)
        return True

    return answer


def talks(gone: threading.Event, *, line: bytes, endless: bool = False) -> Answer:
    """Speak no HTTP; or never stop."""

    def answer(handler: Handler, _: str, __: Path | None) -> bool:
        handler.wfile.write(line)
        while endless and not gone.is_set():
            handler.wfile.write(b"x" * 65536)
        _close(handler, reset=False)
        return True

    return answer


def wants_key(_: threading.Event, *, key: str, code: str) -> Answer:
    """Take the credentials of one access key alone."""
    refuse = refuses(threading.Event(), status=403, code=code)

    def answer(handler: Handler, name: str, path: Path | None) -> bool:
        if f"Credential={key}/" in handler.headers["Authorization"]:
            return False
        return refuse(handler, name, path)

    return answer


def is_a_day_ahead(_: threading.Event) -> Answer:
    """Refuse, as S3 does, what is dated more than 15 minutes from its own time."""

    def answer(handler: Handler, _: str, __: Path | None) -> bool:
        now = datetime.now(UTC) + timedelta(days=1)
        sent = datetime.strptime(handler.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        if abs(sent - now) < timedelta(minutes=15):
            return False
        body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>Too skewed.</Message></Error>"
        handler.send_response_only(403)
        handler.send_header("Date", format_datetime(now, usegmt=True))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return answer
