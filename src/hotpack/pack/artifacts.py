"""Writes a build's artifacts as one folder, whole or not at all, and reads its `release.json`."""

import fcntl
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from hotpack.cache import Cache
from hotpack.errors import ArtifactError, LimitError
from hotpack.layout import Layout
from hotpack.pack.entries import Entry
from hotpack.pack.packs import Pack, Packing, manifest, write_packs
from hotpack.pack.runtime import HANDLER, PACKAGE
from hotpack.pack.starter import write_start
from hotpack.pack.zips import unzipped_bytes, write_zip
from hotpack.progress import Progress, mb
from hotpack.project import Config
from hotpack.target import Architecture
from hotpack.target.limits import UNZIPPED_BYTES, over_size_message

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Release:
    """What `release.json` says: all that is needed to run or deploy the artifacts beside it."""

    folder: Path
    handler: str
    """What Lambda is told to call: the project's own handler, or the runtime's entry."""

    runtime: str
    architecture: Architecture
    memory_mb: int
    ephemeral_storage_mb: int
    timeout_s: int
    environment: dict[str, str]
    package_bytes: int
    """Unzipped size of the function, as Lambda counts it."""

    zip_bytes: int
    bucket: str | None
    remote_packs: dict[str, str]
    """S3 key to file name below `folder`."""

    @property
    def function_zip(self) -> Path:
        """The function's package."""
        return self.folder / "function.zip"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a function is made of."""

    code: Sequence[Entry]
    """The project's own files and their bytecode."""

    inline: Sequence[Entry]
    """The files of the distributions that are raw in the function."""

    packing: Packing
    """The others, in packs."""

    runtime: Sequence[Entry]
    """What it takes to restore them and to start sooner; none where the project's own handler is
    called."""

    hot: Sequence[str]
    """Paths of the files that a cold start uses, in the order of first use."""

    variables: Mapping[str, str]
    """What its environment has beside the project's own variables."""

    records: Mapping[str, bytes]
    """What is kept beside the function, by file name: nothing that it needs to run."""


def write_artifacts(
    build: Path,
    config: Config,
    layout: Layout,
    contents: Contents,
    cache: Cache,
    progress: Progress,
) -> Release:
    """Write the artifacts of a build and make `build` a link to their folder.

    `build` shows the earlier artifacts until the new ones are complete, also when interrupted.

    Raises LimitError where the package is over Lambda's limit, or over the project's own
    `budget_mb`; the earlier artifacts stay.
    """
    build.parent.mkdir(parents=True, exist_ok=True)
    (build.parent / ".gitignore").write_text("*\n")
    with _only_one(build):
        folder = Path(tempfile.mkdtemp(prefix=f"{build.name}-", dir=build.parent))
        try:
            folder.chmod(0o755)
            release = _write(folder, config, layout, contents, cache, progress)
            _point(build, folder)
        except BaseException:
            rmtree(folder, ignore_errors=True)
            raise
    return release


@contextmanager
def _only_one(build: Path) -> Iterator[None]:
    """Wait for another build of the same project, and clear what a killed one left behind."""
    with build.with_name(f"{build.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = build.readlink().name if build.is_symlink() else None
        for left in build.parent.glob(f"{build.name}-*"):
            if left.name != current:
                _remove_unused(left)
        yield


@contextmanager
def in_use(release: Release) -> Iterator[None]:
    """Keep the release's folder while the context is open, also when the project is built again."""
    with (release.folder / "release.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _remove_unused(folder: Path) -> None:
    """Remove a build's folder unless somebody runs it; a later build removes it then."""
    try:
        with (folder / "release.json").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass  # the build was killed before it got that far
    except BlockingIOError:
        return
    rmtree(folder, ignore_errors=True)


def read_release(folder: Path) -> Release:
    """Return the release in a build's folder.

    Raises ArtifactError where there is none, or one of another format.
    """
    folder = folder.resolve()
    path = folder / "release.json"
    hint = "build it with `hotpack build`"
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise ArtifactError("nothing has been built yet", hint=hint) from None
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged: {error}", hint=hint) from None
    if document.pop("format", None) != _FORMAT:
        raise ArtifactError(f"{path} was written by another version of hotpack", hint=hint)
    return Release(folder=folder, **document)


def _write(
    folder: Path,
    config: Config,
    layout: Layout,
    contents: Contents,
    cache: Cache,
    progress: Progress,
) -> Release:
    (folder / "packs").mkdir()
    packs = write_packs(folder / "packs", contents.packing)
    bundled = [_bundled(pack) for pack in packs if pack.placement == "bundled"]
    changing = list(contents.code)
    if packs:
        path = folder / "manifest.json"
        path.write_bytes(manifest(packs, contents.packing, bucket=config.bucket, cold=config.cold))
        changing.append(Entry.of_path(f"{PACKAGE}/manifest.json", path))
    own = {entry.path for entry in changing}  # the project's own files win over a dependency's
    others = [*contents.inline, *contents.runtime, *bundled]
    stable = [entry for entry in others if entry.path not in own]
    size = unzipped_bytes([*stable, *changing])
    if contents.runtime:
        room = min(UNZIPPED_BYTES, (config.budget_mb or UNZIPPED_BYTES) * 10**6) - size
        index, *bytecode = write_start(folder, config, contents.hot, contents.inline, own, room)
        changing.append(index)
        stable += bytecode
        size = unzipped_bytes([*stable, *changing])
    if size > UNZIPPED_BYTES:
        raise LimitError(
            f"{over_size_message(size, layers=False)}; it has {size:,} bytes",
            hint="pin something more to bundled or remote in [tool.hotpack.place]",
        )
    _check_budget(config, size, layout, unzipped_bytes(contents.code))
    write_zip(folder / "function.zip", stable, changing, cache, progress)
    for name, record in contents.records.items():
        (folder / name).write_bytes(record)
    return _describe(folder, config, packs, size, contents)


def _check_budget(config: Config, size: int, layout: Layout, code_bytes: int) -> None:
    """Raise LimitError where the package is over the project's own budget."""
    if config.budget_mb is None or size <= config.budget_mb * 10**6:
        return
    weights = [(code_bytes, "the project's own files")] + [
        (placed.raw_bytes if placed.packed_bytes is None else placed.packed_bytes,
         f"{placed.distribution} ({placed.placement})")
        for placed in layout.placed
        if placed.placement != "remote"
    ]  # fmt: skip
    heaviest = ", ".join(f"{name} {mb(size)}" for size, name in sorted(weights, reverse=True)[:5])
    raise LimitError(
        f"the function has {size:,} bytes, {size - config.budget_mb * 10**6:,} over the budget of "
        f"{config.budget_mb} MB. Heaviest: {heaviest}",
        hint="`hotpack sizes` shows who requires what; or raise budget_mb in [tool.hotpack]",
    )


def _bundled(pack: Pack) -> Entry:
    path = f"{PACKAGE}/packs/{pack.name}.pack"
    return Entry(path, pack.path, pack.size, pack.name, stored=True)


def _describe(
    folder: Path,
    config: Config,
    packs: Sequence[Pack],
    package_bytes: int,
    contents: Contents,
) -> Release:
    release = Release(
        folder=folder,
        handler=HANDLER if contents.runtime else config.handler,
        runtime=config.target.runtime.name,
        architecture=config.target.architecture,
        memory_mb=config.memory_mb,
        ephemeral_storage_mb=config.ephemeral_storage_mb,
        timeout_s=config.timeout_s,
        environment={**config.environment, **contents.variables},
        package_bytes=package_bytes,
        zip_bytes=(folder / "function.zip").stat().st_size,
        bucket=config.bucket,
        remote_packs={p.key: f"packs/{p.name}.pack" for p in packs if p.placement == "remote"},
    )
    document: dict[str, Any] = {"format": _FORMAT, **asdict(release)}
    del document["folder"]
    (folder / "release.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    return release


def _point(build: Path, folder: Path) -> None:
    """Make `build` a link to the folder, in one step, and remove what it pointed to before."""
    before = build.resolve() if build.is_symlink() else None
    link = build.with_name(f"{folder.name}.link")
    link.symlink_to(folder.name)
    link.replace(build)
    if before is not None and before != folder.resolve():
        _remove_unused(before)
