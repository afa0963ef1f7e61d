"""bench, tune and trace with --remote, as typed: moto is AWS, and its functions really run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .conftest import Hotpack, document, moto_server

ROOT = Path(__file__).parents[2]
HANDLER = """\
import sys
import markupsafe

def handler(event, context):
    if event.get("late"):
        import six.moves
        from markupsafe import _native
        open(_native.__file__).close()
    if event.get("fail"):
        raise ValueError("no such luck")
    print("something", file=sys.stderr)
    return str(markupsafe.escape(event["text"]))
"""
PROJECT = """\
[project]
name = "greeter"
version = "1.0"
[tool.hotpack]
handler = "app.handler"
bucket = "my-artifacts"
region = "us-east-1"
[tool.hotpack.place]
"*" = "{placement}"
"""


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """A server whose functions run in the local Lambda."""
    with moto_server("--run") as url:
        yield url


@pytest.fixture(params=["inline", "remote"])
def deployed(request: pytest.FixtureRequest, hotpack: Hotpack, tmp_path: Path, bucket: str) -> Path:
    """The project with what it needs in the function, or on S3, deployed."""
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "requirements.txt").write_text("markupsafe==3.0.3\nsix==1.17.0\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(placement=request.param))
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "one.json").write_text('{"text": "<1>", "late": true}')
    document(hotpack("deploy", "--create-role", "--yes", "--json"))
    return tmp_path


@pytest.fixture
def nothing_changed(deployed: Path) -> Iterator[None]:
    """What a command did on AWS leaves no trace: no copy, layer or version, nothing to deploy."""
    before = state()
    yield
    assert state() == before


def state() -> dict[str, Any]:
    client = boto3.client("lambda", region_name="us-east-1")
    functions = client.list_functions(FunctionVersion="ALL")["Functions"]
    for function in functions:
        function.pop("Layers", None)
    layers = client.list_layers()["Layers"]
    return {
        "functions": functions,
        "layers": [item["LayerName"] for item in layers if item.get("LatestMatchingVersion")],
        "aliases": client.list_aliases(FunctionName="greeter")["Aliases"],
    }


@pytest.mark.usefixtures("nothing_changed")
def test_trace(hotpack: Hotpack, deployed: Path) -> None:
    """A trace on AWS has what one here has by Python alone, and the next build goes by it."""
    here = document(hotpack("trace", "--recorder", "python", "--json"))
    profile = deployed / "hotpack.profile.json"
    expected = json.loads(profile.read_text())
    profile.unlink()
    done = hotpack("trace", "--remote", "--json")
    found = document(done)
    assert found["recorder"] == "python"
    assert "C code" in found["blind_spots"]
    assert found["read_files"] == here["read_files"] > 4
    recorded = json.loads(profile.read_text())
    assert read(recorded) == read(expected)
    assert {name for name, _ in recorded["modules"]} == {name for name, _ in expected["modules"]}
    assert recorded["init_ms"] > 0
    assert "something" not in profile.read_text()
    explained = hotpack("build", "--explain")
    assert explained.returncode == 0, explained.stderr
    told = " ".join(explained.stdout.split())
    assert "What a cold start needs is what hotpack.profile.json names." in told


def read(profile: dict[str, Any]) -> set[str]:
    """Return the files that a profile says are read."""
    reading = {"opened", "mapped", "executed"}
    return {path for path, *ways in profile["touches"] if reading & set(ways)}


@pytest.mark.usefixtures("nothing_changed")
def test_trace_of_a_handler_that_fails(hotpack: Hotpack, deployed: Path) -> None:
    """The event is named, the function's words are shown, and no profile is written."""
    failed = hotpack("trace", "--remote", "--event", '{"text": "1", "fail": true}')
    assert failed.returncode == 1
    assert "import time:" not in failed.stderr
    assert "the event --event failed on AWS" in failed.stderr
    assert "ValueError: no such luck" in failed.stderr
    assert not (deployed / "hotpack.profile.json").exists()


@pytest.mark.usefixtures("nothing_changed")
def test_trace_of_something_else(hotpack: Hotpack, deployed: Path) -> None:
    """A profile would name files of another build: what is live must be what is built here."""
    (deployed / "requirements.txt").write_text("markupsafe==3.0.2\nsix==1.17.0\n")
    refused = hotpack("trace", "--remote")
    assert refused.returncode == 1
    assert "is not what is built here" in refused.stderr
    assert "`hotpack deploy` first" in refused.stderr
    assert hotpack("trace", "--remote", "--recorder", "strace").returncode == 2


@pytest.mark.usefixtures("nothing_changed")
def test_bench(hotpack: Hotpack, deployed: Path) -> None:
    """Each start is cold, and is the function's own."""
    result = document(hotpack("bench", "--remote", "--rounds", "2", "--json"))
    assert (result["function"], result["version"]) == ("greeter", "1")
    starts = result["cold_starts"]
    assert [(row["start"], row["response"]) for row in starts] == [("cold", "&lt;1&gt;")] * 2
    assert all(row["init_ms"] > 0 for row in starts)


@pytest.mark.usefixtures("nothing_changed")
def test_tune(hotpack: Hotpack, deployed: Path) -> None:
    """A size is measured with Lambda's own memory, cold and warm, and told as here."""
    few = ("--sizes", "512,1024", "--rounds", "1", "--warm", "3")
    result = document(hotpack("tune", "--remote", *few, "--json"))
    assert [size["memory_mb"] for size in result["sizes"]] == [512, 1024]
    assert all(len(size["warm_invocations_ms"]) == 3 for size in result["sizes"])
    assert result["copy_of"] == "greeter:1 in us-east-1"
    told = " ".join(hotpack("tune", "--remote", *few).stdout.split())
    assert "Measured on AWS, on a copy of greeter:1 in us-east-1" in told
    power = json.loads(hotpack("tune", "--remote", *few, "--format", "power-tuning").stdout)
    assert len(power["stats"]) == 2
    assert hotpack("tune", "--remote", "--place", "inline").returncode == 2


def test_script_for_an_account(tmp_path: Path, bucket: str, cache_dir: Path) -> None:
    """benchmarks/on_aws.sh measures a project in each way, and leaves no function or role."""
    project = tmp_path / "small"
    project.mkdir()
    (project / "app.py").write_text(HANDLER)
    (project / "requirements.txt").write_text("markupsafe==3.0.3\nsix==1.17.0\n")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\n[tool.hotpack]\nhandler = "app.handler"\n'
    )
    (project / "events").mkdir()
    (project / "events" / "one.json").write_text('{"text": "1"}')
    done = subprocess.run(
        [ROOT / "benchmarks" / "on_aws.sh", bucket, "1", project],
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir), "AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "not measured" not in done.stdout, done.stderr
    for cells in ("small | planned |", "small | remote |", "small | 1769 MB |", "files read there"):
        assert cells in done.stdout
    assert "not traced" not in done.stdout
    assert boto3.client("lambda", region_name="us-east-1").list_functions()["Functions"] == []
    assert boto3.client("iam", region_name="us-east-1").list_roles()["Roles"] == []


@pytest.mark.usefixtures("nothing_changed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_between(deployed: Path, cache_dir: Path, number: signal.Signals) -> None:
    """Ctrl-C in the middle leaves nothing of the copy."""
    with subprocess.Popen(
        [sys.executable, "-m", "hotpack", "bench", "--remote", "--rounds", "50"],
        cwd=deployed,
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        client = boto3.client("lambda", region_name="us-east-1")
        for _ in range(600):
            names = [item["FunctionName"] for item in client.list_functions()["Functions"]]
            if "greeter-hotpack-copy" in names:
                break
            time.sleep(0.05)
        else:
            pytest.fail("no copy was made")
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode in {130, 143}
