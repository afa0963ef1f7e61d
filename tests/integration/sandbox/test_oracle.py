"""The same functions under AWS's own Runtime Interface Emulator, and what must be the same.

The emulator is an oracle for bodies, error types and what the runtime client logs. It is none for
durations, init and concurrency, and it differs from what AWS documents of the Invoke API: there,
AWS's pages win, and `AWS_SAYS` says how.
"""

import http.client
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uv

from hotpack.sandbox import InvokeApi, LocalLambda, Machine, PlainFolders, logs
from hotpack.target.runtimes import host_architecture

SAM_CLI = "aws-sam-cli==1.170.0"
"""Its wheel carries the emulator; nothing else of it is installed."""

PATH = "/2015-03-31/functions/function/invocations"
TIMEOUT_S = 1


@dataclass(frozen=True)
class Told:
    """What a client and the log were told of one invocation."""

    status: int
    body: Any
    """Decoded, without the request id; as it is where it is no JSON."""

    function_error: str | None
    lines: tuple[str, ...]
    """What the function and the runtime client wrote."""


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real emulator, a static binary for Linux."""
    if sys.platform != "linux" or host_architecture() is None:
        pytest.skip(f"AWS's emulator does not run on {platform.platform()}")
    folder = tmp_path_factory.mktemp("sam")
    options = ["--quiet", "--python", sys.executable, "--target", str(folder), "--no-deps"]
    subprocess.run([uv.find_uv_bin(), "pip", "install", *options, SAM_CLI], check=True)
    return folder / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{host_architecture()}"


_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d{13}\b")

Ask = Callable[[bytes], Told]


@contextmanager
def emulated(emulator: Path, client: Path, code: Path, output: Path) -> Iterator[Ask]:
    """Yield the function under the emulator, one invocation at a time."""
    runtime, front = _free_port(), _free_port()
    command = [
        *(str(emulator), "--log-level", "fatal"),
        *("--runtime-api-address", f"127.0.0.1:{runtime}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
        *(sys.executable, "-B", "-m", "awslambdaric", "app.handler"),
    ]
    environment = {
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(TIMEOUT_S),
        "LAMBDA_TASK_ROOT": str(code),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(client),
        "_HANDLER": "app.handler",
    }
    with (
        output.open("wb") as log,
        subprocess.Popen(
            command,
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        seen = 0

        def ask(payload: bytes) -> Told:
            nonlocal seen
            answer = _post(f"127.0.0.1:{front}", "function", payload)
            text = output.read_bytes()
            new, seen = text[seen:], len(text)
            return replace(answer, lines=_written(new.decode().replace("\r", "\n").splitlines()))

        try:
            _wait_for(front)
            yield ask
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return


def _post(address: str, name: str, payload: bytes) -> Told:
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("POST", PATH.replace("function/", f"{name}/"), payload)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    error = answer.getheader("X-Amz-Function-Error")
    return Told(answer.status, _without_id(body), error, ())


def _without_id(body: bytes) -> Any:
    text = _IDS.sub("ID", body.decode())
    try:
        return json.loads(text)
    except ValueError:
        return text


def _written(lines: list[str]) -> tuple[str, ...]:
    """Return what is no line of the platform's, without ids and times.

    Where the runtime client itself crashes, it has frames of how it was started, indented by
    spaces; those of handlers are indented by no-break spaces.
    """
    own = [line for line in lines if logs.parse(line) is None and "(rapid)" not in line]
    told = [line for line in own if line.strip() and not line.startswith("  ")]
    return tuple(_TIMES.sub("TIME", _IDS.sub("ID", line)) for line in told)


@contextmanager
def ours(local: LocalLambda) -> Iterator[Ask]:
    """Yield the function behind our Invoke API, with the log that came of it."""
    heard: list[str] = []
    local._on_log = heard.append
    with InvokeApi({"function": local}) as api:

        def ask(payload: bytes) -> Told:
            heard.clear()
            answer = _post(api.address, "function", payload)
            events = [event for event in heard if logs.parse(event) is None]
            return replace(answer, lines=_written("\n".join(events).splitlines()))

        yield ask


SOURCE = """
import logging, os, sys, time
def handler(event, context):
    print("running", event if len(str(event)) < 99 else "...")
    sys.stderr.write("err\\n")
    match event:
        case "raise": raise ValueError("nö")
        case "chain":
            try: {}["key"]
            except KeyError as error: raise RuntimeError("wrapped") from error
        case "log": logging.warning("careful\\nof lines")
        case "exit": os._exit(3)
        case "sysexit": sys.exit(4)
        case "zero": os._exit(0)
        case "kill": os.kill(os.getpid(), 9)
        case "set": return {1}
        case "big": return "x" * (6 * 1024 * 1024 + 200)
        case "hang": time.sleep(60)
    return event
"""

EVENTS: dict[str, bytes] = {
    "an object": b'{"a": [1, null, true], "b": 1.5}',
    "nothing": b"null",
    "unicode": '"ü → 🎉"'.encode(),
    "4 MB": json.dumps("y" * 4 * 1024 * 1024).encode(),
    "raises": b'"raise"',
    "raises from another": b'"chain"',
    "logs": b'"log"',
    "is not JSON serializable": b'"set"',
    "exits at once": b'"exit"',
    "exits": b'"sysexit"',
    "ends without an error": b'"zero"',
    "is killed": b'"kill"',
    "answers too much": b'"big"',
    "does not answer": b'"hang"',
}

AWS_SAYS: dict[str, Callable[[Told], Told]] = {
    # Invoke, "The status code in the API response doesn't reflect function errors"; and
    # FunctionError: "If present, indicates that an error occurred during function execution".
    "status": lambda told: replace(
        told,
        status=200,
        function_error="Unhandled" if _is_error(told.body) else None,
    ),
    # Seen on AWS; the emulator answers the sentence alone, as plain text.
    "does not answer": lambda told: replace(
        told,
        body={
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: ID Error: {told.body}",
        },
    ),
    # Seen on AWS: with the size.
    "answers too much": lambda told: replace(
        told,
        body={
            **told.body,
            "errorMessage": told.body["errorMessage"].replace(
                "size exceeded", "size (6291658 bytes) exceeded"
            ),
        },
    ),
}


def _is_error(body: Any) -> bool:
    return isinstance(body, dict) and "errorType" in body


def as_aws(told: Told, name: str) -> Told:
    """Return what AWS would have said where the emulator says something else."""
    mended = AWS_SAYS[name](told) if name in AWS_SAYS else told
    return AWS_SAYS["status"](mended)


@pytest.fixture
def plain(this_machine: Machine) -> Machine:
    """Both must run the code in the same folder: its path is in every traceback."""
    return replace(this_machine, isolation=PlainFolders())


def test_handlers_end_as_under_awss_own_emulator(
    emulator: Path, runtime_client: Path, start_with: Any, plain: Machine, tmp_path: Path
) -> None:
    """Returning, raising, exiting, timing out, unpicklable, unicode, large: all as there."""
    local = start_with(plain, SOURCE, timeout_s=TIMEOUT_S)
    with (
        emulated(emulator, runtime_client, tmp_path / "code", tmp_path / "log") as oracle,
        ours(local) as ask,
    ):
        for name, event in EVENTS.items():
            got, expected = ask(event), as_aws(oracle(event), name)
            assert (name, got.lines) == (name, expected.lines)
            assert (name, got) == (name, expected)


@pytest.mark.parametrize(
    "source",
    [
        "import nothing_of_this_name",
        "def handler(:",
        "other = 1",
        "raise ValueError('at import')",
    ],
)
def test_modules_fail_as_under_awss_own_emulator(
    emulator: Path,
    runtime_client: Path,
    start_with: Any,
    plain: Machine,
    tmp_path: Path,
    source: str,
) -> None:
    """What cannot be loaded has the oracle's body; its log has each attempt of an init once."""
    local = start_with(plain, source, timeout_s=9)
    with (
        emulated(emulator, runtime_client, tmp_path / "code", tmp_path / "log") as oracle,
        ours(local) as ask,
    ):
        expected, got = as_aws(oracle(b"{}"), source), ask(b"{}")
    # AWS, lifecycle: a failed init phase is tried again in the invocation. The emulator knows
    # one init, so the runtime client's lines are there once.
    assert got.lines == expected.lines * 2
    assert replace(got, lines=()) == replace(expected, lines=())


@pytest.mark.parametrize("source", ["import os\nos._exit(5)", "import sys\nsys.exit(5)"])
def test_a_module_that_exits_has_an_answer_where_the_emulator_has_none(
    emulator: Path,
    runtime_client: Path,
    start_with: Any,
    plain: Machine,
    tmp_path: Path,
    source: str,
) -> None:
    """The emulator says nothing; ours says what it says of a handler that exits."""
    local = start_with(plain, source)
    with (
        emulated(emulator, runtime_client, tmp_path / "code", tmp_path / "log") as oracle,
        ours(local) as ask,
    ):
        nothing, got = oracle(b"{}"), ask(b"{}")
    assert (nothing.body, nothing.lines) == ("", ())
    message = "RequestId: ID Error: Runtime exited with error: exit status 5"
    error = {"errorType": "Runtime.ExitError", "errorMessage": message}
    assert got == Told(200, error, "Unhandled", ())
