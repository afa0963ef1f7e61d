from pathlib import Path
from typing import Any

import pytest

from hotpack.errors import ConfigError, LimitError
from hotpack.sandbox import Function, Settings
from hotpack.target import RUNTIMES


def function(**changes: Any) -> Function:
    given: dict[str, Any] = {
        "handler": "app.handler",
        "runtime": RUNTIMES["python3.13"],
        "architecture": "x86_64",
        "code": Path("function.zip"),
    }
    return Function(**{**given, **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_mb", 127),
        ("memory_mb", 10_241),
        ("timeout_s", 0),
        ("timeout_s", 901),
        ("ephemeral_storage_mb", 511),
        ("layers", (Path("layer.zip"),) * 6),
    ],
)
def test_what_lambda_would_refuse_is_refused(name: str, value: object) -> None:
    with pytest.raises(LimitError, match=name.partition("_")[0]):
        function(**{name: value})


@pytest.mark.parametrize("name", ["AWS_REGION", "_HANDLER", "AWS_LAMBDA_MAX_CONCURRENCY"])
def test_reserved_variables_cannot_be_set(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        function(environment={name: "x"})


def test_unreserved_variables_of_lambdas_can_be_set() -> None:
    given = {"PYTHONPATH": "/opt/mine", "TZ": "CET"}
    assert function(environment=given).environment == given


@pytest.mark.parametrize("name", ["A", "1A", "with-dash", "_PRIVATE", "ÄÖ"])
def test_a_variable_has_a_name_that_lambda_takes(name: str) -> None:
    with pytest.raises(ConfigError, match="no name"):
        function(environment={name: "x"})


def test_a_variable_holds_no_nul() -> None:
    with pytest.raises(ConfigError, match="KEY"):
        function(environment={"KEY": "a\0b"})


def test_the_environment_is_counted_in_bytes_of_names_and_values() -> None:
    function(environment={"KEY": "x" * (4096 - 3)})
    with pytest.raises(LimitError, match="4097"):
        function(environment={"KEY": "x" * (4096 - 2)})
    with pytest.raises(LimitError, match="4098"):
        function(environment={"KEY": "x" * (4096 - 4) + "→"})


def test_its_arn_has_the_region_and_the_account_of_the_settings() -> None:
    settings = Settings(region="eu-west-1", account_id="000000000000")
    arn = function(name="mine").arn(settings)
    assert arn == "arn:aws:lambda:eu-west-1:000000000000:function:mine"
