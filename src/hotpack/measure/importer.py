"""The handler of the smoke check: imports each module in a process of its own.

Copied into the function; standard library only.
"""

import importlib
import os
from typing import Any


def handler(event: dict[str, list[str]], context: Any) -> dict[str, str]:  # noqa: ARG001
    """Return for each module the empty text where it imports, else what went wrong."""
    return {name: _import(name) for name in event["modules"]}


def _import(name: str) -> str:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        failure = ""
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - SystemExit is an answer too
            failure = f"{type(error).__name__}: {error}"
        os.write(write, failure.encode()[:4000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        failure = answer.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return failure or ("" if status == 0 else f"ended with status {status}")
