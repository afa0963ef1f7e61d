"""Makes what is packed ready: restores what is hot, puts the tree on the path, loads the handler.

What is hot is there before the handler is imported; what is lukewarm comes meanwhile, and an import
that needs it waits. What is cold stays in the packs until it is touched.
"""

from __future__ import annotations

import importlib
import os
import sys

from hotpack_runtime import hooks
from hotpack_runtime.errors import RestoreError
from hotpack_runtime.importer import path_hook
from hotpack_runtime.manifest import Manifest
from hotpack_runtime.restorer import Restorer
from hotpack_runtime.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from hotpack_runtime.s3 import Bucket

    T = TypeVar("T")

_STARTED_IN = os.getcwd()
_SECOND_TRY = "HOTPACK_SECOND_TRY"
"""Set in the environment when init runs once more, with every file there."""


def load_unpacked(here: str, import_handler: Callable[[], T]) -> T:
    """Return what `import_handler` returns, called when what is hot is there.

    The manifest and the packs are in the folder `here`. Raises RestoreError where they cannot be
    restored; what the handler raises passes through.
    """
    manifest = Manifest.read(f"{here}/manifest.json")
    root = os.environ.get("HOTPACK_ROOT", "/tmp/hotpack")  # noqa: S108 - Lambda's only writable place
    place = os.path.join(os.path.realpath(root), manifest.tree[:16])
    restorer = Restorer(manifest, place, f"{here}/packs", _bucket_for)
    tree = Tree(manifest, restorer, place)
    is_eager = manifest.cold == "eager" or os.environ.pop(_SECOND_TRY, None) is not None
    if is_eager:
        tree.touch_everything()
    else:
        _watch(tree, restorer)
        restorer.start(manifest.lukewarm)
        # Not while it is imported: on two cores the threads then wait for each other's turn
        # (docs/performance.md), and code in C could be too early.
        restorer.wait(manifest.hot)
    _put_on_path(place, os.path.dirname(here))
    for name, path in manifest.variables.items():
        os.environ[name] = f"{place}/{path}"
    try:
        handler = import_handler()
    except RestoreError:
        raise
    except Exception as error:
        if restorer.failed is None and not tree.is_complete and _may_be_ours(error, tree):
            _try_again(tree, error)
        raise
    if restorer.failed is not None:
        raise restorer.failed
    if not is_eager:
        restorer.wait(manifest.lukewarm)
        if manifest.cold == "background":
            restorer.start(len(manifest.groups), patient=True)
    restorer.init_is_over()
    return handler


def _bucket_for(manifest: Manifest) -> Bucket:
    from hotpack_runtime.s3 import bucket_for

    return bucket_for(manifest)


def _watch(tree: Tree, restorer: Restorer) -> None:
    sys.path_hooks.insert(0, path_hook(tree, restorer))
    hooks.install(tree, restorer)


def _put_on_path(tree: str, function: str) -> None:
    """Put the tree where a full install would be: right behind the function's own folder.

    Also for child processes, which start in the function's folder and find a full install there.
    """
    position = sys.path.index(function) + 1 if function in sys.path else 0
    sys.path.insert(position, tree)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tree, inherited]))
    importlib.invalidate_caches()


def _may_be_ours(error: Exception, tree: Tree) -> bool:
    """Return whether an error could come of a file that was not there."""
    kind = getattr(error, "exception_type", "")  # as the runtime client tells errors
    if kind.endswith(("SyntaxError", "HandlerNotFound", "MalformedHandlerName")):
        return False
    cause = error.__context__ or error
    name = getattr(cause, "name", None) if isinstance(cause, ModuleNotFoundError) else None
    if not name:
        return True
    top = name.split(".")[0]
    return top in tree.folders or any(file.split(".")[0] == top for file in tree.files_in(""))


def _try_again(tree: Tree, error: BaseException) -> None:
    """Restore everything and run init once more, in the same process, from its beginning.

    A module that failed half-way cannot be imported a second time in general: libraries in C
    register things once. So the interpreter is started again, with what it was started with.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return
    print(  # noqa: T201 - to the function's log
        f"hotpack: init failed ({getattr(error, 'msg', None) or error!r}) while "
        f"{tree.count_missing()} files were not restored; all are restored now and init runs once "
        "more: if it works then, record what it touches with `hotpack trace`",
        flush=True,
    )
    tree.touch_everything()
    _forget_what_was_set()
    environment = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    environment[_SECOND_TRY.encode()] = b"1"
    sys.stderr.flush()
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - it is this very program


def _forget_what_was_set() -> None:
    """Undo what would outlive the interpreter: folder, timers, blocked signals."""
    import signal

    os.chdir(_STARTED_IN)
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
