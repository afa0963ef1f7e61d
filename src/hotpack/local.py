"""Runs what was built in the local Lambda: a release, its bucket, the target's Python."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hotpack.errors import LimitError, SandboxError
from hotpack.install import install_runtime_client
from hotpack.pack import Release, in_use, read_release
from hotpack.pipeline import Tools
from hotpack.progress import Progress
from hotpack.sandbox import (
    Bucket,
    Function,
    LocalLambda,
    Network,
    Reloading,
    Settings,
    check_direct_upload,
)
from hotpack.sandbox.logs import LogFormat
from hotpack.sandbox.output import OnLog
from hotpack.target import RUNTIMES, Target

LOCAL_BUCKET: Final = "hotpack-local"
"""The name of the stand-in where the project does not name its bucket."""


@dataclass(frozen=True, slots=True)
class Running:
    """A function in the local Lambda."""

    function: LocalLambda
    bucket: Bucket | None
    """What stands in for S3; None where nothing is remote."""


def function_of(release: Release, name: str, log_format: LogFormat = "Text") -> Function:
    """Return the release as a function of the local Lambda."""
    return Function(
        name=name,
        log_format=log_format,
        handler=release.handler,
        runtime=RUNTIMES[release.runtime],
        architecture=release.architecture,
        code=release.function_zip,
        memory_mb=release.memory_mb,
        timeout_s=release.timeout_s,
        ephemeral_storage_mb=release.ephemeral_storage_mb,
        environment=release.environment,
    )


@contextmanager
def run(
    function: Function,
    tools: Tools,
    *,
    release: Release | None = None,
    objects: Mapping[str, Path] | None = None,
    settings: Settings | None = None,
    network: Network | None = None,
    on_log: OnLog | None = None,
) -> Iterator[Running]:
    """Yield the function ready to be invoked, and leave nothing of it behind.

    The remote packs of `release`, and `objects` by their keys, are served by a bucket on loopback,
    at the pace of `network`.

    Raises SandboxError where this machine has no Python of the function's runtime, or another
    processor.
    """
    settings = settings or Settings()
    with ExitStack() as stack:
        bucket, name, served = None, LOCAL_BUCKET, dict(objects or {})
        if release is not None:
            stack.enter_context(in_use(release))
            name = release.bucket or LOCAL_BUCKET
            served |= {key: release.folder / path for key, path in release.remote_packs.items()}
        if served:
            bucket = stack.enter_context(Bucket(name, served, network=network or Network()))
            settings = replace(
                settings, environment={**settings.environment, **_where_s3_is(bucket)}
            )
        target = Target(function.runtime, function.architecture)
        client = install_runtime_client(target, tools.uv, tools.cache, tools.progress)
        stack.enter_context(tools.cache.hold(client))
        function_ = stack.enter_context(
            LocalLambda(
                function,
                interpreter=_python(function, tools),
                runtime_client=client,
                state_dir=tools.cache.root / "local",
                settings=settings,
                on_log=on_log,
            )
        )
        yield Running(function_, bucket)


def serve(
    build: Path,
    tools: Tools,
    function_of_release: Callable[[Release], Function],
    *,
    settings: Settings | None = None,
    on_log: OnLog | None = None,
) -> AbstractContextManager[Reloading]:
    """Return the function that the link `build` leads to, also after it was built again."""

    @contextmanager
    def start(folder: Path) -> Iterator[LocalLambda]:
        release = read_release(folder)
        function = function_of_release(release)
        with run(function, tools, release=release, settings=settings, on_log=on_log) as running:
            tools.cache.release()  # serving takes days; what it runs is held
            yield running.function

    def reloaded(folder: Path) -> None:
        tools.progress.log(f"reloaded: invocations run {folder.name} from now on")

    return Reloading(build.resolve, start, reloaded)


def warn_of_upload(function: Function, progress: Progress) -> None:
    """Say if the zip is too large to be uploaded without S3: no reason not to run it here."""
    try:
        check_direct_upload(function)
    except LimitError as error:
        progress.warn(error.message, hint=error.hint)


def _where_s3_is(bucket: Bucket) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_S3": bucket.url, "HOTPACK_BUCKET": bucket.name}


def _python(function: Function, tools: Tools) -> Path:
    version = function.runtime.python_version
    python = tools.uv.find_python(version)
    if python is None:
        raise SandboxError(
            f"no Python {version} on this machine to run {function.name} with",
            hint=f"`uv python install {version}` brings it",
        )
    return python
