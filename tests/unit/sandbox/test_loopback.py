"""The HTTP server behind the Runtime API, the Invoke API and the bucket."""

import os
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotpack.sandbox.loopback import Handler, Server


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can: what is between two steps is seen."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("restless")
def test_two_may_close_a_server_at_once_while_clients_come() -> None:
    before = threading.active_count()
    for _ in range(100):
        server = Server(Handler)
        host, port = server.address.split(":")
        with (
            ThreadPoolExecutor(2) as closers,
            socket.create_connection((host, int(port))),
            socket.create_connection((host, int(port))),
        ):
            list(closers.map(lambda each: each.close(), [server] * 2))
    assert threading.active_count() == before


@pytest.fixture
def no_file_can_be_opened() -> Iterator[None]:
    """This process has as many open files as it may."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first + 1, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    os.close(first)


def test_a_server_is_closed_also_where_no_file_can_be_opened(
    request: pytest.FixtureRequest,
) -> None:
    if sys.platform != "linux":
        pytest.skip(f"on {sys.platform} it takes a connection to wake its loop")
    before = threading.active_count()
    server = Server(Handler)
    request.getfixturevalue("no_file_can_be_opened")
    with pytest.raises(OSError, match="Too many open files"):
        os.open(os.devnull, os.O_RDONLY)
    server.close()
    assert threading.active_count() == before
