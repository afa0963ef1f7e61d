"""What can be wrong: each says what, in one line for people, and leaves nothing half-written."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Hotpack

EXAMPLE = Path(__file__).parents[2] / "examples" / "spacy"


def project(root: Path, *, table: str = "", requirements: str = "") -> Path:
    (root / "app.py").write_text("def handler(event, context): return 1\n")
    (root / "requirements.txt").write_text(requirements)
    (root / "pyproject.toml").write_text(f'[tool.hotpack]\nhandler = "app.handler"\n{table}\n')
    return root


@pytest.mark.parametrize(
    ("table", "requirements", "words", "hint"),
    [
        ("memmory_mb = 512", "", "has no key 'memmory_mb'", "did you mean 'memory_mb'?"),
        ('include = ["nothing.py"]', "", "'nothing.py' matches no file", ""),
        ("", "psycopg2", "psycopg2 has no wheel for python3.", "psycopg2-binary"),
        ("", "hotpack-no-such-distribution", "no package named hotpack-no-such-distr", "spelling"),
        ("place = { numpy = 'inline' }", "", "pins numpy, which is not among", "hotpack sizes"),
        ("environment = { AWS_REGION = 'x' }", "", "Lambda reserves", "rename"),
    ],
)
def test_wrong_project(
    hotpack: Hotpack, tmp_path: Path, table: str, requirements: str, words: str, hint: str
) -> None:
    """A wrong project is an error and a hint, exit code 1, and no traceback."""
    project(tmp_path, table=table, requirements=requirements)
    done = hotpack("invoke")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert words in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_no_table(hotpack: Hotpack, tmp_path: Path) -> None:
    """Without [tool.hotpack] the hint is `hotpack init`; --json says it to programs too."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    done = hotpack("build", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)
    assert "no [tool.hotpack] table" in error["error"]
    assert "hotpack init" in error["hint"]
    assert error["kind"] == "ConfigError"
    assert "no [tool.hotpack] table" in done.stderr


def test_handler_does_not_exist(hotpack: Hotpack, tmp_path: Path) -> None:
    """A handler that does not exist is found before anything is installed."""
    project(tmp_path)
    (tmp_path / "app.py").write_text("def handle(event, context): return 1\n")
    done = hotpack("build")
    assert done.returncode == 1
    assert "does not define 'handler'" in done.stderr
    assert "did you mean app.handle?" in done.stderr


def test_no_network(hotpack: Hotpack, tmp_path: Path) -> None:
    """An index that cannot be reached is said, with where to look."""
    project(tmp_path, requirements="markupsafe\n")
    nowhere = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_HTTP_RETRIES": "0",
    }
    done = hotpack("build", environment=nowhere)
    assert done.returncode == 1
    assert "the package index cannot be reached" in done.stderr
    assert "UV_DEFAULT_INDEX" in done.stderr


def test_event_that_is_no_json(hotpack: Hotpack, tmp_path: Path) -> None:
    """An event that is no JSON is said, with where."""
    project(tmp_path)
    assert "--event is not JSON" in hotpack("invoke", "--event", "{a").stderr
    missing = hotpack("invoke", "--event", "events/none.json")
    assert "events/none.json does not exist" in missing.stderr


def test_events_that_match_nothing(hotpack: Hotpack, tmp_path: Path) -> None:
    """An events pattern of the user's that matches nothing is an error, as in include."""
    project(tmp_path, table='events = ["event/*.json"]')
    assert "'event/*.json' matches no file" in hotpack("invoke").stderr


def test_remote_without_a_bucket(hotpack: Hotpack, tmp_path: Path) -> None:
    """Remote packs without a bucket are warned of: such a function starts nowhere but here."""
    project(tmp_path, requirements="six\n")
    done = hotpack("build", "--place", "remote")
    assert done.returncode == 0
    assert "no bucket is named" in done.stderr


def test_code_that_does_not_compile(hotpack: Hotpack, tmp_path: Path) -> None:
    """A syntax error in the project's code is warned of at the build."""
    project(tmp_path)
    (tmp_path / "broken.py").write_text("def (:\n")
    assert "broken.py does not compile with Python" in hotpack("build").stderr


def test_name_of_a_dependency(hotpack: Hotpack, tmp_path: Path) -> None:
    """A module of the project's that has a dependency's name is warned of."""
    project(tmp_path, requirements="six\n")
    (tmp_path / "six.py").write_text("mine = True\n")
    assert "six.py is the project's and six's" in hotpack("build").stderr


def test_what_the_system_refuses(hotpack: Hotpack, tmp_path: Path) -> None:
    """What the system refuses is an error for people too: here, a cache that is a file."""
    project(tmp_path, requirements="six\n")
    (tmp_path / "file").write_text("")
    done = hotpack("build", environment={"HOTPACK_CACHE_DIR": str(tmp_path / "file" / "cache")})
    assert done.returncode == 1
    assert "error: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use(hotpack: Hotpack, tmp_path: Path) -> None:
    """A port that is taken is said, with what to do."""
    project(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = hotpack("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "choose another one" in done.stderr


def test_debug_shows_the_traceback(hotpack: Hotpack, tmp_path: Path) -> None:
    """--debug shows where an error came from."""
    done = hotpack("--debug", "build")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in a build leaves nothing half-written, and the next build works from there."""
    cache = tmp_path / "cache"
    root = tmp_path / "spacy"
    root.mkdir()
    for name in ("app.py", "pyproject.toml"):
        (root / name).write_text((EXAMPLE / name).read_text())
    env = {**os.environ, "HOTPACK_CACHE_DIR": str(cache)}
    program = [sys.executable, "-m", "hotpack", "build", "--place", "bundled"]
    with subprocess.Popen(
        program, cwd=root, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as build:
        wait_for(lambda: any(cache.glob("trees/*/.*")) or build.poll() is not None)
        os.killpg(build.pid, signal.SIGINT)  # as a terminal does
        _, talk = build.communicate(timeout=60)
    assert build.returncode == 130, talk
    assert "interrupted" in talk
    assert "Traceback" not in talk
    assert half_written(cache) == []
    assert not (root / ".hotpack" / "build").exists()


def wait_for(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def half_written(cache: Path) -> list[Path]:
    return [path for path in cache.rglob(".*") if "root" not in path.relative_to(cache).parts]
