"""Runs a handler's cold start and the sample events, and puts the profile together."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotpack import local
from hotpack.cache import write_atomic
from hotpack.errors import ConfigError, HotpackError, SandboxError
from hotpack.install import File
from hotpack.measure.folders import folder_of
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools, code_entries, inline_variables
from hotpack.profile import PROFILE_NAME, Profile, Touch, read_profile
from hotpack.project import Project
from hotpack.sandbox import Escort, Function, Invocation, Settings
from hotpack.target.runtimes import host_architecture
from hotpack.trace.imports import is_import_time, module_names, read_import_times
from hotpack.trace.recorders import Recorder

_MEMORY_MB: Final = 10_240
PATIENCE_S: Final = 900
"""Lambda's longest timeout; whoever looks on may slow a cold start down threefold."""


Events = Sequence[tuple[str, bytes]]
"""Names and payloads."""


def check_machine(project: Project, tools: Tools) -> None:
    """Raise SandboxError where this machine cannot run the handler, so that nobody waits for it."""
    target = project.config.target
    host = host_architecture()
    if target.architecture != host:
        raise SandboxError(
            f"a trace runs the handler: {project.name} is built for {target.architecture}, and "
            f"this machine is {host}",
            hint=f"trace it on a machine that is, and commit {PROFILE_NAME}",
        )
    version = target.runtime.python_version
    if tools.uv.find_python(version) is None:
        raise SandboxError(
            f"a trace runs the handler: there is no Python {version} on this machine",
            hint=f"`uv python install {version}` brings it",
        )


def trace(prepared: Prepared, events: Events, recorder: Recorder, tools: Tools) -> Profile:
    """Return what a cold start and the events touch of the slimmed tree.

    Two cold starts: one that nobody slows down, for times and memory, and one that is recorded.

    Raises HotpackError where the handler fails, with the name of the event.
    """
    plain = _run(prepared, events, tools, None)
    with tempfile.TemporaryDirectory(prefix="hotpack-trace-") as folder:
        escort = recorder.escort(Path(folder))
        _run(prepared, events, tools, escort)
        paths = frozenset(file.path for file in dependencies_of(prepared))
        found = recorder.read(Path(folder), paths, prepared.libraries)
    return profile_of(prepared, recorder.name, found, plain.import_times, plain.invocations, events)


def dependencies_of(prepared: Prepared) -> list[File]:
    """Return the files of the slimmed tree that are not the project's own."""
    own = {file.path for file in prepared.code}
    return [file for file in prepared.slimmed.files if file.path not in own]


def profile_of(
    prepared: Prepared,
    recorder: str,
    touches: tuple[Touch, ...],
    import_times: Sequence[str],
    invocations: Sequence[Invocation],
    events: Events,
) -> Profile:
    """Return the profile of what was recorded, and of what was timed with nobody looking on."""
    config = prepared.project.config
    return Profile(
        runtime=config.target.runtime.name,
        architecture=config.target.architecture,
        distributions={item.name: item.version for item in prepared.slimmed.distributions},
        recorder=recorder,
        touches=touches,
        modules=read_import_times(import_times, module_names(dependencies_of(prepared))),
        init_ms=round(invocations[0].init_ms or 0.0, 1),
        peak_memory_mb=max(item.max_memory_mb or 0 for item in invocations),
        events=tuple(name for name, _ in events),
    )


def keep(profile: Profile, root: Path) -> Path:
    """Write the profile into the project's folder and return its path."""
    path = root / PROFILE_NAME
    write_atomic(path, profile.in_order_of(_earlier(root)).to_json().encode())
    return path


def _earlier(root: Path) -> Profile | None:
    try:
        return read_profile(root)
    except ConfigError:
        return None  # it is replaced, as it says


@dataclass(frozen=True, slots=True)
class _Run:
    invocations: list[Invocation]
    import_times: list[str]


def _run(prepared: Prepared, events: Events, tools: Tools, escort: Escort | None) -> _Run:
    """Run the events in one sandbox, the first with a cold start; times are told without escort.

    Raises HotpackError for the first event that fails; what it logged is reported before.
    """
    config = prepared.project.config
    settings = Settings(
        init_timeout_s=PATIENCE_S,
        enforce_package_size=False,
        environment={
            # What the function sees is its own; what it gets is enough to look at it.
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            # The order of sets decides in which order scikit-learn imports: the same every time.
            "PYTHONHASHSEED": "0",
            **({} if escort else {"PYTHONPROFILEIMPORTTIME": "1"}),
        },
        escort=escort,
    )
    times: list[str] = []
    invocations: list[Invocation] = []

    def on_log(line: str) -> None:
        if is_import_time(line):
            times.append(line)

    what = "record" if escort else "time"
    count = f"{len(events)} event{'s' if len(events) > 1 else ''}"
    with (
        local.run(_function(prepared, tools), tools, settings=settings, on_log=on_log) as running,
        tools.progress.task(f"{what} a cold start and {count}", None, "starts"),
    ):
        for name, payload in events:
            invocation = running.function.invoke(payload)
            if invocation.status != "success":
                _say_what_it_logged(invocation, tools)
                raise _failed(name, invocation, is_recorded=escort is not None)
            invocations.append(invocation)
    return _Run(invocations, times)


def _function(prepared: Prepared, tools: Tools) -> Function:
    """Return the project as a function that holds all that a build packs, raw."""
    config = prepared.project.config
    files = map(Entry.of_file, prepared.slimmed.files)
    return Function(
        name=prepared.project.name,
        handler=config.handler,
        runtime=config.target.runtime,
        architecture=config.target.architecture,
        code=folder_of([*files, *code_entries(prepared, tools)], tools.cache),
        memory_mb=_MEMORY_MB,
        timeout_s=PATIENCE_S,
        ephemeral_storage_mb=config.ephemeral_storage_mb,
        environment={**config.environment, **inline_variables(prepared.assets)},
    )


def _say_what_it_logged(invocation: Invocation, tools: Tools) -> None:
    for line in invocation.log:
        if not is_import_time(line):
            tools.progress.log(line)


def _failed(event: str, invocation: Invocation, *, is_recorded: bool) -> HotpackError:
    answer = json.loads(invocation.payload)
    what = answer.get("errorMessage") or "no message"
    in_init = invocation.start == "cold" and invocation.init_ms is None
    where = "the cold start" if in_init else f"the event {event}"
    if is_recorded:
        return HotpackError(
            f"{where} failed, only while recorded: {invocation.error_type}: {what}",
            hint="`hotpack trace --recorder python` looks on in another way",
        )
    return HotpackError(
        f"{where} failed, so no profile is written: {invocation.error_type}: {what}",
        hint="`hotpack invoke --event` runs one alone; `events` in [tool.hotpack] names them",
    )
