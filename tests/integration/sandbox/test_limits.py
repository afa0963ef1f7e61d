"""The limits that bite: memory, CPU share, processes, open files, and the freeze in between."""

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotpack.sandbox import Function, Invocation, LocalLambda, Machine, Settings, interpreter, logs
from hotpack.sandbox.enclosure import Rooms
from hotpack.sandbox.restraints import Restraints
from hotpack.sandbox.sandbox import Sandbox
from hotpack.target.limits import PROCESSES, vcpus

Answer = Callable[[Invocation], Any]


def report_of(invocation: Invocation) -> logs.Report:
    parsed = logs.parse(invocation.log[-1])
    assert isinstance(parsed, logs.Report)
    return parsed


HOGS = """
import mmap, os, subprocess, sys, tempfile, time
kept = os.path.join(tempfile.gettempdir(), "kept")
def handler(event, context):
    open(kept, "a").write("x")
    hog = []
    for _ in range(event.get("mb", 0)):
        hog.append(b"\\1" * 1024 * 1024)
        time.sleep(0.001)
    if "child_mb" in event:
        code = "import time; x = b'1' * %d; time.sleep(2)" % (event["child_mb"] << 20)
        subprocess.run([sys.executable, "-c", code])
    for _ in range(event.get("shared_mb", 0)):
        hog.append(mmap.mmap(-1, 1 << 20))
        hog[-1].write(b"1" * (1 << 20))
        time.sleep(0.001)
    for _ in range(event.get("memfd_mb", 0)):
        hog.append(os.memfd_create("hog"))
        os.write(hog[-1], b"1" * (1 << 20))
        time.sleep(0.001)
    return os.path.getsize(kept)
"""


@pytest.mark.parametrize(
    "event", ['{"mb": 300}', '{"child_mb": 300}', '{"shared_mb": 300}', '{"memfd_mb": 300}']
)
def test_more_memory_than_the_functions_is_killed_and_said(
    start_held: Any, answer: Answer, event: str
) -> None:
    local = start_held(HOGS, memory_mb=192)
    assert answer(local.invoke(b'{"mb": 60}')) == 1
    killed = local.invoke(event.encode())
    message = f"RequestId: {killed.request_id} Error: Runtime exited with error: signal: killed"
    assert answer(killed) == {"errorType": "Runtime.OutOfMemory", "errorMessage": message}
    assert killed.function_error == "Unhandled"
    assert f"{message}\nRuntime.OutOfMemory" in killed.log
    report = report_of(killed)
    assert (report.status, report.error_type) == ("error", "Runtime.OutOfMemory")
    assert (report.memory_size_mb, report.max_memory_used_mb) == (192, 192)
    again = local.invoke(b"{}")
    assert (answer(again), again.start) == (3, "warm")
    assert again.max_memory_mb < 100


def test_memory_is_limited_in_the_init_phase_too(start_held: Any) -> None:
    source = "import time\nhog = [b'1' * 2**20 for _ in range(400)]; time.sleep(1)\n"
    failed = start_held(source + "def handler(event, context): ...", memory_mb=192).invoke(b"{}")
    reports = [line for line in map(logs.parse, failed.log) if isinstance(line, logs.InitReport)]
    assert [report.error_type for report in reports] == ["Runtime.OutOfMemory"] * 2
    assert failed.error_type == "Runtime.OutOfMemory"


KILLS = """
import os, signal, subprocess, sys
def handler(event, context):
    if event == "child":
        grow = "x = b'1' * (400 << 20)"
        return subprocess.run([sys.executable, "-c", grow]).returncode
    if event == "self":
        hog = b"1" * (400 << 20)
    if event == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def behind_the_watch(
    function: Callable[..., Function], this_machine: Machine, runtime_client: Path, tmp_path: Path
) -> Iterator[Sandbox]:
    """A sandbox of 128 MB of which nobody looks at the memory but the kernel."""
    if "memory" not in this_machine.groups.parents:
        pytest.skip(str(this_machine.groups.reason))
    group = this_machine.groups.make(f"hotpack-test-{tmp_path.name}")
    group.limit_memory(128, 64)
    own, opt = tmp_path / "own", tmp_path / "opt"
    own.mkdir()
    opt.mkdir()
    made = function(KILLS, memory_mb=128)
    enclosure = this_machine.isolation.enclose(
        Rooms(made.code, opt, runtime_client, interpreter.inspect(Path(sys.executable)), own, 512)
    )
    sandbox = Sandbox(made, Settings(), enclosure, Restraints(vcpus=1, group=group), own)
    yield sandbox
    sandbox.close()


def test_what_the_watch_does_not_see_is_killed_by_the_kernel(
    behind_the_watch: Sandbox, answer: Answer
) -> None:
    killed = behind_the_watch.invoke(b'"self"')
    assert answer(killed)["errorType"] == "Runtime.OutOfMemory"
    assert report_of(killed).max_memory_used_mb == 128


def test_a_child_that_the_kernel_killed_is_not_why_the_runtime_ends_later(
    behind_the_watch: Sandbox, answer: Answer
) -> None:
    assert answer(behind_the_watch.invoke(b'"child"')) == -signal.SIGKILL
    assert answer(behind_the_watch.invoke(b'"kill"'))["errorType"] == "Runtime.ExitError"


FORKS = """
import mmap, os
def handler(event, context):
    hog = b"1" * (100 * 2**20)
    shared = mmap.mmap(-1, 40 * 2**20)
    shared.write(b"1" * (40 * 2**20))
    children = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            import time; time.sleep(0.6); os._exit(0)
        children.append(pid)
    return [os.waitpid(pid, 0)[1] for pid in children]
"""


def test_pages_that_processes_share_count_once(start_held: Any, answer: Answer) -> None:
    assert answer(start_held(FORKS, memory_mb=256).invoke(b"{}")) == [0] * 4


IN_TURN = """
import os
def hog():
    hog = b"1" * (80 * 2**20)
def handler(event, context):
    hog()
    done, say = os.pipe()
    if not os.fork():
        hog()
        os.write(say, b"1")
        import time; time.sleep(60)
    return len(os.read(done, 1))
"""


def test_peaks_of_processes_in_turn_are_not_more_than_the_function_has(
    start_held: Any, answer: Answer
) -> None:
    invocation = start_held(IN_TURN, memory_mb=128).invoke(b"{}")
    assert answer(invocation) == 1
    assert invocation.max_memory_mb == report_of(invocation).max_memory_used_mb == 128


FILLS = """
written, block = 0, bytes(1024 * 1024)
try:
    with open("/tmp/big", "wb", buffering=0) as file:
        while True: written += file.write(block)
except OSError as error:
    said = error.strerror
def handler(event, context):
    hog = [b"1" * 2**20 for _ in range(event)]
    return [written // 2**20, said, len(hog)]
"""


def test_a_full_tmp_is_no_memory_of_the_functions(
    start_held: Any, held: Machine, answer: Answer
) -> None:
    if not held.isolation.isolated:
        pytest.skip("plain folders have no /tmp of their own")
    local = start_held(FILLS, memory_mb=256)
    assert answer(local.invoke(b"100")) == [512, "No space left on device", 100]
    assert answer(local.invoke(b"400"))["errorType"] == "Runtime.OutOfMemory"


MAPS = """
import mmap
def handler(event, context):
    with open("/tmp/big", "w+b") as file:
        file.write(bytes(300 * 2**20))
        file.flush()
        with mmap.mmap(file.fileno(), 0) as mapped:
            return sum(mapped[::4096]) + len(mapped)
"""


def test_a_file_in_tmp_that_is_mapped_is_no_memory_of_the_functions(
    start_held: Any, held: Machine, answer: Answer
) -> None:
    if not held.isolation.isolated:
        pytest.skip("plain folders have no /tmp of their own")
    invocation = start_held(MAPS, memory_mb=192).invoke(b"{}")
    assert answer(invocation) == 300 * 2**20


READS = """
import mmap, os
path, read = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "weights"), 0
with open(path, "rb") as file:
    while block := file.read(2**20): read += len(block)
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    touched = sum(mapped[::4096])
def handler(event, context): return read
"""


def test_page_cache_is_no_memory_of_the_functions(
    start_held: Any, answer: Answer, tmp_path: Any
) -> None:
    (tmp_path / "code").mkdir()
    with (tmp_path / "code" / "weights").open("wb") as file:
        file.truncate(240 * 2**20)
    invocation = start_held(READS, memory_mb=128).invoke(b"{}")
    assert answer(invocation) == 240 * 2**20
    assert invocation.max_memory_mb < 128


SPINS = """
import os, sys, tempfile, time
def share():
    wall, cpu = time.monotonic(), time.process_time()
    while time.monotonic() < wall + 0.5: pass
    return (time.process_time() - cpu) / (time.monotonic() - wall)
marker = os.path.join(tempfile.gettempdir(), "marker")
in_init = share()
if "SLOW_ONCE" in os.environ and not os.path.exists(marker):
    open(marker, "w").close()
    time.sleep(60)
def handler(event, context): return [in_init, share()]
"""
SMALL = vcpus(128)
STARTS = """
import os, resource, time
def handler(event, context):
    wall = time.monotonic()
    while time.monotonic() < wall + 0.5:
        pid = os.fork()
        if not pid:
            ends = time.process_time() + 0.002
            while time.process_time() < ends: pass
            os._exit(0)
        os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / (time.monotonic() - wall)
"""


def test_children_that_end_at_once_use_the_functions_share(start_held: Any, answer: Answer) -> None:
    share = answer(start_held(STARTS, memory_mb=512).invoke(b"{}"))
    assert share < 1.4 * vcpus(512)


def test_an_invocation_has_its_share_of_the_cpu_and_the_init_phase_all(
    start_held: Any, answer: Answer
) -> None:
    in_init, in_invocation = answer(start_held(SPINS, memory_mb=128).invoke(b"{}"))
    assert in_invocation < 2 * SMALL
    assert in_init > 2 * SMALL


def test_the_init_phase_has_the_same_share_if_so_set(start_held: Any, answer: Answer) -> None:
    settings = Settings(full_cpu_in_init=False)
    in_init, _ = answer(start_held(SPINS, memory_mb=128, settings=settings).invoke(b"{}"))
    assert in_init < 2 * SMALL


def test_a_suppressed_init_has_the_share_of_an_invocation(start_held: Any, answer: Answer) -> None:
    local = start_held(
        SPINS,
        memory_mb=128,
        environment={"SLOW_ONCE": "1"},
        settings=Settings(init_timeout_s=1),
    )
    invocation = local.invoke(b"{}")
    assert invocation.init_ms is None
    in_init, _ = answer(invocation)
    assert in_init < 2 * SMALL


@pytest.fixture
def within_half_a_cpu(this_machine: Machine) -> Iterator[Machine]:
    """A machine whose own group has half of a CPU."""
    groups = this_machine.groups
    if groups.reason is not None:
        pytest.skip(groups.reason)
    half = groups.make("hotpack-test-half")
    half.limit_cpu(0.5)
    if groups.version == 2:
        (half.folders["cpu"] / "cgroup.subtree_control").write_text("+cpu +memory +pids")
    try:
        yield replace(this_machine, groups=replace(groups, parents=half.folders))
    finally:
        half.remove()


def test_a_share_above_what_the_own_group_has_is_cut_to_it(
    within_half_a_cpu: Machine, start_with: Any, answer: Answer
) -> None:
    _, share = answer(start_with(within_half_a_cpu, SPINS, memory_mb=1769).invoke(b"{}"))
    assert share < 0.7


THREADS = """
import threading
done = threading.Event()
def handler(event, context):
    started = 0
    threading.stack_size(65536)
    try:
        while started < 2000:
            threading.Thread(target=done.wait, daemon=True).start()
            started += 1
    except RuntimeError as error:
        return [started, str(error)]
    return [started, None]
"""


def test_processes_and_threads_are_limited(
    start_with: Any, this_machine: Machine, answer: Answer
) -> None:
    if not this_machine.counts_processes and "pids" not in this_machine.groups.parents:
        pytest.skip(f"nothing limits processes here: {this_machine.groups.reason}")
    started, error = answer(start_with(this_machine, THREADS).invoke(b"{}"))
    assert PROCESSES - 10 < started < PROCESSES
    assert error == "can't start new thread"


def test_open_files_are_limited(start: Any, answer: Answer) -> None:
    source = """
import os
def handler(event, context):
    opened = []
    try:
        while True: opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        for number in opened: os.close(number)
        return [max(opened), error.strerror]
"""
    assert answer(start(source).invoke(b"{}")) == [1023, "Too many open files"]


BEATS = """
import threading, time
gaps, last = [0.0], time.monotonic()
def beat():
    global last
    while True:
        time.sleep(0.005)
        now = time.monotonic()
        gaps[0], last = max(gaps[0], now - last), now
threading.Thread(target=beat, daemon=True).start()
def handler(event, context):
    time.sleep(0.05)
    return gaps[0]
"""


def test_nothing_runs_between_invocations(start: Any, answer: Answer, pause: Any) -> None:
    local = start(BEATS)
    local.invoke(b"{}")
    pause(1.0)
    assert answer(local.invoke(b"{}")) > 0.9


def test_a_function_sees_as_many_cores_as_on_lambda(
    start_with: Any, this_machine: Machine, answer: Answer
) -> None:
    if not this_machine.is_linux:
        pytest.skip(f"{this_machine.system} cannot hide cores")
    source = "import os\ndef handler(event, context): return len(os.sched_getaffinity(0))"
    seen = answer(start_with(this_machine, source, memory_mb=1024).invoke(b"{}"))
    assert seen == min(2, len(this_machine.cores))


def test_a_closed_sandbox_leaves_no_control_group(start_with: Any, this_machine: Machine) -> None:
    parents = set(this_machine.groups.parents.values())
    if not parents:
        pytest.skip(str(this_machine.groups.reason))
    local: LocalLambda = start_with(this_machine, "def handler(event, context): return 1")
    name = local._folders._own.name
    local.invoke(b"{}")
    assert all(list(parent.glob(f"hotpack-{name}-*")) for parent in parents)
    local.close()
    assert not any(list(parent.glob(f"hotpack-{name}-*")) for parent in parents)
