"""What Lambda calls: loads the project's handler, what is packed made ready before."""

from __future__ import annotations

from time import monotonic_ns

_BEGAN_NS = monotonic_ns()

# ruff: noqa: E402 - the runtime's own imports belong to what it takes
import importlib
import os
import sys

from hotpack_runtime.starter import Start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = os.path.dirname(os.path.abspath(__file__))
_IS_PACKED = os.path.exists(f"{_HERE}/manifest.json")


def _load_handler() -> Callable[..., object]:
    start = Start.read(_HERE)

    def import_handler() -> Callable[..., object]:
        os.environ["_HANDLER"] = start.handler  # code that reads it shall see its own
        return _import_handler(start.handler)

    def load_unpacked() -> Callable[..., object]:
        from hotpack_runtime import unpacking

        return unpacking.load_unpacked(_HERE, import_handler)

    return start.run(load_unpacked if _IS_PACKED else import_handler)


def _import_handler(handler: str) -> Callable[..., object]:
    """Return the project's handler as Lambda's runtime client would, errors included.

    The client is already running and has called us; its own loader gives its own words for every
    way in which a handler can be wrong.
    """
    load = getattr(sys.modules.get("awslambdaric.bootstrap"), "_get_handler", _get_handler)
    return load(handler)


def _get_handler(handler: str) -> Callable[..., object]:
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)  # type: ignore[no-any-return]


def _load_and_tell() -> Callable[..., object]:
    """Load the handler, and print into the log what took how long."""
    from hotpack_runtime.spans import Spans

    spans = Spans(_BEGAN_NS)
    if _IS_PACKED:
        spans.watch()
    globals()["_import_handler"] = spans.around("import", _import_handler)
    try:
        return _load_handler()
    finally:
        spans.tell()


handler = _load_and_tell() if os.environ.get("HOTPACK_TRACE") == "1" else _load_handler()
