import json
import signal

import pytest

from hotpack.sandbox.events import Exited
from hotpack.sandbox.outcome import Outcome, crashed, timed_out


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (1, "Runtime exited with error: exit status 1"),
        (0, "Runtime exited without providing a reason"),
        (-signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (-signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_an_exit_is_told_in_lambdas_words(status: int, message: str) -> None:
    outcome = crashed(Exited(status))
    assert outcome.status == "error"
    assert json.loads(outcome.answer("id")) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: id Error: {message}",
    }


def test_a_timeout_names_the_functions_own() -> None:
    outcome = timed_out(3)
    assert outcome.status == "timeout"
    assert json.loads(outcome.answer("id")) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: id Error: Task timed out after 3.00 seconds",
    }


def test_an_answer_of_the_runtimes_goes_through_as_it_is() -> None:
    assert Outcome(b"out").status == "success"
    assert Outcome(b"out").answer("id") == b"out"
    assert Outcome(b"{}", "ValueError").status == "error"
