"""The door to uv: runs it, and turns what it says into errors for people."""

import glob
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from hotpack.errors import (
    DependencyError,
    IndexUnreachableError,
    NoWheelError,
    PythonMismatchError,
)
from hotpack.target import Target

_RESOLUTION: Final = frozenset(
    f"UV_{name}"
    for name in (
        "CONSTRAINT", "DEFAULT_INDEX", "EXCLUDE_NEWER", "EXTRA_INDEX_URL", "FIND_LINKS", "INDEX",
        "INDEX_STRATEGY", "INDEX_URL", "NO_INDEX", "OVERRIDE", "PRERELEASE", "RESOLUTION",
        "TORCH_BACKEND",
    )
)  # fmt: skip


class Uv:
    """Runs the `uv` that came with hotpack, with the user's own settings of it."""

    def __init__(self, environment: Mapping[str, str], executable: str | None = None) -> None:
        self._executable = executable or find_uv_bin()
        # A target's Python is never downloaded unasked, and installing needs none.
        self._environment = {**environment, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}

    @property
    def resolution_settings(self) -> str:
        """Return the user's settings of uv that another resolution may come of."""
        return repr(sorted(item for item in self._environment.items() if item[0] in _RESOLUTION))

    def run(self, arguments: Sequence[str], target: Target, folder: Path | None = None) -> str:
        """Return what uv prints on stdout, run in the folder: there it looks for its settings.

        Raises DependencyError, or the one of its kinds that names the cause.
        """
        done = subprocess.run(
            [self._executable, *arguments],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise explain(done.stderr, target)
        return done.stdout

    def find_python(self, version: str) -> Path | None:
        """Return an installed CPython of that minor version, None where there is none.

        Interpreters of pyenv count, which its own shims hide unless they are switched on.
        """
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            return Path(sys._base_executable)  # type: ignore[attr-defined]  # noqa: SLF001
        pyenv = self._environment.get("PYENV_ROOT", Path.home() / ".pyenv")
        # Not pathlib's, which fails at another user's folder: `su` keeps PYENV_ROOT.
        bins = glob.glob(f"{glob.escape(str(pyenv))}/versions/{version}.*/bin")  # noqa: PTH207
        search = os.pathsep.join([*bins, self._environment.get("PATH", os.defpath)])
        done = subprocess.run(
            [self._executable, "python", "find", "--system", f"cpython@{version}"],
            env={**self._environment, "PATH": search},
            capture_output=True,
            text=True,
            check=False,
        )
        return Path(done.stdout.strip()).resolve() if done.returncode == 0 else None


_UNREACHABLE: Final = (
    "error sending request",
    "Failed to fetch",
    "network was disabled",
    "dns error",
)
_NO_WHEEL: Final = re.compile(r"(\S+?)(?:[<>=!~]\S+)? (?:has|have) no (?:usable )?wheels")
_NO_WHEEL_AT_INSTALL: Final = re.compile(
    r"`?([\w.-]+?)(?:==\S+)?`? .*(?:no binary distribution|no-build)"
)
_NOT_FOUND: Final = re.compile(r"Because (\S+) was not found in the package registry")
_TAGS: Final = re.compile(
    r"(?:we only found wheels|Wheels are available) for .*?following (.*? tag|platform)s?: "
    r"(.+?)(?: hint: |$)"
)
_LABEL: Final = re.compile(r"^(?:error|hint): ", re.MULTILINE)


def explain(stderr: str, target: Target) -> DependencyError:
    """Return the error that uv's words on stderr mean, with uv's own words below."""
    said = [line for line in stderr.splitlines() if line and not line.startswith("warning:")]
    flat = " ".join(" ".join(said).split())
    # Without its labels: what hotpack says has one error: and one hint:
    words = textwrap.indent(_LABEL.sub("", "\n".join(said)), "  ")
    if any(sign in flat for sign in _UNREACHABLE):
        return IndexUnreachableError(
            f"the package index cannot be reached\n{words}",
            hint="check the network, or uv's UV_DEFAULT_INDEX and proxy settings; "
            "what was installed before is still in the cache and builds offline",
        )
    if "needs to be updated, but `--locked`" in flat:
        return DependencyError(
            "uv.lock is older than the dependencies in pyproject.toml", hint="run `uv lock`"
        )
    if "incompatible with the project's Python requirement" in flat:
        return PythonMismatchError(
            f"the project is not for this Python\n{words}", hint="see its requires-python"
        )
    if "Hash mismatch" in flat:
        return DependencyError(
            f"what was downloaded does not have the hash that the lock names\n{words}",
            hint="if a wheel of yours was built again, `hotpack build --upgrade` takes it",
        )
    if "No space left on device" in flat:
        return DependencyError(
            f"the disk of the cache is full\n{words}",
            hint="make room, or set HOTPACK_CACHE_DIR and UV_CACHE_DIR to another disk",
        )
    if missing := _NOT_FOUND.search(flat):
        return DependencyError(
            f"the package index has no package named {missing[1]}\n{words}",
            hint="check the spelling; for another index set uv's UV_INDEX",
        )
    if without := _NO_WHEEL.search(flat) or _NO_WHEEL_AT_INSTALL.search(flat):
        tags = _TAGS.search(flat)
        exist = f"; its wheels are for {tags[2]}" if tags else ""
        return NoWheelError(
            f"{_package(without)} has no wheel for {target} ({target.platform}){exist}\n{words}",
            hint=f"ask for {_way_out(tags[1] if tags else None)}; or for a package that ships "
            "wheels (psycopg2-binary for psycopg2), or put a wheel you built into a folder and set "
            "UV_FIND_LINKS to it",
        )
    return DependencyError(f"the dependencies cannot be had for {target}\n{words}")


def _way_out(tags: str | None) -> str:
    """Return what else to ask for, by what the wheels that exist differ in.

    uv does not say that where it could build from source instead: "no usable wheels".
    """
    glibc = "python3.12 and newer have a newer glibc"
    match tags:
        case "platform":
            runtime = f"another `runtime` ({glibc}) or `architecture`"
        case None:
            runtime = f"another `runtime` (an older Python may have wheels; {glibc})"
        case _:
            runtime = "a `runtime` of one of these Pythons"
    return f"another version of it, or {runtime} in [tool.hotpack]"


def _package(match: re.Match[str]) -> str:
    return re.split(r"[<>=!~]", match[1].strip("`'\""))[0]
