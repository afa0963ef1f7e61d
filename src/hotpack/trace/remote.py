"""Traces on AWS: the same two cold starts as here, in a copy of the function with our layer.

The recording is fetched by invocations, in compressed pieces: a response has room for 6 MB, the end
of the log that comes with it for 4 KB.
"""

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from hotpack.errors import HotpackError
from hotpack.pipeline import Prepared
from hotpack.profile import Profile
from hotpack.progress import Progress
from hotpack.sandbox import Invocation
from hotpack.trace import guest
from hotpack.trace.imports import is_import_time
from hotpack.trace.recorders import announcements
from hotpack.trace.recording import python_touches
from hotpack.trace.tracing import PATIENCE_S, Events, dependencies_of, profile_of

HANDLER: Final = "hotpack_trace.handler"
"""What the copy is told to call; it hands over to the function's own."""

TIMEOUT_S: Final = PATIENCE_S

_FOLDER: Final = Path(__file__).parent
_MODULES: Final = {"hotpack_trace": "guest.py", "hotpack_observer": "observer.py"}

Invoke = Callable[[bytes], Invocation]
Start = Callable[[Mapping[str, str]], Invoke]
"""Takes variables beside the function's own; gives the copy with them, without a sandbox yet."""


class OnAws:
    """What Python says of itself on Lambda, where nobody may look on from outside."""

    name = "python"
    blind_spots = (
        "what C code and other programs open by themselves (certificates, models that C++ reads, "
        "libraries that a library loads), nor what other events would touch"
    )


def layer() -> bytes:
    """Return the zip of the layer that the copy needs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in _MODULES.items():
            file = zipfile.ZipInfo(f"python/{name}.py")
            file.external_attr = 0o644 << 16  # whoever runs the function is not the owner
            archive.writestr(file, (_FOLDER / source).read_bytes())
    return content.getvalue()


def trace_on_aws(
    prepared: Prepared, events: Events, handler: str, start: Start, progress: Progress
) -> Profile:
    """Return what a cold start and the events touch, on AWS, of the slimmed tree.

    `handler` is what the deployed function calls.

    Raises HotpackError where it fails, with the name of the event.
    """
    with progress.task("time a cold start on AWS", None, "starts"):
        invoke = start({**_settings(handler, "time"), "PYTHONPROFILEIMPORTTIME": "1"})
        invocations, import_times = _run(invoke, events, progress)
    with progress.task("record a cold start on AWS", None, "starts"):
        _, recording = _run(start(_settings(handler, "record")), events, progress)
    paths = frozenset(file.path for file in dependencies_of(prepared))
    touches = python_touches(announcements(recording), paths, prepared.libraries)
    if not touches:
        raise HotpackError(
            "the recording has no file of the dependencies in it, so no profile is written",
            hint="is what is deployed what is built here? `hotpack deploy`, then trace again",
        )
    return profile_of(prepared, OnAws.name, touches, import_times, invocations, events)


def _settings(handler: str, mode: str) -> dict[str, str]:
    return {
        guest.VARIABLE: json.dumps({"handler": handler, "mode": mode}),
        "PYTHONHASHSEED": "0",  # as here: the order of sets decides in which order things import
    }


def _run(invoke: Invoke, events: Events, progress: Progress) -> tuple[list[Invocation], list[str]]:
    """Run the events in one sandbox; return what became of them, and the lines it kept."""
    invocations: list[Invocation] = []
    sandboxes: set[str] = set()
    for name, payload in events:
        invocations.append(invoke(payload))
        answer = _answer(f"the event {name}", invocations[-1], progress)
        sandboxes.add(answer["sandbox"])
    content, total = b"", 1
    while len(content) < total:
        asked = json.dumps({guest.ASKS: len(content)}).encode()
        answer = _answer("fetching the recording", invoke(asked), progress)
        sandboxes.add(answer["sandbox"])
        if len(sandboxes) > 1:
            raise HotpackError(
                "Lambda opened another sandbox meanwhile, so the recording is not whole",
                hint="run it again; is something else calling the copy?",
            )
        content += base64.b64decode(answer["piece"])
        total = answer["bytes"]
    text = zlib.decompress(content).decode("utf-8", "surrogateescape")
    return invocations, text.splitlines()


def _answer(what: str, invocation: Invocation, progress: Progress) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(invocation.payload)
    if invocation.status == "success":
        return answer
    for line in invocation.log:
        if not is_import_time(line):
            progress.log(line)
    message = answer.get("errorMessage") or "no message"
    raise HotpackError(
        f"{what} failed on AWS, so no profile is written: {invocation.error_type}: {message}",
        hint="`hotpack invoke --remote --event` runs one alone; `events` in [tool.hotpack] names "
        "them",
    )
