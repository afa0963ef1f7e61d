"""Where faults are tried: a small function built by the project's own pipeline, in its sandbox."""

import hashlib
import json
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from hotpack import local
from hotpack.install import install_runtime_client
from hotpack.pack import Release
from hotpack.pipeline import Tools, build
from hotpack.project import load_project
from hotpack.sandbox import Bucket, LocalLambda, Machine, Network, PlainFolders, Settings, probe

APP = Path(__file__).parent / "function" / "app.py"
PLACEMENTS = ("bundled", "remote")
BUCKET = "artifacts"

PARCEL: Mapping[str, bytes] = {
    "parcel/__init__.py": b"WORD = 'parcel'\n",
    **{f"parcel/cold{n}.py": f"VALUE = {n}\n".encode() for n in range(8)},
    "parcel/api.h": b"int x;\n",
    "parcel/deep/er/words.txt": b"words " * 5000,
    "parcel/weights.bin": random.Random(9).randbytes(5 * 1024 * 1024),
    "parcel-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n",
    "parcel-1.0.dist-info/WHEEL": (
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    ),
}
"""A wheel with something of each kind: hot and cold, one file of several frames, folders."""


@dataclass(frozen=True, slots=True)
class Built:
    """The function, unpacked, with what it says when all is well."""

    release: Release
    function: Path
    python: Path
    runtime_client: Path
    hot: str
    all: str


def build_all(folder: Path, tools: Tools) -> dict[str, Built]:
    """Return the function as built for each placement, in a folder that is to stay."""
    wheel = folder / "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        record = "parcel-1.0.dist-info/RECORD"
        names = "".join(f"{name},,\n" for name in [*PARCEL, record])
        for name, content in {**PARCEL, record: names.encode()}.items():
            archive.writestr(name, content)
    return {
        placement: _built(folder / placement, placement, wheel, tools) for placement in PLACEMENTS
    }


def _built(root: Path, placement: str, wheel: Path, tools: Tools) -> Built:
    root.mkdir()
    shutil.copy(APP, root)
    (root / "requirements.txt").write_text(f"markupsafe==3.0.3\npyyaml==6.0.3\n{wheel}\n")
    (root / "pyproject.toml").write_text(
        f'[tool.hotpack]\nhandler = "app.handler"\nbucket = "{BUCKET}"\n'
    )
    done = build(load_project(root, {"place": {"*": placement}}), tools)
    unpacked = root / "unpacked"
    with zipfile.ZipFile(done.release.function_zip) as archive:
        archive.extractall(unpacked)
    unpacked.chmod(0o755)
    target = done.prepared.project.config.target
    python = tools.uv.find_python(target.runtime.python_version)
    if python is None:
        raise AssertionError(f"there is no {target.runtime.name}")
    hot = "&lt;b&gt; {'a': [1, 2]} parcel"
    # By the tree as it was installed and slimmed, not by anything that was packed.
    lines = sorted(f"{file.path} {file.sha256}\n" for file in done.prepared.slimmed.files)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    client = install_runtime_client(target, tools.uv, tools.cache, tools.progress)
    return Built(done.release, unpacked, python, client, hot, f"{hot} {digest}")


class Stage:
    """One function for one fault: what is done to its files, bucket and disk is done to no other.

    Attributes: built; function, its unpacked files; bucket, None where it has none; disk, where
    the tree is restored to if not to /tmp.

    """

    def __init__(self, built: Built, folder: Path, machine: Machine, disk_mb: int | None) -> None:
        self.built = built
        self.folder = folder
        self.function = folder / "function"
        shutil.copytree(built.function, self.function)
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.disk.chmod(0o777)
        self._own_disk = disk_mb is not None
        self._machine = replace(machine, isolation=PlainFolders()) if self._own_disk else machine
        if disk_mb is not None:
            self.mount(disk_mb)
        self.bucket: Bucket | None = None
        self.serve_packs()
        self._lambda: LocalLambda | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lambda is not None:
            self._lambda.close()
        if self.bucket is not None:
            self.bucket.fault = None
            self.bucket.close()
        if self._own_disk:
            subprocess.run(["umount", "--lazy", self.disk], check=True)
        shutil.rmtree(self.folder)

    def mount(self, size_mb: int, *options: str) -> None:
        """Put a file system of a size at `disk`, or change the one there."""
        subprocess.run(
            [
                "mount",
                "-t",
                "tmpfs",
                "-o",
                ",".join([f"size={size_mb}m", *options]),
                "x",
                self.disk,
            ],
            check=True,
        )

    def remount(self, *options: str) -> None:
        """Change how the disk is mounted."""
        subprocess.run(["mount", "-o", ",".join(["remount", *options]), self.disk], check=True)

    def serve_packs(self, port: int = 0) -> None:
        """Serve the packs of S3 from files of this stage's own."""
        release = self.built.release
        if not release.remote_packs:
            return
        objects = {}
        for key, name in release.remote_packs.items():
            objects[key] = self.folder / Path(name).name
            if not objects[key].exists():
                shutil.copy(release.folder / name, objects[key])
        self.bucket = Bucket(BUCKET, objects, network=Network.unlimited(), port=port)

    def open(self, environment: Mapping[str, str], memory_mb: int = 512) -> None:
        """Start the function anew, in a new sandbox; what is on `disk` stays."""
        if self._lambda is not None:
            self._lambda.close()
        own = dict(environment)
        if self.bucket is not None:
            own = {"AWS_ENDPOINT_URL_S3": self.bucket.url, **own}
        if self._own_disk:
            own["HOTPACK_ROOT"] = str(self.disk / "hotpack")
        function = replace(
            local.function_of(self.built.release, "f"), code=self.function, memory_mb=memory_mb
        )
        self._lambda = LocalLambda(
            function,
            interpreter=self.built.python,
            runtime_client=self.built.runtime_client,
            state_dir=self.folder / "state",
            settings=Settings(environment=own),
            machine=self._machine,
        )

    def invoke(self, event: Mapping[str, Any]) -> str:
        """Return what the function says; an error begins with `error: `.

        So does a response that took two inits: Lambda begins again when the first one fails.
        """
        if self._lambda is None:
            raise AssertionError("nothing is open")
        invocation = self._lambda.invoke(json.dumps(event).encode())
        answer = json.loads(invocation.payload)
        if invocation.start == "cold" and invocation.init_ms is None:
            answer = answer if isinstance(answer, dict) else {"errorMessage": "the second init did"}
            answer = {"errorType": "InitFailed", **answer}
        elif invocation.status == "success":
            return str(answer)
        return f"error: {answer['errorType']}: {answer['errorMessage']}"

    @property
    def packs(self) -> list[Path]:
        """The packs that the function reads, wherever they are."""
        if self.bucket is not None:
            return sorted(self.bucket.objects.values())
        return sorted((self.function / "hotpack_runtime" / "packs").iterdir())


@contextmanager
def stage_for(built: Built, folder: Path, machine: Machine, disk_mb: int | None) -> Iterator[Stage]:
    """Yield a stage in a folder of its own, which is removed afterwards."""
    with Stage(built, folder, machine, disk_mb) as stage:
        yield stage


def this_machine() -> Machine:
    """Return what sandboxes are held with here."""
    return probe()
