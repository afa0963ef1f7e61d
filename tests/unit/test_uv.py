"""What uv says, as errors for people."""

import pytest

from hotpack.errors import DependencyError, IndexUnreachableError, NoWheelError
from hotpack.install.uv import Uv, explain
from hotpack.target import RUNTIMES, Target

TARGET = Target(RUNTIMES["python3.13"], "arm64")

NO_WHEEL = """\
error: No solution found when resolving dependencies
  cause: Because all versions of psycopg2 have no usable wheels and you require psycopg2, we can
      conclude that your requirements are unsatisfiable.

hint: Wheels are required for `psycopg2` because building from source is disabled
"""
OTHER_TAGS = """\
error: No solution found when resolving dependencies
  cause: Because tensorflow-cpu<=2.10.1 has no wheels with a matching Python ABI tag (e.g., `cp313`)

hint: You require CPython 3.13 (`cp313`), but we only found wheels for `tensorflow-cpu` (v2.10.1)
with the following Python ABI tags: `cp37m`, `cp38`
"""
OTHER_PLATFORM = """\
error: No solution found when resolving dependencies
  cause: Because torch==2.13.0+cpu has no wheels with a matching platform tag (e.g.,
      `manylinux_2_17_x86_64`), we can conclude that your requirements are unsatisfiable.

hint: Wheels are available for `torch` (v2.13.0+cpu) on the following platform:
`manylinux_2_28_x86_64`
hint: something else
"""
NOT_FOUND = """\
error: No solution found when resolving dependencies
  cause: Because nope-xyz was not found in the package registry and you require nope-xyz, we can
      conclude that your requirements are unsatisfiable.
"""
UNREACHABLE = """\
error: Request failed after 3 retries in 4.9s
  cause: Failed to fetch: http://127.0.0.1:9/simple/requests/
  cause: error sending request for url
"""


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        (NO_WHEEL, NoWheelError, r"psycopg2 has no wheel for python3.13 on arm64 \(\S+\)\n"),
        (OTHER_TAGS, NoWheelError, "tensorflow-cpu has no wheel .* for `cp37m`, `cp38`"),
        (OTHER_PLATFORM, NoWheelError, "torch has no .* are for `manylinux_2_28_x86_64`\n"),
        (NOT_FOUND, DependencyError, "no package named nope-xyz"),
        (UNREACHABLE, IndexUnreachableError, "cannot be reached"),
        ("error: something else", DependencyError, "something else"),
    ],
)
def test_explain(stderr: str, kind: type[DependencyError], words: str) -> None:
    """The error is of the kind of the cause, names the package, and keeps uv's words, indented."""
    error = explain(stderr, TARGET)
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    first, *_ = stderr.removeprefix("error: ").splitlines()
    assert f"\n  {first}" in error.message
    assert "error: " not in error.message
    assert "hint: " not in error.message


@pytest.mark.parametrize(
    ("stderr", "way_out"),
    [
        (NO_WHEEL, "an older Python may have wheels; python3.12 and newer have a newer glibc"),
        (OTHER_TAGS, "a `runtime` of one of these Pythons"),
        (OTHER_PLATFORM, "(python3.12 and newer have a newer glibc) or `architecture`"),
    ],
)
def test_way_out(stderr: str, way_out: str) -> None:
    """What to do is said by what the wheels that exist differ in."""
    assert way_out in str(explain(stderr, TARGET).hint)


def test_a_pyenv_that_cannot_be_looked_into_has_no_pythons() -> None:
    """`su` keeps the PYENV_ROOT of a user whose folders are closed to others."""
    assert Uv({"PYENV_ROOT": f"/{'x' * 300}", "PATH": "/nowhere"}).find_python("2.6") is None
