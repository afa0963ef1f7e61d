import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import uv

from hotpack.sandbox import (
    ControlGroups,
    Function,
    Invocation,
    LocalLambda,
    Machine,
    PlainFolders,
    Settings,
    probe,
)
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture, host_runtime

INTERPRETER = Path(sys.executable)


class Start(Protocol):
    """Starts a local Lambda of a module's source, closed at the end of the test."""

    def __call__(self, source: str, **changes: Any) -> LocalLambda: ...


@pytest.fixture(scope="session")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real awslambdaric from PyPI."""
    folder = tmp_path_factory.mktemp("runtime-client")
    folder.chmod(0o755)  # where root runs the tests, the function's user is another
    options = ["--quiet", "--python", sys.executable, "--target", str(folder)]
    subprocess.run(
        [uv.find_uv_bin(), "pip", "install", *options, "--only-binary", ":all:", "awslambdaric"],
        check=True,
    )
    return folder


@pytest.fixture(scope="session")
def this_machine() -> Machine:
    return probe()


@pytest.fixture(params=["isolated", "plain folders"])
def machine(request: pytest.FixtureRequest, this_machine: Machine) -> Machine:
    """Each way to keep sandboxes apart, for what must be the same in all."""
    if request.param == "plain folders":
        return replace(this_machine, isolation=PlainFolders("the test asked for it"))
    return isolated_or_skip(this_machine)


@pytest.fixture
def isolated(this_machine: Machine) -> Machine:
    """An isolation that holds /tmp and the rest, for what only that can do."""
    return isolated_or_skip(this_machine)


@pytest.fixture(params=["control groups", "watched", "watched, plain folders"])
def held(request: pytest.FixtureRequest, this_machine: Machine) -> Machine:
    """Each way to hold a sandbox to memory and CPU share that this machine has."""
    if not this_machine.is_linux:
        pytest.skip(f"{this_machine.system} has no way to hold memory and CPU share")
    if request.param == "watched":
        return replace(isolated_or_skip(this_machine), groups=ControlGroups())
    if request.param == "watched, plain folders":
        return replace(this_machine, isolation=PlainFolders(), groups=ControlGroups())
    if this_machine.groups.reason is not None:
        pytest.skip(this_machine.groups.reason)
    return isolated_or_skip(this_machine)


def isolated_or_skip(machine: Machine) -> Machine:
    if not machine.isolation.isolated:
        pytest.skip(f"no isolation on this machine: {machine.isolation.reason}")
    return machine


@pytest.fixture
def function(tmp_path: Path) -> Callable[..., Function]:
    """Makes a function whose only module, `app`, has the given source."""

    def make(source: str, **changes: Any) -> Function:
        code = tmp_path / "code"
        code.mkdir(exist_ok=True)
        (code / "app.py").write_text(source)
        given: dict[str, Any] = {
            "handler": "app.handler",
            "runtime": RUNTIMES[host_runtime()],
            "architecture": host_architecture(),
            "code": code,
            "timeout_s": 20,
        }
        return Function(**{**given, **changes})

    return make


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def start_with(
    function: Callable[..., Function], runtime_client: Path, state_dir: Path
) -> Iterator[Callable[..., LocalLambda]]:
    """Starts a local Lambda on a given machine."""
    with ExitStack() as stack:

        def start(
            machine: Machine,
            source: str,
            *,
            settings: Settings | None = None,
            on_log: Callable[[str], None] | None = None,
            **changes: Any,
        ) -> LocalLambda:
            return stack.enter_context(
                LocalLambda(
                    function(source, **changes),
                    interpreter=INTERPRETER,
                    runtime_client=runtime_client,
                    state_dir=state_dir,
                    settings=settings,
                    machine=machine,
                    on_log=on_log,
                )
            )

        yield start


@pytest.fixture
def start(start_with: Callable[..., LocalLambda], machine: Machine) -> Start:
    """Starts a local Lambda, in each isolation once."""

    def start(source: str, **changes: Any) -> LocalLambda:
        return start_with(machine, source, **changes)

    return start


@pytest.fixture
def start_isolated(start_with: Callable[..., LocalLambda], isolated: Machine) -> Start:
    """Starts a local Lambda in a real isolation."""

    def start(source: str, **changes: Any) -> LocalLambda:
        return start_with(isolated, source, **changes)

    return start


@pytest.fixture
def start_held(start_with: Callable[..., LocalLambda], held: Machine) -> Start:
    """Starts a local Lambda, once in each way to hold it to memory and CPU share."""

    def start(source: str, **changes: Any) -> LocalLambda:
        return start_with(held, source, **changes)

    return start


@pytest.fixture
def answer() -> Callable[[Invocation], Any]:
    """What an invocation answered, decoded."""

    def decode(invocation: Invocation) -> Any:
        return json.loads(invocation.payload)

    return decode


@pytest.fixture
def descendants() -> Callable[[int], set[int]]:
    """Finds the processes below one that a test has started; none where there is no /proc."""
    before = _below(os.getpid())  # servers of other tests
    return lambda pid: _below(pid) - before


def _below(pid: int) -> set[int]:
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for listing in Path("/proc").glob(f"{waiting.pop()}/task/*/children"):
            try:
                children = {int(child) for child in listing.read_text().split()}
            except OSError:
                continue
            waiting += children - found
            found |= children
    return found


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for what has to become true soon."""

    def wait(condition: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    return wait


@pytest.fixture
def pause() -> Callable[[float], None]:
    """Lets time pass in which nothing is to happen."""
    return time.sleep


@pytest.fixture(autouse=True)
def no_thread_is_left(
    eventually: Callable[[Callable[[], bool]], None],
) -> Iterator[None]:
    before = threading.active_count()
    yield
    eventually(lambda: threading.active_count() <= before)
