import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from hotpack.errors import SandboxError
from hotpack.sandbox.enclosure import GUEST
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


def test_the_programs_of_a_sandbox_have_bytecode_for_the_python_that_was_asked() -> None:
    """A sandbox cannot write its own, and would compile them at each start."""
    programs = ("holder", "family", "watch")
    saved = [Path(cache_from_source(str(GUEST / f"{program}.py"))) for program in programs]
    for path in saved:
        path.unlink(missing_ok=True)
    inspect(Path(sys.executable))
    assert all(path.is_file() for path in saved)
