"""Stands in for a function's handler on AWS while it is traced, and answers with the recording.

Comes in a layer, beside observer.py; standard library only, of the target's Python. HOTPACK_RECORD
says what to do: the function's own handler, and a mode. `record` notes what Python touches, `time`
keeps what `-X importtime` writes to stderr. An event {"hotpack-trace": OFFSET} is answered with a
piece of that, every other one is the function's.

Where files come from packs, modules have no files that are opened: executing their code is the word
of it.
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VARIABLE = "HOTPACK_RECORD"
ASKS = "hotpack-trace"
PIECE_BYTES = 3 * 1024 * 1024
"""In base64 two thirds of what Lambda lets a response have."""

_RECORDING = "/tmp/hotpack-trace"  # noqa: S108 - Lambda's only writable place
_SANDBOX = os.urandom(8).hex()
_pieces: "dict[str, bytes]" = {}
"""What is answered with, as it was when the first piece was asked for."""


def _start() -> "Callable[[Any, Any], Any]":
    settings = json.loads(os.environ.pop(VARIABLE))
    handle = os.open(_RECORDING, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if settings["mode"] == "time":
        os.dup2(handle, 2)
    else:
        _record(handle)
    os.environ["_HANDLER"] = settings["handler"]  # code that reads it shall see its own
    bootstrap = sys.modules.get("awslambdaric.bootstrap")
    load = getattr(bootstrap, "_get_handler", _get_handler)
    handler: Callable[[Any, Any], Any] = load(settings["handler"])
    return handler


def _record(handle: int) -> None:
    from hotpack_observer import observe, say_to  # type: ignore[import-not-found]

    roots = _roots()
    note = observe(say_to(handle), roots)

    def hook(event: str, arguments: "tuple[Any, ...]") -> None:
        if event == "exec":
            path = getattr(arguments[0], "co_filename", "")
            if path.endswith(".py") and path.startswith(roots):
                folder, _, name = path.rpartition("/")
                tag = sys.implementation.cache_tag
                note("opened", f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc")

    sys.addaudithook(hook)


def _roots() -> "tuple[str, ...]":
    """Return where files of the tree are: in the function, and where packs are restored to."""
    function = os.environ["LAMBDA_TASK_ROOT"]
    try:
        with open(f"{function}/hotpack_runtime/manifest.json", "rb") as file:  # noqa: PTH123
            tree = json.load(file)["tree"]
    except FileNotFoundError:
        return (function,)
    packed = os.path.realpath(os.environ.get("HOTPACK_ROOT", "/tmp/hotpack"))  # noqa: S108
    return (function, f"{packed}/{tree[:16]}")


def _get_handler(handler: str) -> "Callable[[Any, Any], Any]":
    import importlib

    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)  # type: ignore[no-any-return]


def _piece(offset: int) -> "dict[str, object]":
    """Return a piece of the recording, compressed, and how long it is in all."""
    import base64
    import zlib

    if offset == 0:
        with open(_RECORDING, "rb") as file:  # noqa: PTH123
            _pieces["content"] = zlib.compress(file.read())
    content = _pieces["content"]
    piece = base64.b64encode(content[offset : offset + PIECE_BYTES]).decode()
    return {"piece": piece, "bytes": len(content), "sandbox": _SANDBOX}


def handler(event: "Any", context: "Any") -> "dict[str, object]":
    """Answer with which sandbox it was; the function's response may be as large as Lambda lets."""
    if type(event) is dict and event.keys() == {ASKS}:
        return _piece(event[ASKS])
    _handler(event, context)
    return {"sandbox": _SANDBOX}


if __name__ == "hotpack_trace":  # as the layer has it: hotpack itself only reads the constants
    _handler = _start()
