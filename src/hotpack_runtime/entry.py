"""What Lambda calls: restores the tree, puts it on the path, loads the project's handler."""

from __future__ import annotations

import importlib
import os
import sys

from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restore import restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hotpack_runtime.s3 import Bucket

_HERE = os.path.dirname(os.path.abspath(__file__))


def _bucket_for(manifest: Manifest) -> Bucket:
    from hotpack_runtime.s3 import bucket_for

    return bucket_for(manifest)


def _load_handler() -> Callable[..., object]:
    manifest = Manifest.read(f"{_HERE}/manifest.json")
    root = os.environ.get("HOTPACK_ROOT", "/tmp/hotpack")  # noqa: S108 - Lambda's only writable place
    tree = restore(manifest, root, f"{_HERE}/packs", _bucket_for)
    _put_on_path(tree)
    os.environ["_HANDLER"] = manifest.handler  # code that reads it shall see its own
    return _import_handler(manifest.handler)


def _put_on_path(tree: str) -> None:
    """Put the tree where a full install would be: right behind the function's own folder.

    Also for child processes, which start in the function's folder and find a full install there.
    """
    function = os.path.dirname(_HERE)
    position = sys.path.index(function) + 1 if function in sys.path else 0
    sys.path.insert(position, tree)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tree, inherited]))
    importlib.invalidate_caches()


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


handler = _load_handler()
