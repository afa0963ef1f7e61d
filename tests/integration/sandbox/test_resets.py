"""Timeouts and crashes, and what a sandbox keeps over them."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from hotpack.sandbox import Invocation, Machine, Settings, logs

Answer = Callable[[Invocation], Any]

CRASHES = """
import os, signal, sys
print("loading")
def handler(event, context):
    print("running", flush=True)
    match event:
        case "exit": sys.exit(4)
        case "hard": os._exit(7)
        case "clean": os._exit(0)
        case "kill": os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            while True: pass
    return "fine"
"""


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("exit", "Runtime exited with error: exit status 4"),
        ("hard", "Runtime exited with error: exit status 7"),
        ("clean", "Runtime exited without providing a reason"),
        ("kill", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_runtime_that_ends_is_an_error_and_runs_init_again_the_next_time(
    start: Any, answer: Answer, event: str, message: str
) -> None:
    local = start(CRASHES)
    crashed = local.invoke(json.dumps(event).encode())
    told = f"RequestId: {crashed.request_id} Error: {message}"
    assert answer(crashed) == {"errorType": "Runtime.ExitError", "errorMessage": told}
    assert (crashed.status, crashed.function_error) == ("error", "Unhandled")
    assert f"{told}\nRuntime.ExitError" in crashed.log
    report = logs.parse(crashed.log[-1])
    assert isinstance(report, logs.Report)
    assert (report.status, report.error_type) == ("error", "Runtime.ExitError")

    again = local.invoke(b"{}")
    assert answer(again) == "fine"
    assert (again.start, again.init_ms) == ("warm", None)
    assert again.log[0] == "loading"


def test_a_function_that_does_not_return_is_ended_at_its_timeout(
    start: Any, answer: Answer
) -> None:
    local = start(CRASHES, timeout_s=1)
    late = local.invoke(b'"hang"')
    assert answer(late) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {late.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert (late.status, late.function_error) == ("timeout", "Unhandled")
    kinds = [type(logs.parse(line)) for line in late.log[-5:]]
    assert kinds == [logs.Start, type(None), logs.TimedOut, logs.End, logs.Report]
    report = logs.parse(late.log[-1])
    assert isinstance(report, logs.Report)
    assert (report.status, report.error_type) == ("timeout", None)
    assert report.duration_ms == late.duration_ms == 1000
    assert answer(local.invoke(b"{}")) == "fine"


SLOW_ONCE = """
import os, tempfile, time
marker = os.path.join(tempfile.gettempdir(), "marker")
if not os.path.exists(marker):
    open(marker, "w").close()
    time.sleep(60)
def handler(event, context): return "late"
"""


def test_an_init_past_its_limit_runs_again_in_the_invocation(start: Any, answer: Answer) -> None:
    local = start(SLOW_ONCE, settings=Settings(init_timeout_s=0.5))
    invocation = local.invoke(b"{}")
    assert answer(invocation) == "late"
    assert (invocation.start, invocation.init_ms) == ("cold", None)
    init = logs.parse(invocation.log[1])
    assert isinstance(init, logs.InitReport)
    assert (init.phase, init.status, init.error_type) == ("init", "timeout", None)
    report = logs.parse(invocation.log[-1])
    assert isinstance(report, logs.Report)
    assert report.init_duration_ms is None
    assert local.invoke(b"{}").start == "warm"


def test_an_init_that_never_ends_runs_into_the_functions_timeout(
    start: Any, answer: Answer
) -> None:
    local = start("import time; time.sleep(60)", settings=Settings(init_timeout_s=0.5), timeout_s=1)
    invocation = local.invoke(b"{}")
    assert answer(invocation)["errorType"] == "Sandbox.Timedout"
    parsed = [logs.parse(line) for line in invocation.log]
    phases = [line.phase for line in parsed if isinstance(line, logs.InitReport)]
    assert phases == ["init", "invoke"]
    assert invocation.status == "timeout"


KEEPS = """
import os, tempfile
path = os.path.join(tempfile.gettempdir(), "kept")
def handler(event, context):
    if event == "write":
        with open(path, "w") as file: file.write("content")
        os._exit(1)
    with open(path) as file: return file.read()
"""


def test_tmp_outlives_the_runtime(start: Any, answer: Answer) -> None:
    local = start(KEEPS)
    assert local.invoke(b'"write"').status == "error"
    assert answer(local.invoke(b"{}")) == "content"


STARTS = """
import os, subprocess, tempfile
path = os.path.join(tempfile.gettempdir(), "beating")
BEAT = f"while :; do echo >> {path}; sleep 0.01; done"
def handler(event, context):
    if event == "start":
        subprocess.Popen(["/bin/sh", "-c", BEAT])
        while not os.path.exists(path): pass
        os._exit(1)
    return os.path.getsize(path)
"""


def test_what_a_runtime_started_does_not_outlive_it(start: Any, answer: Answer) -> None:
    local = start(STARTS)
    local.invoke(b'"start"')
    beats = answer(local.invoke(b"{}"))
    time.sleep(0.1)
    assert answer(local.invoke(b"{}")) == beats


LEAVES = """
import os, subprocess, tempfile, time
path = os.path.join(tempfile.gettempdir(), "beating")
BEAT = f"while :; do echo >> {path}; sleep 0.01; done"
def handler(event, context):
    if event == "start":
        # As a daemon does: a session of its own, and the parent between ends.
        subprocess.run(["/bin/sh", "-c", f"setsid /bin/sh -c '{BEAT}' &"])
        while not os.path.exists(path): pass
    if event == "end":
        os._exit(1)
    return os.path.getsize(path)
"""


@pytest.mark.skipif(shutil.which("setsid") is None, reason="this machine has no setsid")
def test_what_leaves_the_process_group_is_frozen_and_ended_too(
    start: Any, answer: Answer, this_machine: Machine
) -> None:
    if not this_machine.is_linux:
        pytest.skip(f"{this_machine.system} does not tell who started whom")
    local = start(LEAVES)
    beats = answer(local.invoke(b'"start"'))
    time.sleep(0.5)
    assert answer(local.invoke(b"{}")) < beats + 25
    local.invoke(b'"end"')
    beats = answer(local.invoke(b"{}"))
    time.sleep(0.1)
    assert answer(local.invoke(b"{}")) == beats


FORKS = """\
import os

def handler(event, context):
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            os._exit(7)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
"""


def test_what_forks_at_once_is_not_left_frozen(start: Any, answer: Answer) -> None:
    """An event that comes right behind another one waits until all has been frozen and thawed."""
    local = start(FORKS)
    for _ in range(400):
        assert answer(local.invoke(b"{}")) == [7, 7, 7, 7]


def test_a_runtime_that_ends_between_invocations_runs_init_again(
    start: Any, answer: Answer, descendants: Callable[[int], set[int]], eventually: Any
) -> None:
    local = start('print("loading")\ndef handler(event, context): return event')
    assert answer(local.invoke(b'"first"')) == "first"
    started = descendants(os.getpid())
    if not started:
        pytest.skip("this machine has no /proc")
    (runtime,) = (pid for pid in started if not descendants(pid))
    os.kill(runtime, signal.SIGKILL)
    (idle,) = local._pool._idle
    eventually(lambda: not idle.sandbox._runtime._events.empty())
    again = local.invoke(b'"stay"')
    assert (answer(again), again.start) == ("stay", "warm")
    assert again.log[0] == "loading"
