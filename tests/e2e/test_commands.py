"""init, build, sizes, invoke, serve, doctor: from an empty folder to answers."""

import json
import os
import sys
from pathlib import Path

import pytest

from hotpack.project import load_project

from .conftest import Hotpack, document

HANDLER = """\
import markupsafe

def handler(event, context):
    return str(markupsafe.escape(event["text"]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "requirements.txt").write_text("markupsafe==3.0.3\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "one.json").write_text('{"text": "<1>"}')
    return tmp_path


def test_from_an_empty_folder(hotpack: Hotpack, tmp_path: Path) -> None:
    """init, build and invoke make a function that answers, of an empty folder."""
    written = document(hotpack("init", "--json"))["written"]
    assert written == ["pyproject.toml", "app.py", "events/sample.json"]
    assert document(hotpack("build", "--json"))["fits"] is True
    answer = document(hotpack("invoke", "--json"))["invocations"][0]
    assert answer["response"] == {"hello": "Ada"}
    assert answer["start"] == "cold"


def test_init_writes_a_runtime_that_the_project_requires(hotpack: Hotpack, tmp_path: Path) -> None:
    """init does not contradict requires-python."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.14"\n')
    document(hotpack("init", "--json"))
    assert load_project(tmp_path).config.target.runtime.name == "python3.14"


def test_init_changes_nothing_that_is_there(hotpack: Hotpack, tmp_path: Path) -> None:
    """init appends its table to what is there, and refuses to write a second one."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"  # a comment\n')
    (tmp_path / "main.py").write_text("def lambda_handler(event, context): return 1\n")
    assert document(hotpack("init", "--json"))["handler"] == "main.lambda_handler"
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "mine"  # a comment\n')
    assert not (tmp_path / "app.py").exists()
    again = hotpack("init")
    assert again.returncode == 1
    assert "has a [tool.hotpack] table already" in again.stderr
    assert (tmp_path / "pyproject.toml").read_text() == text


def test_build_says_what_a_zip_needs(hotpack: Hotpack, project: Path) -> None:
    """A zip over what Lambda takes directly needs a bucket; --explain says what lukewarm is."""
    (project / "model").mkdir()
    (project / "model" / "__init__.py").touch()
    (project / "model" / "weights").write_bytes(os.urandom(51 * 1024 * 1024))
    done = hotpack("build", "--explain")
    assert done.stderr.count("Request must be smaller than") == 1
    assert "lukewarm: a start does not need it" in done.stdout
    with (project / "pyproject.toml").open("a") as file:
        file.write('bucket = "mine"\n')
    assert "Request must be smaller" not in hotpack("build").stderr


def test_build_says_how_to_have_the_rest(hotpack: Hotpack, project: Path) -> None:
    """The whole line is printed that has what was left out: include replaces the default."""
    (project / "data").mkdir()
    (project / "data" / "a.csv").write_text("1")
    printed = hotpack("build").stdout
    assert "Not in the function: data/" in printed
    assert '\n  include = ["app.py", "data"]\n' in printed


def test_build_says_what_it_weighs(hotpack: Hotpack, project: Path) -> None:
    """build prints rules, layout and sizes for people, and all of it as JSON for programs."""
    shown = hotpack("build")
    assert shown.returncode == 0, shown.stderr
    for words in ("strip", "markupsafe", "inline", "plain install", "It fits."):
        assert words in shown.stdout
    result = document(hotpack("build", "--json"))
    assert result["limit_bytes"] == 262_144_000
    assert result["package_bytes"] < 1_000_000
    assert Path(result["function_zip"]).is_file()
    [placed] = result["layout"]
    assert placed["distribution"] == "markupsafe"
    assert placed["placement"] == "inline"
    assert placed["packed_bytes"] is None
    bundled = document(hotpack("build", "--place", "bundled", "--json"))["layout"][0]
    assert 0 < bundled["packed_bytes"] < bundled["raw_bytes"]


def test_sizes(hotpack: Hotpack, project: Path) -> None:
    """sizes says what weighs what, by distribution, kind and file."""
    shown = hotpack("sizes")
    assert shown.returncode == 0, shown.stderr
    assert "A plain install fits" in shown.stdout
    result = document(hotpack("sizes", "--files", "2", "--json"))
    assert result["distributions"][0]["distribution"] == "markupsafe"
    assert len(result["files"]) == 2
    assert {row["kind"] for row in result["kinds"]} >= {"source", "extension", "metadata", "stub"}


def test_invoke(hotpack: Hotpack, project: Path) -> None:
    """invoke answers on stdout, and shows log lines and durations on stderr."""
    done = hotpack("invoke", "--repeat", "2", "--place", "bundled")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['"&lt;1&gt;"'] * 2
    for line in ("INIT_START Runtime Version", "START RequestId", "END RequestId", "REPORT Req"):
        assert line in done.stderr
    assert "warm" in done.stderr


def test_invoke_json(hotpack: Hotpack, project: Path) -> None:
    """invoke --json has a row an invocation, with all that REPORT says."""
    rows = document(hotpack("invoke", "--repeat", "2", "--json"))["invocations"]
    assert [row["start"] for row in rows] == ["cold", "warm"]
    cold = rows[0]
    assert cold["status"] == "success"
    assert cold["init_ms"] > 0
    assert cold["duration_ms"] > 0
    assert cold["billed_ms"] >= cold["init_ms"]
    assert cold["max_memory_mb"] is None or cold["max_memory_mb"] > 0
    assert cold["response"] == "&lt;1&gt;"


def test_invoke_events(hotpack: Hotpack, project: Path) -> None:
    """An event may be a document, a file, or the project's own; --cold starts each anew."""
    inline = document(hotpack("invoke", "--event", '{"text": "&"}', "--json"))
    assert inline["invocations"][0]["response"] == "&amp;"
    (project / "events" / "two.json").write_text('{"text": "<2>"}')
    both = document(hotpack("invoke", "--json", "--cold"))["invocations"]
    assert [row["response"] for row in both] == ["&lt;1&gt;", "&lt;2&gt;"]
    assert [row["start"] for row in both] == ["cold", "cold"]
    named = document(hotpack("invoke", "--event", "events/two.json", "--json"))
    assert named["invocations"][0]["response"] == "&lt;2&gt;"


def test_invoke_that_fails(hotpack: Hotpack, project: Path) -> None:
    """An invocation that fails is shown as Lambda returns it, and the exit code is 1."""
    done = hotpack("invoke", "--event", "{}")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "KeyError"


def test_doctor(hotpack: Hotpack) -> None:
    """doctor says which Pythons are here, and which limits are enforced by what."""
    result = document(hotpack("doctor", "--json"))
    names = [row["runtime"] for row in result["runtimes"]]
    assert names == [f"python3.{minor}" for minor in range(10, 15)]
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert next(row["python"] for row in result["runtimes"] if row["runtime"] == here)
    tools = {row["tool"].split()[0]: row["works"] for row in result["tools"]}
    assert tools["boto3"]
    assert "strace" in tools
    limits = {row["limit"]: row["enforced"] for row in result["limits"]}
    assert limits["function timeout"] is True
    assert limits["memory"] is (sys.platform == "linux")
    assert "python3.13" in hotpack("doctor").stdout
