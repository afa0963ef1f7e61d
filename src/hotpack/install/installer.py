"""Resolves dependencies to a lock and installs it for a target, once for the same input."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hotpack.cache import Cache, digest_of, write_atomic
from hotpack.errors import DependencyError, PythonMismatchError
from hotpack.install.tree import EMPTY_TREE, Tree, list_tree
from hotpack.install.uv import Uv
from hotpack.install.wheels import NO_WHEELS, Wheels
from hotpack.progress import Progress
from hotpack.project import Dependencies
from hotpack.target import Target

_LISTING = 3
"""Raised when the listing of a tree changes its meaning, so that cached ones are made anew."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Every distribution to install, with its version and hashes, as a requirements file."""

    text: str

    folder: Path | None = None
    """What relative paths in it start from."""

    @property
    def pins(self) -> tuple[str, ...]:
        """The requirements: `name==version`, or the place of a wheel."""
        return tuple(pin for pin, _ in self._entries())

    @property
    def unhashed(self) -> tuple[str, ...]:
        """Those of which no hash is known, such as what comes from a repository."""
        return tuple(pin for pin, options in self._entries() if "--hash=" not in options)

    def _entries(self) -> list[tuple[str, str]]:
        """Return each requirement with what stands behind it, up to the next one."""
        return re.findall(r"^([^\s#-][^\s;\\]*)(.*(?:\n(?=\s|-).*)*)", self.text, re.MULTILINE)


def lock(
    dependencies: Dependencies | None,
    target: Target,
    uv: Uv,
    store: Path,
    progress: Progress,
    *,
    upgrade: bool = False,
) -> Lock:
    """Return the dependencies resolved for the target.

    The resolution is kept in the folder `store` and used until the dependencies change or
    `upgrade` asks for the newest, so a build tomorrow is the build of today.

    Raises DependencyError, or the one of its kinds that names the cause.
    """
    if dependencies is None:
        return Lock("")
    key = digest_of(
        dependencies.source,
        dependencies.content,
        uv.resolution_settings,
        target.platform,
        target.runtime.name,
    )
    path = store / "locks" / key[:2] / key
    if upgrade or not path.is_file():
        write_atomic(path, _resolve(dependencies, target, uv, progress).encode())
    return Lock(path.read_text(), dependencies.path.parent)


def install(lock: Lock, target: Target, uv: Uv, cache: Cache, progress: Progress) -> Tree:
    """Return the tree of what the lock names, installed for the target.

    A lock installed before is not installed again. No interpreter of the target is needed, and
    nothing is built from source.

    Raises DependencyError, or the one of its kinds that names the cause.
    """
    if not lock.pins:
        return EMPTY_TREE
    key = digest_of(_LISTING, lock.text, target.platform, target.runtime.name)
    listing = cache.path("trees", key) / "tree.json"
    if not listing.is_file():
        with (
            cache.folder("trees", key) as beside,
            progress.task(_counted(len(lock.pins)), None, "files"),
        ):
            root = beside / "root"
            (beside / "lock.txt").write_text(lock.text)
            uv.run(
                ["pip", "install", *_for(target), "--target", str(root), "--no-deps", "--quiet",
                 # Not linked: what is edited in another environment must not change this tree.
                 "--link-mode", "copy",
                 *([] if lock.unhashed else ["--require-hashes"]),
                 "--requirements", str(beside / "lock.txt")],
                target,
                lock.folder,
            )  # fmt: skip
            _point_scripts_at_lambda(root, target)
            wheels = _find_wheels(beside / "lock.txt", lock, target, uv)
            tree = list_tree(root, f".{target.runtime.cache_tag}-", wheels)
            (beside / "tree.json").write_text(tree.to_json(beside))
    return Tree.from_json(listing.read_text(), listing.parent)


def install_runtime_client(target: Target, uv: Uv, cache: Cache, progress: Progress) -> Path:
    """Return a folder with what Lambda's own runtime brings: `awslambdaric` and `boto3`.

    It stands in for `/var/runtime` in the local Lambda. They are the newest versions of the day
    on which they were first needed; Lambda's may be older.
    """
    key = digest_of("runtime-client", "compiled", target.platform, target.runtime.name)
    if not cache.path("runtimes", key).is_dir():
        with (
            cache.folder("runtimes", key) as beside,
            progress.task("install Lambda's runtime client", None, "files"),
        ):
            uv.run(
                ["pip", "install", *_for(target), "--target", str(beside), "--quiet",
                 "awslambdaric", "boto3"],
                target,
            )  # fmt: skip
            beside.chmod(0o755)  # where root runs it, the function's user is another
            python = uv.find_python(target.runtime.python_version)
            if python is not None:
                # A sandbox cannot save what it compiles: 6 ms of every cold start.
                compiling = [str(python), "-m", "compileall", "-q", "-j", "0", str(beside)]
                subprocess.run(compiling, capture_output=True, check=False)
    return cache.path("runtimes", key)


def _find_wheels(requirements: Path, lock: Lock, target: Target, uv: Uv) -> Wheels:
    """Return the wheels that uv chooses from for the lock's requirements.

    The lock has the hashes of all files of a version and does not say whose they are. Right after
    the installation uv has the index's answers still, so this costs a fraction of a second.
    """
    try:
        return Wheels.of_pylock(
            uv.run(
                ["pip", "compile", *_for(target), "--no-deps", "--no-header", "--no-annotate",
                 "--quiet", "--format", "pylock.toml", str(requirements)],
                target,
                lock.folder,
            )
        )  # fmt: skip
    except DependencyError:
        return NO_WHEELS  # what is installed is good all the same; an SBOM then names no hash


def _counted(number: int) -> str:
    return f"install {number} distribution{'s' if number > 1 else ''}"


def _for(target: Target) -> list[str]:
    """Return uv's options for wheels that the target can run.

    awslambdaric's sdist builds curl with cmake: wheels only, for it as for everything else.
    """
    return [
        "--python-version", target.runtime.python_version,
        "--python-platform", target.platform,
        "--only-binary", ":all:",
        "--python", sys.executable,
    ]  # fmt: skip


def _resolve(dependencies: Dependencies, target: Target, uv: Uv, progress: Progress) -> str:
    if dependencies.source == "uv.lock":
        return _export(dependencies, target, uv, progress)
    if "--hash=" in dependencies.requirements:
        # As pip has it: where one requirement has hashes all have, and nothing else is installed.
        # A resolution would put the index's own hashes in place of the user's.
        return dependencies.requirements
    return uv.run(
        ["pip", "compile", *_for(target), "--generate-hashes", "--no-header", "--no-annotate",
         "--quiet", str(dependencies.path)],
        target,
        dependencies.path.parent,
    )  # fmt: skip


def _export(dependencies: Dependencies, target: Target, uv: Uv, progress: Progress) -> str:
    """Return what uv.lock names.

    uv compares it with pyproject.toml only with a Python that the project is for, which need not be
    the one that hotpack runs on; it reads it without any.
    """
    folder = dependencies.path.parent
    export = ["export", "--no-default-groups", "--no-emit-project", "--no-editable",
              "--no-header", "--no-annotate", "--quiet"]  # fmt: skip
    python = uv.find_python(target.runtime.python_version) or sys.executable
    try:
        return uv.run([*export, "--locked", "--python", str(python)], target, folder)
    except PythonMismatchError:
        progress.warn(
            "uv.lock was not compared with pyproject.toml: there is no Python here that the "
            "project's requires-python allows",
            hint=f"`uv lock --check` where there is one, or `uv python install "
            f"{target.runtime.python_version}` here",
        )
        return uv.run([*export, "--frozen"], target, folder)


def _point_scripts_at_lambda(root: Path, target: Target) -> None:
    """Give console scripts the interpreter they would find on Lambda instead of this machine's.

    Otherwise they could not run there, and two machines would build different bytes.
    """
    for script in sorted((root / "bin").glob("*")):
        first, _, rest = script.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            mode = script.stat().st_mode
            script.write_bytes(b"#!/var/lang/bin/" + target.runtime.name.encode() + b"\n" + rest)
            script.chmod(mode)
