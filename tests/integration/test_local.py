"""Built functions in the local Lambda: the runtime restores, and bad packs are said."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from hotpack import local
from hotpack.pack import Release
from hotpack.pipeline import Tools, build
from hotpack.project import load_project
from hotpack.project.config import PLACEMENTS
from hotpack.sandbox import Invocation

from .conftest import MakeProject

EVENT = b'{"text": "<b>"}'
EXPECTED = {"html": "&lt;b&gt;", "yaml": {"a": [1, 2]}}


@pytest.fixture
def release(make_project: MakeProject, tools: Tools) -> Callable[..., Release]:
    def make(placement: str, **options: Any) -> Release:
        project = make_project(**options)
        return build(load_project(project.root, {"place": {"*": placement}}), tools).release

    return make


def error_of(invocation: Invocation) -> str:
    assert invocation.status == "error"
    message: str = json.loads(invocation.payload)["errorMessage"]
    return message


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_answers_the_same(
    release: Callable[..., Release], tools: Tools, placement: str
) -> None:
    """A function answers the same wherever its dependencies are; warm ones restore nothing."""
    built = release(placement)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        cold, warm = (running.function.invoke(EVENT) for _ in range(2))
        requests = len(running.bucket.requests) if running.bucket else 0
    assert json.loads(cold.payload) == EXPECTED
    assert json.loads(warm.payload) == EXPECTED
    assert (cold.start, warm.start) == ("cold", "warm")
    assert (requests > 0) == (placement == "remote")


INSPECTS = """\
import importlib.metadata, os, sys
import markupsafe._speedups, yaml

def handler(event, context):
    return {
        "version": importlib.metadata.version("markupsafe"),
        "files": len(importlib.metadata.files("markupsafe")),
        "file": os.path.basename(markupsafe.__file__),
        "cached": os.path.exists(markupsafe.__cached__),
        "order": [
            "tree" if "/hotpack/" in p else "runtime" if "python" in p or "runtime" in p else "task"
            for p in sys.path[:2]
        ],
        "handler": os.environ["_HANDLER"],
    }
"""


def test_behaves_as_a_full_install(release: Callable[..., Release], tools: Tools) -> None:
    """Metadata, files, bytecode, the order of the path and _HANDLER are those of a full install."""
    answers = []
    for placement in ("inline", "bundled"):
        built = release(placement, handler=INSPECTS)
        with local.run(local.function_of(built, "f"), tools, release=built) as running:
            answers.append(json.loads(running.function.invoke(b"{}").payload))
    inline, bundled = answers
    assert bundled["order"][1] == "tree"
    del inline["order"], bundled["order"]
    assert inline == bundled
    assert bundled["handler"] == "app.handler"
    assert bundled["cached"]


CHILD = """\
import subprocess, sys

def handler(event, context):
    program = "import yaml, markupsafe._speedups; print('found')"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
"""


@pytest.mark.parametrize("placement", ["inline", "bundled"])
def test_child_processes_find_the_dependencies(
    release: Callable[..., Release], tools: Tools, placement: str
) -> None:
    """A child process imports what its parent can, wherever the dependencies are."""
    built = release(placement, handler=CHILD)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        assert json.loads(running.function.invoke(b"{}").payload) == "found\n"


CRASHES_ONCE = """\
import os, markupsafe

def handler(event, context):
    tree = os.path.dirname(os.path.dirname(markupsafe.__file__))
    if event.get("crash"):
        open(tree + "/mark", "w").close()
        os._exit(1)
    return os.path.exists(tree + "/mark")
"""


def test_a_reset_sandbox_finds_its_tree(release: Callable[..., Release], tools: Tools) -> None:
    """After a crash the files are found again in /tmp, not restored anew."""
    built = release("remote", handler=CRASHES_ONCE)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        crashed = running.function.invoke(b'{"crash": true}')
        assert running.bucket is not None
        running.bucket.new_environment()
        after = running.function.invoke(b"{}")
        again = running.bucket.requests
        assert len(again) == 1  # bytecode, which is nowhere but in memory
    assert crashed.error_type == "Runtime.ExitError"
    assert json.loads(after.payload) is True


@pytest.mark.parametrize(
    ("handler", "kind", "words"),
    [
        ("import nothing_like_this\ndef handler(e, c): ...", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'nothing_like_this'"),
        ("raise ValueError('at import')\ndef handler(e, c): ...", "ValueError", "at import"),
        ("def handler(e, c):\n  raise KeyError('at call')", "KeyError", "'at call'"),
        ("def handler(e, c): return {1, 2}", "Runtime.MarshalError", "is not JSON serializable"),
        ("def handler(e, c):\n  import sys; sys.exit(3)", "Runtime.ExitError", "exit status 3"),
        ("def broken(:\n  ...\ndef handler(e, c): ...", "Runtime.UserCodeSyntaxError",
         "Syntax error in module 'app'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("placement", ["inline", "bundled"])
def test_wrong_handlers(
    release: Callable[..., Release],
    tools: Tools,
    placement: str,
    handler: str,
    kind: str,
    words: str,
) -> None:
    """A handler's error is the same, in Lambda's words, with and without packs."""
    built = release(placement, handler=handler)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        invocation = running.function.invoke(b"{}")
    assert words in error_of(invocation)
    assert json.loads(invocation.payload)["errorType"] == kind


def test_handler_that_never_returns(release: Callable[..., Release], tools: Tools) -> None:
    """A handler that never returns is ended at its timeout, in Lambda's words."""
    handler = "import time\ndef handler(e, c): time.sleep(60)"
    built = release("bundled", handler=handler, table="timeout_s = 1")
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        invocation = running.function.invoke(b"{}")
    assert invocation.status == "timeout"
    assert any("Task timed out after 1.00 seconds" in event for event in invocation.log)


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (flip_bit, "is damaged"),
        (cut_short, "cut short"),
        (Path.unlink, "NoSuchKey"),
    ],
)
def test_bad_remote_pack(
    release: Callable[..., Release], tools: Tools, harm: Callable[[Path], None], words: str
) -> None:
    """A bad pack on S3 fails the function in one line that names it; a good one then works."""
    built = release("remote")
    victim = built.folder / next(iter(built.remote_packs.values()))
    good = victim.read_bytes()
    harm(victim)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        failed = running.function.invoke(EVENT)
        victim.write_bytes(good)
        retried = running.function.invoke(EVENT)
    message = error_of(failed)
    assert words in message
    assert victim.stem in message
    assert "markupsafe" in message
    assert "\n" not in message
    assert json.loads(retried.payload) == EXPECTED


def test_bad_bundled_pack(release: Callable[..., Release], tools: Tools, tmp_path: Path) -> None:
    """A bad pack in the function fails it in one line that names it."""
    built = release("bundled")
    damaged = tmp_path / "function.zip"
    copyfile(built.function_zip, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(damaged, "w") as bad:
        for item in good.infolist():
            content = bytearray(good.read(item))
            if item.filename.endswith(".pack"):
                content[len(content) // 2] ^= 1
            bad.writestr(item, bytes(content))
    damaged.replace(built.function_zip)
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        message = error_of(running.function.invoke(EVENT))
    assert "hotpack: pack " in message
    assert "is damaged" in message
    assert "deploy the function again" in message


def test_access_denied(release: Callable[..., Release], tools: Tools) -> None:
    """Where S3 refuses, its words and the permission that is missing are in the error."""
    built = release("remote")
    with local.run(local.function_of(built, "f"), tools, release=built) as running:
        assert running.bucket is not None
        running.bucket.name = "another"
        message = error_of(running.function.invoke(EVENT))
    assert "NoSuchBucket: The specified bucket does not exist" in message
    assert "s3://" in message
