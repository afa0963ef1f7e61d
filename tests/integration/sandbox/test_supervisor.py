"""Reuse, expiry, concurrency, and leaving nothing behind."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotpack.errors import LimitError, SandboxError
from hotpack.sandbox import Function, Invocation, LocalLambda, Machine, PlainFolders, Settings
from hotpack.target import RUNTIMES, Architecture
from hotpack.target.limits import UNZIPPED_BYTES
from hotpack.target.runtimes import host_architecture, host_runtime

Answer = Callable[[Invocation], Any]
Eventually = Callable[[Callable[[], bool]], None]
Descendants = Callable[[int], set[int]]

COUNTS = """
calls = 0
def handler(event, context):
    global calls
    calls += 1
    return calls
"""
MEETS = """
import os, time
def handler(event, context):
    open(os.path.join(event, context.aws_request_id), "w").close()
    while len(os.listdir(event)) < 2: time.sleep(0.01)
    return context.log_stream_name
"""


def sandboxes(state_dir: Path) -> list[Path]:
    """Return the folders of sandboxes that stand."""
    return [path for path in (state_dir / "sandboxes").glob("*/*") if path.is_dir()]


def test_an_idle_sandbox_is_used_again(start: Any, answer: Answer) -> None:
    local = start(COUNTS)
    invocations = [local.invoke(b"{}") for _ in range(3)]
    assert [answer(each) for each in invocations] == [1, 2, 3]
    assert [each.start for each in invocations] == ["cold", "warm", "warm"]


def test_an_idle_sandbox_expires_and_is_gone(
    start: Any, answer: Answer, state_dir: Path, descendants: Descendants, eventually: Eventually
) -> None:
    local = start(COUNTS, settings=Settings(idle_life_s=0.05))
    local.invoke(b"{}")
    eventually(lambda: not sandboxes(state_dir))
    eventually(lambda: not descendants(os.getpid()))
    again = local.invoke(b"{}")
    assert (again.start, answer(again)) == ("cold", 1)


def test_two_invocations_at_once_have_a_sandbox_each(
    start_with: Any, this_machine: Machine, answer: Answer, tmp_path: Path
) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    plain = replace(this_machine, isolation=PlainFolders())
    local = start_with(plain, MEETS)  # both must see one folder, to meet in
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(local.invoke, [f'"{meeting}"'.encode()] * 2))
    assert [each.start for each in both] == ["cold", "cold"]
    assert answer(both[0]) != answer(both[1])
    assert local.invoke(f'"{meeting}"'.encode()).start == "warm"


def test_many_threads_get_what_they_asked_for(start: Any, answer: Answer) -> None:
    local = start("def handler(event, context): return event")
    with ThreadPoolExecutor(4) as threads:
        asked = list(range(40))
        got = list(threads.map(lambda n: answer(local.invoke(str(n).encode())), asked))
    assert got == asked


def test_a_sandbox_lives_on_when_the_thread_that_opened_it_ends(start: Any, answer: Answer) -> None:
    local = start(COUNTS)
    opener = threading.Thread(target=local.invoke, args=(b"{}",))
    opener.start()
    opener.join()
    again = local.invoke(b"{}")
    assert (again.start, answer(again)) == ("warm", 2)


def test_a_sandbox_that_was_killed_from_outside_is_replaced(
    start: Any, answer: Answer, descendants: Descendants, eventually: Eventually
) -> None:
    local = start(COUNTS)
    local.invoke(b"{}")
    killed = descendants(os.getpid())
    if not killed:
        pytest.skip("this machine has no /proc")
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    (idle,) = local._pool._idle
    eventually(lambda: not idle.sandbox.alive)
    again = local.invoke(b"{}")
    assert (again.start, answer(again)) == ("cold", 1)


def test_closing_leaves_no_process_file_or_sandbox_behind(
    start: Any, state_dir: Path, descendants: Descendants
) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.is_dir() else 0
    local = start(
        "import subprocess\ndef handler(event, context): subprocess.Popen(['sleep', '99'])"
    )
    local.invoke(b"{}")
    local.close()
    assert descendants(os.getpid()) == set()
    assert sandboxes(state_dir) == []
    if before:
        assert len(list(descriptors.iterdir())) == before


def test_an_idle_sandbox_may_be_kept_for_ever(start: Any, answer: Answer) -> None:
    local = start(COUNTS, settings=Settings(idle_life_s=math.inf))
    assert [answer(local.invoke(b"{}")) for _ in range(2)] == [1, 2]
    assert local._janitor.is_alive()


def test_a_sandbox_that_opens_and_then_is_busy_counts_once(start: Any) -> None:
    local = start(COUNTS, settings=Settings(idle_life_s=0.0))
    ended, most = threading.Event(), 0

    def look() -> None:
        nonlocal most
        while not ended.is_set():
            with local._changed:
                most = max(most, len(local._busy) + local._opening)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # or the lookers would seldom come between two steps
    try:
        for looker in lookers:
            looker.start()
        for _ in range(20):
            local.invoke(b"{}")
    finally:
        sys.setswitchinterval(interval_s)
        ended.set()
        for looker in lookers:
            looker.join()
    assert most == 1


MANY = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from hotpack.errors import SandboxError
from hotpack.sandbox import Function, LocalLambda
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture, host_runtime

code, client, state, soft, hard = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
function = Function("app.handler", RUNTIMES[host_runtime()], host_architecture(), Path(code))
def invoke(_):
    try:
        return local.invoke(b"{}").payload.decode()
    except SandboxError as error:
        return f"{error} {error.hint}"
with LocalLambda(
    function, interpreter=Path(sys.executable), runtime_client=Path(client), state_dir=Path(state)
) as local, ThreadPoolExecutor(12) as threads:
    print(*threads.map(invoke, range(12)), sep="\\n")
"""


@pytest.fixture
def opened_at_once(
    function: Callable[..., Function], runtime_client: Path, state_dir: Path
) -> Callable[[int, int], list[str]]:
    """Opens twelve sandboxes at once, with these limits of open files; returns their answers."""

    def open_them(soft: int, hard: int) -> list[str]:
        source = "import resource, time\ndef handler(event, context):\n time.sleep(1)\n"
        code = function(source + " return resource.getrlimit(resource.RLIMIT_NOFILE)").code
        arguments = [code, runtime_client, state_dir, soft, hard]
        done = subprocess.run(
            [sys.executable, "-c", MANY, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    return open_them


def test_the_usual_limit_of_open_files_is_raised_and_not_the_functions(
    opened_at_once: Callable[[int, int], list[str]],
) -> None:
    assert opened_at_once(40, 4096) == ["[1024, 1024]"] * 12


def test_no_more_open_files_is_an_error_with_a_hint(
    opened_at_once: Callable[[int, int], list[str]],
) -> None:
    answers = set(opened_at_once(40, 40))
    assert "[40, 40]" in answers
    for refused in answers - {"[40, 40]"}:
        assert "Too many open files" in refused
        assert "ulimit -n" in refused
    assert len(answers) > 1


def test_closing_ends_a_running_invocation(start: Any, eventually: Eventually) -> None:
    heard: list[str] = []
    local = start(
        "import time\ndef handler(event, context):\n print('here', flush=True)\n time.sleep(60)",
        on_log=heard.append,
    )
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(local.invoke, b"{}")
        eventually(lambda: "here" in heard)
        local.close()
        assert running.result().error_type == "Runtime.ExitError"
    with pytest.raises(SandboxError, match="closed"):
        local.invoke(b"{}")


@pytest.mark.parametrize("idle_life_s", [300.0, 0.0])
def test_closing_ends_a_running_init(
    start: Any, eventually: Eventually, descendants: Descendants, idle_life_s: float
) -> None:
    heard: list[str] = []
    local = start(
        "import time\nprint('here', flush=True)\ntime.sleep(60)\ndef handler(event, context): ...",
        on_log=heard.append,
        settings=Settings(idle_life_s=idle_life_s),
    )
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(local.invoke, b"{}")
        eventually(lambda: "here" in heard)
        local.close()
        with pytest.raises(SandboxError, match="ended from outside|closed"):
            running.result()
    assert descendants(os.getpid()) == set()


SCRIPT = """
import sys
from pathlib import Path
from hotpack.sandbox import Function, LocalLambda
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture, host_runtime

code, client, state = map(Path, sys.argv[1:])
function = Function("app.handler", RUNTIMES[host_runtime()], host_architecture(), code)
with LocalLambda(
    function, interpreter=Path(sys.executable), runtime_client=client, state_dir=state,
    on_log=lambda line: print(line, flush=True),
) as local:
    local.invoke(b"{}")
"""


@pytest.fixture
def running(function: Callable[..., Function], runtime_client: Path, state_dir: Path) -> Any:
    """A program of its own that waits for a function that does not return."""
    source = "import time\ndef handler(event, context):\n print('here')\n time.sleep(100)"
    arguments = [function(source).code, runtime_client, state_dir]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if line == "here\n":
                break
        yield program
        program.kill()


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_ctrl_c_leaves_nothing_behind(
    running: subprocess.Popen[str], descendants: Descendants, state_dir: Path
) -> None:
    started = descendants(running.pid)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert alive(started) == set()
    assert sandboxes(state_dir) == []


def test_a_killed_supervisor_takes_its_sandboxes_with_it(
    running: subprocess.Popen[str],
    descendants: Descendants,
    eventually: Eventually,
    start: Any,
    this_machine: Machine,
    state_dir: Path,
) -> None:
    started = descendants(running.pid)
    (own,) = sandboxes(state_dir)
    groups = this_machine.groups.folders(f"hotpack-{own.parent.name}-{own.name}").values()
    assert all(group.is_dir() for group in groups)
    running.kill()
    running.wait()
    eventually(lambda: not alive(started))
    # Its folder and its control groups go when the next supervisor begins.
    assert sandboxes(state_dir) == [own]
    start(COUNTS)
    assert sandboxes(state_dir) == []
    assert not any(group.exists() for group in groups)


FREEZES = """
import os, signal, sys
from pathlib import Path
from hotpack.sandbox import Function, LocalLambda
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture, host_runtime

code, client, state = map(Path, sys.argv[1:])
function = Function("app.handler", RUNTIMES[host_runtime()], host_architecture(), code)
local = LocalLambda(
    function, interpreter=Path(sys.executable), runtime_client=client, state_dir=state
)
local.invoke(b"{}")
print("frozen", flush=True)
signal.pause()
"""


def test_frozen_sandboxes_end_with_a_killed_supervisor_too(
    function: Callable[..., Function],
    runtime_client: Path,
    state_dir: Path,
    descendants: Descendants,
    eventually: Eventually,
    start: Any,
) -> None:
    code = function("def handler(event, context): return 1").code
    arguments = [sys.executable, "-c", FREEZES, *map(str, (code, runtime_client, state_dir))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "frozen\n"
        started = descendants(program.pid)
        program.kill()
    eventually(lambda: not alive(started))
    start(COUNTS)  # sweeps what it left
    assert sandboxes(state_dir) == []


def test_a_function_of_zips_runs_with_its_layers(
    start: Any, answer: Answer, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as archive:
        archive.writestr(
            "app.py", "import mine, theirs\ndef handler(e, c): return mine.X + theirs.X"
        )
    with zipfile.ZipFile(tmp_path / "layer-1.zip", "w") as archive:
        archive.writestr("python/mine.py", "X = 'layer '")
    with zipfile.ZipFile(tmp_path / "layer-2.zip", "w") as archive:
        folder = f"python/lib/{host_runtime()}/site-packages"
        archive.writestr(f"{folder}/theirs.py", "X = 'site-packages'")
    local = start(
        "",
        code=tmp_path / "function.zip",
        layers=(tmp_path / "layer-1.zip", tmp_path / "layer-2.zip"),
    )
    assert answer(local.invoke(b"{}")) == "layer site-packages"


SPOILS = """
def handler(event, context):
    try:
        with open(__file__, "a") as file: file.write("VALUE = 'spoiled'")
    except OSError: pass
    return VALUE
VALUE = "good"
"""


def test_what_a_function_writes_into_its_package_is_in_no_other_sandbox(
    start: Any, answer: Answer, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as archive:
        archive.writestr("app.py", SPOILS)
    code, settings = tmp_path / "function.zip", Settings(idle_life_s=0.0)
    for local in (start("", code=code, settings=settings), start("", code=code)):
        assert [answer(local.invoke(b"{}")) for _ in range(2)] == ["good", "good"]


def test_a_package_over_the_limit_does_not_start_unless_it_may(start: Any, tmp_path: Path) -> None:
    source = "def handler(event, context): return 1"
    (tmp_path / "code").mkdir()
    with (tmp_path / "code" / "weights").open("wb") as file:
        file.truncate(UNZIPPED_BYTES)
    with pytest.raises(LimitError, match="262144000"):
        start(source)
    local = start(source, settings=Settings(enforce_package_size=False))
    assert local.invoke(b"{}").payload == b"1"


def test_what_this_machine_cannot_run_is_refused(
    function: Callable[..., Function], runtime_client: Path, state_dir: Path, tmp_path: Path
) -> None:
    def start(made: Function, client: Path = runtime_client) -> None:
        LocalLambda(
            made, interpreter=Path(sys.executable), runtime_client=client, state_dir=state_dir
        )

    other: Architecture = "arm64" if host_architecture() == "x86_64" else "x86_64"
    with pytest.raises(SandboxError, match=other):
        start(function("", architecture=other))
    version = next(name for name in RUNTIMES if name != host_runtime())
    with pytest.raises(SandboxError, match=version):
        start(function("", runtime=RUNTIMES[version]))
    with pytest.raises(SandboxError, match="awslambdaric"):
        start(function(""), client=tmp_path)
