"""The commands as a user types them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""Under nohup it is ignored, by what tests start too."""

MOTO = Path(__file__).parents[1] / "integration" / "deploy" / "moto_server.py"
Hotpack = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def hotpack(tmp_path: Path, cache_dir: Path) -> Hotpack:
    """Run `hotpack ARGUMENTS` in a folder; a project's, if none is named."""

    def run(
        *arguments: str, cwd: Path = tmp_path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir), **(environment or {})}
        return subprocess.run(
            [sys.executable, "-m", "hotpack", *arguments],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@contextmanager
def moto_server(*options: str) -> Iterator[str]:
    """Yield the URL of a moto server in a process of its own."""
    program = [sys.executable, str(MOTO), *options]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.terminate()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def account(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty account, which commands find by the environment."""
    urllib.request.urlopen(f"{moto}/moto-api/reset", data=b"", timeout=10).close()
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return moto


@pytest.fixture
def bucket(account: str) -> str:
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="my-artifacts")
    return "my-artifacts"


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """Return what a command printed for programs."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
