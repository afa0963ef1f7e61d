"""A function whose build changes while it is served."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotpack.errors import ArtifactError, SandboxError
from hotpack.sandbox import LocalLambda, Machine, PlainFolders, Reloading

SOURCE = """
import os, time
def handler(event, context):
    print("here", flush=True)
    while event and not os.path.exists(event): time.sleep(0.01)
    return {version!r}
"""


class Builds:
    """A project that is built again and again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.current = root

    def build(self, version: str) -> None:
        folder = self.root / version
        folder.mkdir()
        (folder / "app.py").write_text(SOURCE.format(version=version))
        self.current = folder


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    builds = Builds(tmp_path)
    builds.build("one")
    return builds


@pytest.fixture
def served(
    builds: Builds, start_with: Any, this_machine: Machine, heard: list[str]
) -> Iterator[Reloading]:
    plain = replace(this_machine, isolation=PlainFolders())  # so that a test can end what waits

    def start(folder: Path) -> AbstractContextManager[LocalLambda]:
        if not folder.is_dir():
            raise ArtifactError(f"{folder.name} is not there")
        local: LocalLambda = start_with(plain, "", code=folder, on_log=heard.append)
        return local

    def reloaded(folder: Path) -> None:
        heard.append(f"reloaded {folder.name}")

    with Reloading(lambda: builds.current, start, reloaded) as served:
        yield served


def test_the_next_invocation_runs_what_was_built_last(
    served: Reloading, builds: Builds, heard: list[str]
) -> None:
    assert [served.invoke(b"null").payload for _ in range(2)] == [b'"one"'] * 2
    builds.build("two")
    first, second = served.invoke(b"null"), served.invoke(b"null")
    assert (first.payload, second.payload) == (b'"two"', b'"two"')
    assert (first.start, second.start) == ("cold", "warm")
    assert [line for line in heard if line.startswith("reloaded")] == ["reloaded two"]
    assert served.function.code == builds.current


def test_the_old_sandboxes_are_closed(
    served: Reloading, builds: Builds, state_dir: Path, eventually: Any
) -> None:
    served.invoke(b"null")
    before = set(state_dir.glob("sandboxes/*/*/"))
    builds.build("two")
    served.invoke(b"null")
    assert before
    assert not before & set(state_dir.glob("sandboxes/*/*/"))


def test_what_runs_ends_on_the_code_that_it_began_with(
    served: Reloading,
    builds: Builds,
    heard: list[str],
    state_dir: Path,
    tmp_path: Path,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    until = json.dumps(str(tmp_path / "until")).encode()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(served.invoke, until)
        eventually(lambda: "here" in heard)
        builds.build("two")
        assert served.invoke(b"null").payload == b'"two"'
        (tmp_path / "until").touch()
        assert running.result().payload == b'"one"'
    assert len(list(state_dir.glob("sandboxes/*/"))) == 1


def test_a_closed_one_begins_nothing_new(served: Reloading, builds: Builds) -> None:
    served.invoke(b"null")
    served.close()
    served._generation.local.close()
    builds.build("two")
    with pytest.raises(SandboxError, match="closed"):
        served.invoke(b"null")


def test_closing_ends_what_runs_on_older_builds_too(
    served: Reloading, builds: Builds, heard: list[str], state_dir: Path, eventually: Any
) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(served.invoke, b'"/nowhere"')
        eventually(lambda: "here" in heard)
        builds.build("two")
        assert served.invoke(b"null").payload == b'"two"'
        served.close()
        assert list(state_dir.glob("sandboxes/*/")) == []
        assert running.result().error_type == "Runtime.ExitError"


def test_a_build_that_cannot_run_is_an_error_until_there_is_one_that_can(
    served: Reloading, builds: Builds
) -> None:
    builds.current = builds.root / "broken"
    for _ in range(2):
        with pytest.raises(ArtifactError, match="broken"):
            served.invoke(b"null")
    builds.build("two")
    assert served.invoke(b"null").payload == b'"two"'
