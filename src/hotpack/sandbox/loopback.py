"""HTTP servers on loopback: what the Runtime API, the Invoke API and the bucket have in common."""

import contextlib
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from typing import Any

from hotpack.errors import SandboxError
from hotpack.sandbox.closing import Closing

HOST = "127.0.0.1"
_CHUNK_BYTES = 256 * 1024
_CLOSE_S = 5.0
"""How long all connections together may take to end, before and after they are cut off."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_BODILESS = (204, 304)
"""Statuses after which a client takes what follows for the next answer."""


class Handler(BaseHTTPRequestHandler):
    """One connection. Answers leave in one segment, or with Nagle off in several.

    Headers and body in two segments with Nagle on cost 44 ms an invocation: the client delays
    its acknowledgement, and the kernel waits for it.
    """

    protocol_version = "HTTP/1.1"
    server_version = "hotpack"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        *,
        with_body: bool = True,
    ) -> None:
        """Send a whole answer; to HEAD without its body."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in _BODILESS:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and status not in _BODILESS:
            self.wfile.write(body)

    def content_length(self) -> int:
        """Return how many bytes the request carries."""
        return int(self.headers.get("Content-Length", "0"))

    def read_body(self, limit_bytes: int) -> bytes | None:
        """Return the request's body; None, with the body read away, if it passes the limit."""
        length = self.content_length()
        if length <= limit_bytes:
            return self.rfile.read(length)
        while length > 0:
            chunk = self.rfile.read(min(length, _CHUNK_BYTES))
            if not chunk:
                break
            length -= len(chunk)
        return None

    def parse_request(self) -> bool:
        """Refuse bodies of unknown length: taken for none, they would be read as requests."""
        if not super().parse_request():
            return False
        if "Transfer-Encoding" in self.headers:
            return self._turn_away(411)
        if not _LENGTH.fullmatch(self.headers.get("Content-Length", "0")):
            return self._turn_away(400)
        return True

    def _turn_away(self, status: int) -> bool:
        self.close_connection = True
        self.answer(status)
        self._read_away()
        return False

    def _read_away(self) -> None:
        """Read what the client still sends: closed before, it might lose the answer to a reset."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read1(_CHUNK_BYTES):
            pass

    def handle_expect_100(self) -> bool:
        """Say "go on" at once: buffered, it would keep curl waiting for a second."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def handle(self) -> None:
        """Serve the connection until it ends; a client that goes away is nothing to report."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection's files; what cannot be sent any more is let go."""
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent: requests are not what the user asked about."""


class Server(Closing):
    """An HTTP server on a free port of 127.0.0.1, a thread a connection, closed without a trace."""

    def __init__(self, handler: Callable[..., Handler], port: int = 0) -> None:
        try:
            self._tcp = _Tcp((HOST, port), handler)
        except (OSError, OverflowError) as error:
            if not port:
                raise
            raise SandboxError(
                f"nothing can be served on port {port}: {error}",
                hint="choose another one, or 0 for one that is free",
            ) from error
        self._closing = False
        self._stopping = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="hotpack-http", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{HOST}:{self._tcp.server_address[1]}"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{self.address}"

    def stop(self) -> None:
        """Accept nobody any more; who is connected is served on. May be called again.

        Whoever comes second waits as well: what was accepted is known only after the loop.
        """
        with self._stopping:
            if self._closing:
                return
            self._closing = True
            self._tcp.wake()
            self._thread.join()
            self._tcp.server_close()

    def close(self) -> None:
        """Stop, end all connections, and wait for their threads. May be called again.

        What is being answered is answered first, if that is soon.
        """
        self.stop()
        self._tcp.end_connections()

    def _serve(self) -> None:
        while not self._closing:
            self._tcp.handle_request()


class _Tcp(socketserver.TCPServer):
    # Not http.server.HTTPServer: it asks for the host's full name, which can take seconds.
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Callable[..., Handler]) -> None:
        super().__init__(address, handler)
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}

    def wake(self) -> None:
        """Let the loop look up at once; `shutdown` of the standard library waits for a poll."""
        if sys.platform == "linux":
            # Takes no open file, of which there may be no more.
            self.socket.shutdown(socket.SHUT_RDWR)
        else:
            socket.create_connection((HOST, self.server_address[1])).close()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._run, args=(request, client_address), name="hotpack-conn", daemon=True
        )
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def end_connections(self) -> None:
        until_s = time.monotonic() + _CLOSE_S
        # First what clients say, then what they are told: answers on their way get there.
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._lock:
                open_connections = list(self._connections.items())
            for _, connection in open_connections:
                with contextlib.suppress(OSError):  # the client was first
                    connection.shutdown(how)
            for thread, _ in open_connections:
                thread.join(max(0.0, until_s - time.monotonic()))
            until_s = time.monotonic() + _CLOSE_S

    def _run(self, request: socket.socket, client_address: object) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001
            self.handle_error(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(threading.current_thread(), None)
            self.shutdown_request(request)
