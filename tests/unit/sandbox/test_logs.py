import pytest

from hotpack.sandbox import logs

ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 15.74 ms\tBilled Duration: 147 ms"
    "\tMemory Size: 128 MB\tMax Memory Used: 56 MB"
)
VERSIONS = (
    "Runtime Version: python:3.13.v45"
    "\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0b1e2f"
)
SYNTAX_ERROR = "Status: error\tError Type: Runtime.UserCodeSyntaxError"
LINES = [
    f"INIT_START {VERSIONS}",
    f"START RequestId: {ID} Version: $LATEST",
    f"END RequestId: {ID}",
    f"{REPORT}\tInit Duration: 130.49 ms\t",
    f"{REPORT}\tInit Duration: 84.00 ms\tStatus: timeout",
    f"{REPORT}\tInit Duration: 80.00 ms\tStatus: error\tError Type: Runtime.ExitError",
    f"{REPORT}\tStatus: error\tError Type: Runtime.OutOfMemory",
    f"{REPORT}\tXRAY TraceId: 1-5e34a\tSegmentId: 07f933\tSampled: true",
    f"{REPORT}\tRestore Duration: 204.27 ms\tBilled Restore Duration: 205 ms\t",
    "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout",
    f"INIT_REPORT Init Duration: 150.79 ms\tPhase: init\t{SYNTAX_ERROR}",
    f"INIT_REPORT Init Duration: 4.87 ms\tPhase: invoke\t{SYNTAX_ERROR}",
    f"RESTORE_START {VERSIONS}",
    "RESTORE_REPORT Restore Duration: 511.25 ms",
    f"2024-03-04T17:22:38.033Z {ID} Task timed out after 3.00 seconds",
    f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_lambda_is_written_again_as_it_was_read(line: str) -> None:
    parsed = logs.parse(line)
    assert parsed is not None
    assert logs.write(parsed, "Text", "unused") == line


def test_every_kind_of_line_is_tried() -> None:
    kinds = {type(logs.parse(line)) for line in LINES}
    assert kinds == set(logs.LogLine.__args__)


TIME = "2024-03-04T17:22:38.033Z"
METRICS = '"durationMs":15.74,"billedDurationMs":147,"memorySizeMB":128,"maxMemoryUsedMB":56'
RUNTIME = '"runtimeVersion":"python:3.13.v45","runtimeVersionArn":"arn:aws:lambda:us-east-1::1"'
EVENTS = {
    "initStart": f'{{"initializationType":"on-demand","phase":"init",{RUNTIME}}}',
    "initReport": '{"initializationType":"on-demand","phase":"init","status":"timeout",'
    '"metrics":{"durationMs":9999.79}}',
    "restoreStart": f"{{{RUNTIME}}}",
    "restoreReport": '{"status":"success","metrics":{"durationMs":511.25}}',
    "start": f'{{"requestId":"{ID}","version":"$LATEST"}}',
    "runtimeDone": f'{{"requestId":"{ID}","status":"error","errorType":"Runtime.ExitError"}}',
    "report": f'{{"requestId":"{ID}","metrics":{{{METRICS},"initDurationMs":130.49}},'
    '"status":"success"}',
}
FAILED = (
    f'{{"requestId":"{ID}","metrics":{{{METRICS}}},"status":"error","errorType":"Runtime.OutOfMemory",'
    '"tracing":{"spanId":"07f933","type":"X-Amzn-Trace-Id",'
    '"value":"Root=1-5e34a;Parent=07f933;Sampled=1"}}'
)
JSON_LINES = [
    f'{{"time":"{TIME}","type":"platform.{kind}","record":{record}}}'
    for kind, record in [*EVENTS.items(), ("report", FAILED)]
]


@pytest.mark.parametrize("line", JSON_LINES)
def test_a_json_line_of_lambda_is_written_again_as_it_was_read(line: str) -> None:
    parsed = logs.parse(line)
    assert parsed is not None
    assert logs.write(parsed, "JSON", TIME) == line


@pytest.mark.parametrize("line", LINES)
def test_a_line_says_the_same_in_both_formats(line: str) -> None:
    parsed = logs.parse(line)
    assert parsed is not None
    written = logs.write(parsed, "JSON", TIME)
    assert written is None or logs.parse(written) == parsed


def test_what_json_has_no_line_for_is_in_the_runtimes_end() -> None:
    without = {type(logs.parse(line)) for line in LINES} - {
        type(logs.parse(line)) for line in JSON_LINES
    }
    assert without == {logs.End, logs.TimedOut, logs.Crashed}
    assert logs.write(logs.RuntimeDone(ID, "timeout"), "Text", TIME) is None


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"level": "INFO", "message": "hello"}',
        f'{{"time":"{TIME}","type":"platform.extension","record":{{}}}}',
        f'{{"time":"{TIME}","type":"platform.report","record":{{"requestId":"1"}}}}',
        f'{{"time":"{TIME}","type":"platform.report","record":[]}}',
        JSON_LINES[1].replace('init"', 'lunch"'),
        '{"a":' * 100_000,
        *(
            f'{{"time":"{TIME}","type":"platform.report","record":{{"requestId":"1","metrics":'
            f'{{"durationMs":{duration},"billedDurationMs":{billed},"memorySizeMB":1,'
            f'"maxMemoryUsedMB":{used}}}}}}}'
            for duration, billed, used in (("1e999", 1, 1), (1, "1e999", 1), (1, 1, "[1]"))
        ),
        f'{{"time":"{TIME}","type":"platform.start","record":{{"requestId":{{}},"version":"1"}}}}',
    ],
)
def test_other_json_is_none_of_the_platforms(line: str) -> None:
    assert logs.parse(line) is None


def test_a_report_has_all_its_fields() -> None:
    line = (
        f"{REPORT}\tInit Duration: 80.50 ms\tStatus: error\tError Type: Runtime.ExitError"
        "\nXRAY TraceId: 1-5e34a\tSegmentId: 07f933\tSampled: false\t\n"
    )
    assert logs.parse(line) == logs.Report(
        request_id=ID,
        duration_ms=15.74,
        billed_duration_ms=147,
        memory_size_mb=128,
        max_memory_used_mb=56,
        init_duration_ms=80.5,
        status="error",
        error_type="Runtime.ExitError",
        xray_trace_id="1-5e34a",
        xray_segment_id="07f933",
        xray_sampled=False,
    )


def test_a_field_that_aws_may_add_is_no_obstacle() -> None:
    assert logs.parse(f"{REPORT}\tPhase of Moon: full\t") == logs.parse(REPORT)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "REPORT all is well",
        "INIT_REPORT Init Duration: 1.00 ms\tPhase: lunch",
        f"{REPORT[:60]}",
        f"REPORT RequestId: {ID}\tDuration: fast",
        REPORT.replace("15.74 ms", "inf ms"),
        REPORT.replace("147 ms", "inf ms"),
        REPORT.replace("147 ms", "nan ms"),
        REPORT.replace("147 ms", ""),
        f"2024-03-04T17:22:38.033Z {ID} Task timed out after {'9' * 500}.00 seconds",
    ],
)
def test_other_lines_are_none_of_the_platforms(line: str) -> None:
    assert logs.parse(line) is None
