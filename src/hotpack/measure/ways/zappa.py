"""Zappa with `slim_handler`, from PyPI: its own packager, its own loader.

`zappa package` makes a tar.gz of everything in the user's environment, Zappa included, for S3, and
a small function that unpacks it to /tmp. The project's module is loaded with it, as Zappa loads a
web application; the event reaches the handler as a direct command, as `zappa invoke` sends it.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hotpack.cache import digest_of
from hotpack.errors import HotpackError
from hotpack.install import Environment, File, install_environment
from hotpack.local import LOCAL_BUCKET
from hotpack.measure.ways.shipping import (
    Shipped,
    Way,
    function_with,
    libraries,
    own_files,
)
from hotpack.measure.ways.tools import run_tool
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools

_PACKAGE: Final = "zappa==0.63.0"
_STAGE: Final = "bench"
_PROJECT: Final = "project"
"""Zappa unpacks to /tmp under this name."""

_HANDLER, _ARCHIVE, _NEEDS = "handler.zip", "project.tar.gz", "tmp-bytes"
_ON_S3: Final = re.compile(r"ARCHIVE_PATH='s3://[^/]+/(.+)'")


def ship(prepared: Prepared, tools: Tools) -> Shipped:
    """Return what `zappa package` makes of the project."""
    target = prepared.project.config.target
    environment = install_environment([_PACKAGE], target, tools.uv, tools.cache, tools.progress)
    files, own = libraries(prepared), own_files(prepared)
    command = prepared.project.config.handler.replace("/", ".")
    contents: list[File | Entry] = [*files, *own]
    listing = [f"{item.path}\0{item.sha256}" for item in contents]
    key = digest_of("zappa", _PACKAGE, command, environment.folder, *listing)
    made = tools.cache.path("archives", key)
    if not made.is_dir():
        with (
            tools.cache.folder("archives", key) as beside,
            tools.progress.task("zappa package", None, "files"),
        ):
            _package(environment, files, own, command, beside)
    with zipfile.ZipFile(made / _HANDLER) as opened:
        on_s3 = _ON_S3.search(opened.read("zappa_settings.py").decode())
    if on_s3 is None:
        raise HotpackError(f"{_PACKAGE} names no archive on S3")
    function = function_with(
        prepared,
        "zappa",
        "handler.lambda_handler",
        made / _HANDLER,
        tmp_bytes=int((made / _NEEDS).read_text()),
        environment={
            asset.variable: f"/tmp/{_PROJECT}/{asset.place}"  # noqa: S108 - Lambda's
            for asset in prepared.assets
        },
    )
    return Shipped(function, {on_s3[1]: made / _ARCHIVE}, event=partial(_as_command, command))


def _package(
    environment: Environment,
    files: Sequence[File],
    own: Sequence[Entry],
    command: str,
    made: Path,
) -> None:
    """Let Zappa package a folder with the project and an environment with its dependencies."""
    with tempfile.TemporaryDirectory(prefix=".zappa-", dir=made.parent) as folder:
        project, users = Path(folder, _PROJECT), Path(folder, "environment")
        project.mkdir()
        packages = users / environment.site_packages.relative_to(environment.folder)
        shutil.copytree(environment.site_packages, packages)
        _lay_out(files, packages)
        _lay_out(own, project)
        # As pip leaves them. Zappa copies the sources without their times, so all are stale.
        compiling = [str(environment.python), "-m", "compileall", "-q", "-j", "0", str(packages)]
        subprocess.run(compiling, capture_output=True, check=False)
        settings = {
            "app_function": command,
            "slim_handler": True,
            "s3_bucket": LOCAL_BUCKET,
            "project_name": _PROJECT,
            "runtime": f"python{packages.parent.name.removeprefix('python')}",
            "aws_region": "us-east-1",
            # The packages are the target's already, and it would ask PyPI for each.
            "use_precompiled_packages": False,
        }
        (project / "zappa_settings.json").write_text(json.dumps({_STAGE: settings}))
        scripts = environment.folder / "bin"
        run_tool(
            _PACKAGE,
            [scripts / "zappa", "package", _STAGE],
            project,
            {"VIRTUAL_ENV": str(users), "PATH": f"{scripts}:{os.environ['PATH']}"},
        )
        needed = sum(path.stat().st_size + 4096 for path in packages.rglob("*") if path.is_file())
        (made / _NEEDS).write_text(str(needed))
        (handler,) = project.glob("handler_*.zip")
        (archive,) = project.glob("*.tar.gz")
        shutil.move(handler, made / _HANDLER)
        shutil.move(archive, made / _ARCHIVE)


def _lay_out(files: Sequence[File | Entry], folder: Path) -> None:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, path)


def _as_command(command: str, payload: bytes) -> bytes:
    event = json.loads(payload)
    if not isinstance(event, dict):
        raise HotpackError("zappa's direct commands are JSON objects, and the event is none")
    return json.dumps({**event, "command": command}).encode()


WAY: Final = Way(
    "zappa",
    f"{_PACKAGE}, slim_handler: a tar.gz of the whole environment on S3, streamed to /tmp",
    ship,
    is_peer=True,
)
