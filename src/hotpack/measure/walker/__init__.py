"""The handler of the proof: visits a tree in every way that Python has, and says what it found.

Copied into the function; standard library only. An operation is a list, its kind and its
arguments; paths are relative to the tree's root. What it found is comparable between functions
whose trees are the same and stand elsewhere: the root is `<root>` in every text.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from . import distributions, files, modules
from .place import Json, failure, missing, normal

ENOUGH_BYTES = 2_000_000
ENOUGH_S = 60.0
"""An answer is given when it has this size or took this long; the rest is asked for again."""

OPERATIONS: dict[str, Callable[..., Json]] = {
    **files.OPERATIONS,
    **modules.OPERATIONS,
    **distributions.OPERATIONS,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Return what the first operations of the event found, as many as an answer holds.

    And how much is missing of the tree then.
    """
    results: list[Json] = []
    size, end = 0, time.monotonic() + ENOUGH_S
    for kind, *arguments in event["operations"]:
        results.append(_perform(kind, arguments))
        size += len(json.dumps(results[-1]))
        if size > ENOUGH_BYTES or time.monotonic() > end:
            break
    return {"results": results, "missing": missing()}


def _perform(kind: str, arguments: list[Any]) -> Json:
    try:
        return normal(OPERATIONS[kind](*arguments))
    except Exception as error:  # noqa: BLE001 - what goes wrong is an answer too
        return failure(error)
