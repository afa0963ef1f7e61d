import sys
from pathlib import Path

import pytest

from hotpack.errors import SandboxError
from hotpack.sandbox.interpreter import inspect, require
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_runtime


def test_a_virtual_environments_python_stands_for_the_one_it_was_made_from() -> None:
    found = inspect(Path(sys.executable))
    assert found.prefix == Path(sys.base_prefix).resolve()
    assert found.executable.is_relative_to(found.prefix)
    assert f"python{found.version}" == host_runtime()


def test_what_is_no_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="nothing"):
        inspect(tmp_path / "nothing")
    with pytest.raises(SandboxError, match="does not run"):
        inspect(Path("/bin/sh"))


def test_another_version_than_the_runtimes_is_refused() -> None:
    other = next(runtime for name, runtime in RUNTIMES.items() if name != host_runtime())
    with pytest.raises(SandboxError, match=other.name):
        require(inspect(Path(sys.executable)), other)
