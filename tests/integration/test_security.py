"""The chain of trust, link by link: docs/security.md."""

import hashlib
import json
import socket
import tempfile
import zipfile
from pathlib import Path

import pytest

from hotpack import install, local
from hotpack.errors import DependencyError
from hotpack.install import Lock
from hotpack.pipeline import Tools, build
from hotpack.project import load_project
from hotpack.sandbox import InvokeApi, probe
from hotpack.target import Target

from .conftest import MakeProject

INFO = "evil-1.0.dist-info"
RIGHT = {
    "evil/__init__.py": b"x = 1\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def wheel(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "evil-1.0-py3-none-any.whl"
    record = f"{INFO}/RECORD"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(record, "".join(f"{name},,\n" for name in [*files, record]))
    return path


def hashed(path: Path) -> str:
    return f"{path} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "evil/../../outside.txt"])
def test_wheels_stay_in_the_tree(tmp_path: Path, tools: Tools, target: Target, name: str) -> None:
    """A wheel with a path that leaves its folder is refused, or puts nothing outside."""
    lock = Lock(hashed(wheel(tmp_path, {**RIGHT, name: name.encode()})), tmp_path)
    try:
        tree = install.install(lock, target, tools.uv, tools.cache, tools.progress)
    except DependencyError:
        tree = install.EMPTY_TREE
    assert not any("outside" in file.path for file in tree.files)
    assert not Path("/tmp/outside.txt").exists()
    assert list(tools.cache.root.rglob("outside.txt")) == []


def test_what_has_another_hash_is_refused(tmp_path: Path, tools: Tools, target: Target) -> None:
    """A wheel that is not the one that was locked is not installed."""
    lock = Lock(hashed(wheel(tmp_path, RIGHT)), tmp_path)
    wheel(tmp_path, {**RIGHT, "evil/__init__.py": b"x = 2\n"})
    with pytest.raises(DependencyError, match="does not have the hash that the lock names"):
        install.install(lock, target, tools.uv, tools.cache, tools.progress)


def test_all_or_none_have_hashes(tmp_path: Path, tools: Tools, target: Target) -> None:
    """A requirement without a hash is named."""
    path = wheel(tmp_path, RIGHT)
    assert Lock(hashed(path) + "six==1.17.0\n").unhashed == ("six==1.17.0",)
    assert Lock("six==1.17.0 \\\n    --hash=sha256:00\nevil @ git+https://x\n").unhashed == (
        "evil",
    )
    assert Lock(hashed(path)).unhashed == ()


LOOKS = """\
import os

def handler(event, context):
    found = {}
    for path in event["paths"]:
        try:
            found[path] = open(path).read()
        except OSError as error:
            found[path] = type(error).__name__
    return found
"""


def test_a_sandbox_cannot_read_the_home(make_project: MakeProject, tools: Tools) -> None:
    """What is in the user's home and in /tmp is not there for a function."""
    if not probe().isolation.isolated:
        pytest.skip("nothing isolates here")
    release = build(make_project(LOOKS), tools).release
    with (
        tempfile.NamedTemporaryFile("w", dir=Path.home()) as mine,
        tempfile.NamedTemporaryFile("w") as other,
        local.run(local.function_of(release, "f"), tools, release=release) as running,
    ):
        for file in (mine, other):
            file.write("secret")
            file.flush()
        event = json.dumps({"paths": [mine.name, other.name, "/etc/shadow"]}).encode()
        found = json.loads(running.function.invoke(event).payload)
    assert found == dict.fromkeys([mine.name, other.name, "/etc/shadow"], "FileNotFoundError")


def _listening() -> set[str]:
    """Return the addresses that this process listens on."""
    inodes = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            inodes.add(entry.readlink().name.removeprefix("socket:[").rstrip("]"))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


def test_only_loopback_is_listened_on(make_project: MakeProject, tools: Tools) -> None:
    """The Runtime API, the Invoke API and the bucket are there for this machine alone."""
    project = make_project()
    release = build(load_project(project.root, {"place": {"*": "remote"}}), tools).release
    with (
        local.run(local.function_of(release, "f"), tools, release=release) as running,
        InvokeApi({"f": running.function}) as api,
    ):
        running.function.invoke(b'{"text": "<"}')
        assert api.url.startswith("http://127.0.0.1:")
        here = int.from_bytes(socket.inet_aton("127.0.0.1"), "little")
        assert _listening() == {f"{here:08X}"}
