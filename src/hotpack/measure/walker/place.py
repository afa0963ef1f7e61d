"""Where the tree is, and how what is found in it is told: without where that is."""

import errno
import hashlib
import json
import os
import re
import sys
from typing import Any

CHUNK = 1 << 20

Json = Any

ITSELF = os.path.basename(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The function's folder, in which this package is."""


def _root() -> str:
    """Return where the tree is: restored behind the function on the path, or the function."""
    if not os.path.exists(f"{HERE}/hotpack_runtime/manifest.json"):
        return HERE
    return sys.path[sys.path.index(HERE) + 1]


ROOT = _root()


def missing() -> int:
    """Return how many groups are not restored, by their journal (docs/pack-format.md)."""
    if ROOT == HERE:
        return 0
    with open(f"{HERE}/hotpack_runtime/manifest.json", "rb") as file:
        groups = len(json.load(file)["groups"])
    return groups - os.stat(f"{ROOT}.restored").st_size // 4


def failure(error: BaseException) -> Json:
    number = getattr(error, "errno", None)
    return {
        "error": type(error).__name__,
        "errno": errno.errorcode.get(number, number) if isinstance(number, int) else None,
        "message": normal(str(error)[:500]),
    }


def normal(value: Json) -> Json:
    """Return the value without what differs from function to function: the root, addresses."""
    if isinstance(value, str):
        return re.sub(r"0x[0-9a-f]{6,}", "0x", value.replace(ROOT, "<root>"))
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    return [normal(item) for item in value] if isinstance(value, (list, tuple)) else value


def at(path: str) -> str:
    return os.path.join(ROOT, path) if path else ROOT


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def names(path: str, found: Any) -> list[str]:
    """Return names sorted; at the root without this package's, which is in no tree."""
    return sorted(found if path else set(found) - {ITSELF})
