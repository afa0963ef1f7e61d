"""What a handler does and what becomes of the invocation."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotpack.errors import LimitError
from hotpack.sandbox import Invocation, Machine, PlainFolders, Settings, logs
from hotpack.target.limits import PAYLOAD_BYTES

Answer = Callable[[Invocation], Any]


def reports(invocation: Invocation) -> list[logs.Report]:
    parsed = [logs.parse(line) for line in invocation.log]
    return [line for line in parsed if isinstance(line, logs.Report)]


def init_reports(invocation: Invocation) -> list[logs.InitReport]:
    parsed = [logs.parse(line) for line in invocation.log]
    return [line for line in parsed if isinstance(line, logs.InitReport)]


def kinds(invocation: Invocation) -> list[str]:
    """Return the kinds of the platform's lines and the function's lines themselves."""
    named = ((line, logs.parse(line)) for line in invocation.log)
    return [type(parsed).__name__ if parsed else line for line, parsed in named]


def test_a_handler_gets_its_event_and_its_return_value_is_the_response(start: Any) -> None:
    local = start("def handler(event, context): return {'got': event, 'grün': '→'}")
    invocation = local.invoke('{"n": [1, "ä"]}'.encode())
    assert json.loads(invocation.payload) == {"got": {"n": [1, "ä"]}, "grün": "→"}
    assert (invocation.status, invocation.start) == ("success", "cold")
    assert (invocation.error_type, invocation.function_error) == (None, None)


def test_the_log_of_a_cold_start_has_all_lines_in_order(start: Any) -> None:
    local = start(
        """
import sys
print("loading")
def handler(event, context):
    print("out")
    print("err", file=sys.stderr)
"""
    )
    cold, warm = local.invoke(b"{}"), local.invoke(b"{}")
    assert kinds(cold) == ["InitStart", "loading", "Start", "out", "err", "End", "Report"]
    assert kinds(warm) == ["Start", "out", "err", "End", "Report"]
    (report,) = reports(cold)
    assert report.request_id == cold.request_id
    assert report.init_duration_ms == pytest.approx(cold.init_ms, abs=0.01)
    assert report.duration_ms == pytest.approx(cold.duration_ms, abs=0.01)
    assert cold.init_ms is not None
    assert 0 <= report.billed_duration_ms - cold.duration_ms - cold.init_ms < 1
    assert warm.init_ms is None
    assert 0 <= warm.billed_ms - warm.duration_ms < 1


def test_log_events_are_told_as_they_happen(start: Any) -> None:
    heard: list[str] = []
    local = start("def handler(event, context): print('hello')", on_log=heard.append)
    assert tuple(heard) == ()
    invocation = local.invoke(b"{}")
    assert tuple(heard) == invocation.log


def test_the_context_is_lambdas(start: Any, answer: Answer) -> None:
    local = start(
        """
def handler(event, context):
    return {name: getattr(context, name) for name in (
        "aws_request_id", "function_name", "function_version", "invoked_function_arn",
        "memory_limit_in_mb", "log_group_name", "log_stream_name")} | {
        "remaining_ms": context.get_remaining_time_in_millis(),
        "custom": context.client_context and context.client_context.custom}
""",
        name="mine",
        memory_mb=640,
        timeout_s=7,
    )
    invocation = local.invoke(b"{}", client_context='{"custom": {"a": "b"}}')
    told = answer(invocation)
    assert told["aws_request_id"] == invocation.request_id
    assert told["function_name"] == "mine"
    assert told["function_version"] == "$LATEST"
    assert told["invoked_function_arn"] == "arn:aws:lambda:us-east-1:123456789012:function:mine"
    assert told["memory_limit_in_mb"] == "640"
    assert told["log_group_name"] == "/aws/lambda/mine"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", told["log_stream_name"])
    assert 0 < told["remaining_ms"] <= 7000
    assert told["custom"] == {"a": "b"}
    assert answer(local.invoke(b"{}"))["custom"] is None


def test_the_environment_is_the_functions_and_nothing_of_this_machine(
    start: Any, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    local = start(
        "import os\ndef handler(event, context): return dict(os.environ)",
        environment={"MINE": "line\nbreak → ü"},
        settings=Settings(region="eu-west-1"),
    )
    variables = answer(local.invoke(b"{}"))
    assert variables["MINE"] == "line\nbreak → ü"
    assert variables["AWS_REGION"] == "eu-west-1"
    assert variables["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert not {"SECRET_OF_THIS_MACHINE", "HOME", "AWS_LAMBDA_MAX_CONCURRENCY"} & set(variables)


def test_modules_come_from_the_function_then_layers_then_the_runtime(
    start: Any, answer: Answer
) -> None:
    local = start(
        """
import sys, importlib.util
def handler(event, context):
    return [sys.path, importlib.util.find_spec("pytest") is None, exit.__class__.__name__]
"""
    )
    path, no_site_packages, quitter = answer(local.invoke(b"{}"))
    assert path[1].endswith("site-packages")
    assert path[2] == path[1].partition("/lib/")[0]
    assert not any("site-packages" in entry for entry in path[2:])
    assert no_site_packages
    assert quitter == "Quitter"


def test_an_exception_is_the_answer_and_the_sandbox_goes_on(start: Any, answer: Answer) -> None:
    local = start("def handler(event, context): return 1 / event['by']")
    failed = local.invoke(b'{"by": 0}')
    told = answer(failed)
    assert (told["errorType"], told["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert told["requestId"] == failed.request_id
    assert (failed.status, failed.function_error) == ("error", "Unhandled")
    assert failed.error_type == "ZeroDivisionError"
    (record,) = [line for line in failed.log if line.startswith("[ERROR]")]
    assert record.startswith("[ERROR] ZeroDivisionError: division by zero\nTraceback")
    (report,) = reports(failed)
    assert report.status is None
    assert local.invoke(b'{"by": 1}').start == "warm"


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("import nothing_of_this_name", "Runtime.ImportModuleError"),
        ("def handler(:", "Runtime.UserCodeSyntaxError"),
        ("other = 1", "Runtime.HandlerNotFound"),
        ("raise ValueError('no')", "ValueError"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_tried_again_in_the_invocation(
    start: Any, answer: Answer, source: str, error_type: str
) -> None:
    invocation = start(source).invoke(b"{}")
    assert answer(invocation)["errorType"] == error_type
    assert (invocation.status, invocation.error_type) == ("error", error_type)
    assert (invocation.start, invocation.init_ms) == ("cold", None)
    in_init, in_invoke = init_reports(invocation)
    assert (in_init.phase, in_init.status, in_init.error_type) == ("init", "error", error_type)
    assert (in_invoke.phase, in_invoke.status) == ("invoke", "error")
    (report,) = reports(invocation)
    assert (report.status, report.error_type) == ("error", error_type)
    assert report.init_duration_ms is None
    platform = [kind for kind in kinds(invocation) if kind[0].isupper() and kind.isalpha()]
    assert platform == ["InitStart", "InitReport", "InitReport", "Start", "End", "Report"]


def test_a_module_that_exits_is_an_exit_of_the_runtime(start: Any, answer: Answer) -> None:
    invocation = start("import os; os._exit(3)").invoke(b"{}")
    assert answer(invocation) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {invocation.request_id} "
        "Error: Runtime exited with error: exit status 3",
    }
    assert [report.error_type for report in init_reports(invocation)] == ["Runtime.ExitError"] * 2


def test_a_response_that_json_cannot_hold_is_an_error(start: Any, answer: Answer) -> None:
    invocation = start("def handler(event, context): return {1, 2}").invoke(b"{}")
    assert answer(invocation)["errorType"] == "Runtime.MarshalError"
    assert invocation.error_type == "Runtime.MarshalError"


def test_an_event_that_is_no_json_is_an_error_of_the_runtime(start: Any, answer: Answer) -> None:
    invocation = start("def handler(event, context): return 1").invoke(b"{")
    assert answer(invocation)["errorType"] == "Runtime.UnmarshalError"


def test_payloads_up_to_the_limit_pass(start: Any) -> None:
    local = start("def handler(event, context): return event")
    payload = json.dumps("x" * (PAYLOAD_BYTES - 2)).encode()
    assert len(payload) == PAYLOAD_BYTES
    assert local.invoke(payload).payload == payload


def test_a_response_over_the_limit_is_an_error_and_the_runtime_begins_again(
    start: Any, answer: Answer
) -> None:
    local = start("def handler(event, context): return 'x' * event")
    invocation = local.invoke(str(PAYLOAD_BYTES - 1).encode())
    told = answer(invocation)
    assert told["errorType"] == "Function.ResponseSizeTooLarge"
    assert f"{PAYLOAD_BYTES + 1} bytes" in told["errorMessage"]
    assert f"{PAYLOAD_BYTES} bytes" in told["errorMessage"]
    assert invocation.status == "error"
    assert local.invoke(b"3").payload == b'"xxx"'


def test_a_request_over_the_limit_is_refused(start: Any) -> None:
    local = start("def handler(event, context): return 1")
    with pytest.raises(LimitError, match=str(PAYLOAD_BYTES + 1)):
        local.invoke(b" " * (PAYLOAD_BYTES + 1))


def test_memory_is_that_of_all_its_processes_at_their_peak(start: Any) -> None:
    local = start(
        """
import subprocess, sys
HOG = "x = bytearray(60_000_000); print(1, flush=True); input()"
children = []
def handler(event, context):
    if event == "child":
        child = subprocess.Popen([sys.executable, "-c", HOG], stdin=-1, stdout=-1)
        child.stdout.readline()
        children.append(child)
    if event == "self":
        bytearray(90_000_000)
"""
    )
    empty, own = local.invoke(b"{}").max_memory_mb, local.invoke(b'"self"').max_memory_mb
    both = local.invoke(b'"child"').max_memory_mb
    if empty is None:
        pytest.skip("this machine has no /proc")
    assert own > empty + 80
    assert both > own + 55
    assert local.invoke(b"{}").max_memory_mb == both


LOGS = """
import logging, os, time
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.info("hello %s", "ä")
    if event == "exit": os._exit(3)
    if event == "hang": time.sleep(60)
    if event == "raise": raise KeyError("no")
"""


def test_the_log_is_json_where_the_function_asks_for_it(start: Any) -> None:
    local = start(LOGS, log_format="JSON", timeout_s=1)
    good, ended, late = (local.invoke(event) for event in (b"{}", b'"exit"', b'"hang"'))
    parsed = [logs.parse(line) for line in good.log]
    assert [type(line) for line in parsed] == [logs.InitStart, logs.Start, type(None), logs.Report]
    record = json.loads(good.log[2])
    assert (record["level"], record["message"]) == ("INFO", "hello ä")
    assert record["requestId"] == good.request_id
    (report,) = reports(good)
    assert report.max_memory_used_mb == good.max_memory_mb
    done, last = map(logs.parse, ended.log[-2:])
    assert done == logs.RuntimeDone(ended.request_id, "error", "Runtime.ExitError")
    assert isinstance(last, logs.Report)
    assert (last.status, last.error_type) == ("error", "Runtime.ExitError")
    assert logs.parse(late.log[-2]) == logs.RuntimeDone(late.request_id, "timeout")
    raised = local.invoke(b'"raise"')
    done, last = map(logs.parse, raised.log[-2:])
    assert done == logs.RuntimeDone(raised.request_id, "error", "KeyError")
    assert isinstance(last, logs.Report)
    assert (last.status, last.error_type) == ("error", "KeyError")


TALKS = """
import os, time
def handler(event, context):
    print("before", flush=True)
    while not os.path.exists(event): time.sleep(0.01)
    return "after"
"""


def test_the_log_is_heard_while_the_handler_still_runs(
    start_with: Any, this_machine: Machine, answer: Answer, tmp_path: Path, eventually: Any
) -> None:
    heard: list[str] = []
    plain = replace(this_machine, isolation=PlainFolders())  # so that the test can end it
    local = start_with(plain, TALKS, on_log=heard.append)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(local.invoke, json.dumps(str(tmp_path / "until")).encode())
        eventually(lambda: "before" in heard)
        assert not running.done()
        assert [type(logs.parse(line)) for line in heard] == [
            logs.InitStart,
            logs.Start,
            type(None),
        ]
        (tmp_path / "until").touch()
        assert answer(running.result()) == "after"
    assert isinstance(logs.parse(heard[-1]), logs.Report)
