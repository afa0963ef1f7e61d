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
    assert parsed.format() == line


def test_every_kind_of_line_is_tried() -> None:
    kinds = {type(logs.parse(line)) for line in LINES}
    assert kinds == set(logs.LogLine.__args__)


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
    ],
)
def test_other_lines_are_none_of_the_platforms(line: str) -> None:
    assert logs.parse(line) is None
