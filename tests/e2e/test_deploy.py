"""deploy, status, rollback, gc, export, invoke --remote, as typed, against moto's server."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from .conftest import Hotpack, document

HANDLER = """\
import markupsafe

def handler(event, context):
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
"*" = "remote"
[tool.hotpack.env.prod]
memory_mb = 2048
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "requirements.txt").write_text("markupsafe==3.0.3\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "one.json").write_text('{"text": "<1>"}')
    return tmp_path


def test_from_an_empty_account(hotpack: Hotpack, project: Path, bucket: str) -> None:
    """The whole way: first deploy, another handler, another version of a dependency, back, gc."""
    assert "nothing has been built yet" in hotpack("deploy", "--no-build").stderr
    dry = hotpack("deploy", "--create-role", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    for words in (
        "markupsafe",
        "create the role hotpack-greeter-us-east-1",
        "point live to the new",
    ):
        assert words in dry.stdout
    assert hotpack("status").returncode == 1

    first = document(hotpack("deploy", "--create-role", "--yes", "--json"))
    assert first["version"] == "1"
    assert document(hotpack("deploy", "--yes", "--json", "--no-build"))["steps"] == []

    (project / "app.py").write_text(HANDLER + "# another\n")
    second = document(hotpack("deploy", "--yes", "--json"))
    assert (second["version_before"], second["version"]) == ("1", "2")
    assert uploaded(second) == ["function.zip"]

    (project / "requirements.txt").write_text("markupsafe==3.0.2\n")
    third = document(hotpack("deploy", "--yes", "--json"))
    assert set(uploaded(third)) == {"markupsafe", "function.zip"}

    shown = hotpack("status")
    assert "greeter 1.0" in shown.stdout
    assert document(hotpack("status", "--json"))["aliases"] == {"live": "3"}
    back = hotpack("rollback", "--yes")
    assert back.stdout.strip() == "Live: greeter:live is version 2"
    assert document(hotpack("gc", "--yes", "--json"))["deleted_keys"] == []
    would = document(hotpack("gc", "--keep", "1", "--dry-run", "--json"))
    assert would["deleted_versions"] == ["greeter:1"]


def uploaded(done: dict[str, list[dict[str, list[str]]]]) -> list[str]:
    """Return what a deploy uploaded, by what it holds."""
    details = [step["details"] for step in done["steps"] if "Upload" in step["step"]]
    return [line.rsplit(" ", 2)[0] for lines in details for line in lines]


def test_environments_are_apart(hotpack: Hotpack, project: Path, bucket: str) -> None:
    """--env makes a function of its own, with its own settings, over the same packs."""
    document(hotpack("deploy", "--create-role", "--yes", "--json"))
    prod = document(hotpack("deploy", "--env", "prod", "--create-role", "--yes", "--json"))
    assert prod["function"] == "greeter-prod"
    assert uploaded(prod) == []
    status = document(hotpack("status", "--env", "prod", "--json"))
    assert status["versions"][0]["memory_mb"] == 2048
    assert hotpack("status", "--env", "prd").stderr.startswith("error:")


def test_nobody_to_ask(hotpack: Hotpack, project: Path, bucket: str) -> None:
    """Without --yes and a terminal, nothing is done, and that is an error."""
    done = hotpack("deploy", "--create-role")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert "Contents" not in boto3.client("s3", region_name="us-east-1").list_objects_v2(
        Bucket=bucket
    )


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_somebody_to_ask(
    project: Path, bucket: str, cache_dir: Path, answer: str, code: int
) -> None:
    """In a terminal it asks, and does it after a yes only."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "w") as terminal:
        terminal.write(answer)
        terminal.flush()
        done = subprocess.run(
            [sys.executable, "-m", "hotpack", "deploy", "--create-role"],
            stdin=theirs,
            cwd=project,
            env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
            capture_output=True,
            text=True,
            check=False,
        )
        os.close(theirs)
    assert done.returncode == code
    assert "Do this in us-east-1 of account 123456789012?" in done.stderr
    assert ("nothing was done" in done.stderr) is bool(code)


def test_without_boto3(project: Path, cache_dir: Path) -> None:
    """hotpack works without boto3; what needs it says how to get it."""
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "sys.argv = ['hotpack', *sys.argv[1:]]\n"
        "from hotpack.cli import main; main()"
    )
    for arguments, code in ((["status"], 1), (["sizes", "--help"], 0), (["invoke", "--help"], 0)):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", program, "deploy"],
        cwd=project,
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hotpack[deploy]" in done.stderr


def test_upload_for_other_tools(hotpack: Hotpack, project: Path, bucket: str) -> None:
    """--upload-only and export are enough for another tool; no function is made."""
    done = document(hotpack("deploy", "--upload-only", "--yes", "--json"))
    assert set(uploaded(done)) >= {"markupsafe", "function.zip"}
    assert done["version"] is None
    again = document(hotpack("deploy", "--upload-only", "--yes", "--json"))
    # The record anew, so that gc waits another day for a version that needs it.
    assert [step["step"] for step in again["steps"]] == ["WriteRecord"]
    assert hotpack("export", "sam", "--output", "template.yaml").returncode == 0
    assert "artifacts/hotpack/packs/*" in (project / "template.yaml").read_text()
    text = document(hotpack("export", "terraform", "--json"))["text"]
    assert hotpack("export", "terraform").stdout == text


def test_export_needs_a_build(hotpack: Hotpack, project: Path) -> None:
    """Before a build there is nothing to export."""
    done = hotpack("export", "sam")
    assert done.returncode == 1
    assert "nothing has been built yet" in done.stderr


@pytest.fixture
def served(hotpack: Hotpack, project: Path, account: str, cache_dir: Path) -> Iterator[str]:
    """The project behind the local Lambda's Invoke API, in place of Lambda's own."""
    with subprocess.Popen(
        [sys.executable, "-m", "hotpack", "serve", "--port", "0", "--url-port", "0", "--json"],
        cwd=project,
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "}\n")
        yield json.loads("".join(lines) + "}")["url"]
        process.terminate()


def test_invoke_remote(hotpack: Hotpack, project: Path, served: str) -> None:
    """--remote invokes through Lambda's API, and shows what its log says."""
    environment = {"AWS_ENDPOINT_URL_LAMBDA": served}
    remote = ("invoke", "--remote", "--qualifier", "$LATEST")
    done = hotpack(*remote, "--repeat", "2", environment=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['"&lt;1&gt;"'] * 2
    assert "REPORT RequestId" in done.stderr
    [row] = document(hotpack(*remote, "--json", environment=environment))["invocations"]
    assert row["response"] == "&lt;1&gt;"
    assert row["duration_ms"] > 0
    assert row["version"] == "$LATEST"
    failed = hotpack(*remote, "--event", "{}", "--json", environment=environment)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["invocations"][0]["status"] == "error"
    missing = hotpack("invoke", "--remote", environment=environment)
    assert "Function not found: greeter:live" in missing.stderr


def test_bench_remote(hotpack: Hotpack, project: Path, bucket: str) -> None:
    """bench --remote forces cold starts and leaves nothing of it behind."""
    document(hotpack("deploy", "--create-role", "--yes", "--json"))
    remote = ("bench", "--remote", "--rounds", "3")
    starts = document(hotpack(*remote, "--json"))["cold_starts"]
    assert [(row["start"], row["init_ms"], row["version"]) for row in starts] == [
        ("cold", 130.49, "$LATEST")
    ] * 3
    assert "130 ms" in hotpack(*remote).stdout
    assert document(hotpack("deploy", "--yes", "--json"))["steps"] == []
