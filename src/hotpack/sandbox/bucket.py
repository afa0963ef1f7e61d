"""A bucket on loopback that stands in for S3: ranged GETs of files on this disk."""

import hashlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from hotpack.sandbox.loopback import Handler, Server
from hotpack.sandbox.network import Link, Network, Pace

_CHUNK_BYTES = 256 * 1024
"""How much leaves between two looks at the clock: 3 ms of one connection."""

_KEPT_REQUESTS = 10_000
"""More than any cold start makes; `hotpack serve` may run for days."""

_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")
"""One range. Other headers count as none, as RFC 9110 allows and S3 does."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of the bucket, for tests and for counting GETs."""

    method: str
    key: str
    range: str | None
    status: int


Fault = Callable[[Handler, str, Path | None], bool]
"""Answers a request for a key in the bucket's place, as it should not; False leaves it to it."""


class Bucket(Server):
    """Serves files as the objects of one bucket, path-style: `URL/NAME/KEY`.

    Requests must carry an AWS signature, as a header or in the query; whether it is right is not
    looked at. Objects are read when they are asked for. One Bucket is the network of one
    execution environment. `fault` makes it misbehave while it is set.
    """

    def __init__(
        self,
        name: str,
        objects: Mapping[str, Path],
        *,
        network: Network | None = None,
        port: int = 0,
    ) -> None:
        self.name = name
        self.objects = dict(objects)
        self.link = Link(network or Network.unlimited())
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)
        self.fault: Fault | None = None
        super().__init__(partial(_BucketHandler, self), port)

    @property
    def requests(self) -> tuple[Request, ...]:
        """The last requests since the start or the last `new_environment`."""
        with self._lock:
            return tuple(self._requests)

    def new_environment(self) -> None:
        """Forget the requests, and give the network its whole burst again."""
        with self._lock:
            self._requests.clear()
        self.link.reset()

    def note(self, request: Request) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)


class _BucketHandler(Handler):
    def __init__(self, bucket: Bucket, *connection: Any) -> None:
        self._bucket = bucket
        self._pace = Pace()
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802 - http.server finds it by this name
        self._serve()

    def do_HEAD(self) -> None:  # noqa: N802
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
        self._bucket.link.wait_for_first_byte()
        path = self._bucket.objects.get(key)
        if self._bucket.fault is not None and self._bucket.fault(self, key, path):
            return
        if not _signed(self.headers.get("Authorization", ""), url.query):
            self._refuse(key, HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied")
        elif bucket != self._bucket.name:
            message = "The specified bucket does not exist"
            self._refuse(key, HTTPStatus.NOT_FOUND, "NoSuchBucket", message)
        elif path is None or not path.is_file():
            message = "The specified key does not exist."
            self._refuse(key, HTTPStatus.NOT_FOUND, "NoSuchKey", message)
        else:
            self._send_object(key, path)

    def _send_object(self, key: str, path: Path) -> None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            asked = _RANGE.fullmatch(self.headers.get("Range", ""))
            part = _part(asked, status.st_size) if asked else range(status.st_size)
            if asked and not part:
                message = "The requested range is not satisfiable"
                self._refuse(
                    key,
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    "InvalidRange",
                    message,
                    ("Content-Range", f"bytes */{status.st_size}"),
                )
                return
            self._send_head(key, status, part, ranged=asked is not None)
            if self.command == "GET":
                self._send_part(file.fileno(), part)

    def _send_head(self, key: str, status: os.stat_result, part: range, *, ranged: bool) -> None:
        code = HTTPStatus.PARTIAL_CONTENT if ranged else HTTPStatus.OK
        self._note(key, code)
        self.send_response(code)
        self.send_header("ETag", _etag(status))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", self.date_time_string(int(status.st_mtime)))
        self.send_header("Content-Type", "binary/octet-stream")
        self.send_header("Content-Length", str(len(part)))
        if ranged:
            place = f"bytes {part.start}-{part.stop - 1}/{status.st_size}"
            self.send_header("Content-Range", place)
        self.end_headers()

    def _send_part(self, file: int, part: range) -> None:
        """Send bytes of a file at the network's pace, without copying them through Python."""
        self.wfile.flush()
        link = self._bucket.link
        most = _CHUNK_BYTES if link.limited else len(part)
        offset = part.start
        while offset < part.stop:
            size_bytes = min(most, part.stop - offset)
            link.wait_to_send(self._pace, size_bytes)
            sent = 0
            while sent < size_bytes:
                now = os.sendfile(self.connection.fileno(), file, offset + sent, size_bytes - sent)
                if now == 0:  # the file became shorter: the client must not take it for whole
                    self.close_connection = True
                    return
                sent += now
            offset += sent

    def _refuse(
        self, key: str, status: HTTPStatus, code: str, message: str, *headers: tuple[str, str]
    ) -> None:
        self._note(key, status)
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{message}</Message>"
            f"<Key>{escape(key)}</Key></Error>"
        )
        self.answer(
            status,
            body.encode(),
            [("Content-Type", "application/xml"), *headers],
            with_body=self.command != "HEAD",
        )

    def _note(self, key: str, status: int) -> None:
        asked = self.headers.get("Range")
        self._bucket.note(Request(self.command, key, asked, int(status)))


def _signed(authorization: str, query: str) -> bool:
    return authorization.startswith("AWS4-HMAC-SHA256 ") or "X-Amz-Signature" in parse_qs(query)


def _part(asked: re.Match[str], size_bytes: int) -> range:
    """Return which bytes of an object are asked for: none where it has none of them."""
    first, last, suffix = asked.groups()
    if suffix:
        return range(max(0, size_bytes - int(suffix)), size_bytes)
    return range(int(first), min(size_bytes, int(last) + 1 if last else size_bytes))


def _etag(status: os.stat_result) -> str:
    """Return a name for this content of the file; S3's own is opaque too."""
    seen = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return f'"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'
