"""Watches what Python touches, so that it is there: imports, opens, listings, stats, processes.

Most of it Python tells by audit events (PEP 578); the functions that ask without opening are
wrapped. Both cost next to nothing for paths elsewhere, and the wrappers go when all is there.
"""

from __future__ import annotations

import _posixsubprocess
import os
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hotpack_runtime.restorer import AtWork, Restorer
    from hotpack_runtime.tree import Tree

_ASKING = ("access", "lstat", "pathconf", "readlink", "stat", "statvfs")
"""Functions that no audit event tells of."""

_CAPABILITIES = ("supports_dir_fd", "supports_effective_ids", "supports_fd",
                 "supports_follow_symlinks")  # fmt: skip
"""Sets of functions in `os`: what is in them by itself must be in them wrapped."""

_HARMLESS = frozenset({"getconf", "ldconfig", "lscpu", "nproc", "sysctl", "uname"})
"""Programs that libraries run to learn of the system, and that open no file of the tree."""


def install(tree: Tree, restorer: Restorer) -> None:
    """Watch what is touched of the tree, until all of it is there."""
    at_work = restorer.at_work
    wrapped = _wrap(tree, at_work)
    handlers = _handlers(tree)

    def audit(event: str, args: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is not None and not at_work:
            handler(args)

    def stop() -> None:
        handlers.clear()  # a hook cannot be taken away
        _unwrap(wrapped)

    tree.when_complete = stop
    sys.addaudithook(audit)
    os.register_at_fork(
        before=restorer.stop, after_in_parent=restorer.go_on, after_in_child=restorer.forked
    )


def _handlers(tree: Tree) -> dict[str, Callable[[tuple[Any, ...]], None]]:
    """Return what to do before the event happens, by the event's name."""

    def touch(args: tuple[Any, ...]) -> None:
        tree.touch(args[0])

    def touch_second(args: tuple[Any, ...]) -> None:
        tree.touch(args[1])

    def load(args: tuple[Any, ...]) -> None:
        if args[1] is not None:  # else it is told that a search begins
            tree.load(args[1])

    def list_(args: tuple[Any, ...]) -> None:
        tree.touch_all_in(args[0])

    def change_folder(args: tuple[Any, ...]) -> None:
        tree.touch(args[0])
        tree.moved()

    def move(args: tuple[Any, ...]) -> None:
        if any(tree.inside(path) is not None for path in args[:2]):
            tree.touch_everything()  # another way to the same files, which is not watched

    def start_process(args: tuple[Any, ...]) -> None:
        if not _is_harmless(args[0], args[1] if len(args) > 1 else (), tree.root):
            tree.touch_everything()  # what another process touches is not watched

    return {
        **dict.fromkeys(
            (
                *("open", "ctypes.dlopen", "sqlite3.connect", "os.mkdir", "os.remove", "os.rmdir"),
                *("os.chmod", "os.chown", "os.utime", "os.truncate", "os.chflags"),
                *("os.getxattr", "os.listxattr", "os.setxattr", "os.removexattr"),
            ),
            touch,
        ),
        "import": load,
        "sqlite3.load_extension": touch_second,
        **dict.fromkeys(("os.listdir", "os.scandir"), list_),
        "os.chdir": change_folder,
        "cpython.PyInterpreterState_New": lambda _: tree.touch_everything(),  # it has no hooks
        **dict.fromkeys(("os.link", "os.rename", "os.symlink"), move),
        **dict.fromkeys(
            ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "pty.spawn"),
            start_process,
        ),
    }


def _is_harmless(program: object, arguments: object, root: str) -> bool:
    """Return whether a program is known to touch nothing of the tree."""
    words = [program, *arguments] if isinstance(arguments, (list, tuple)) else [program, arguments]
    texts = [os.fsdecode(word) for word in words if isinstance(word, (str, bytes, os.PathLike))]
    return (
        bool(texts)
        and os.path.basename(texts[0]) in _HARMLESS
        and not any(root in text for text in texts)
    )


def _wrap(tree: Tree, at_work: AtWork) -> dict[str, tuple[Any, Any]]:
    """Wrap what no audit event tells of; return each with what stands in for it now, by name."""
    fork_exec = _posixsubprocess.fork_exec
    wrapped = {
        "fork_exec": (fork_exec, _starting(fork_exec, tree)),
        "open": (posix.open, _opening(posix.open, tree)),
    }
    for name in _ASKING:
        function = getattr(posix, name)
        wrapped[name] = function, _asking(function, tree, at_work)
    for name, (function, wrapper) in wrapped.items():
        _replace(name, function, wrapper)
    return wrapped


def _unwrap(wrapped: dict[str, tuple[Any, Any]]) -> None:
    for name, (function, wrapper) in wrapped.items():
        _replace(name, wrapper, function)


def _replace(name: str, old: Any, new: Any) -> None:
    """Put one function in another's place, where nobody else has put something there since."""
    for module in (posix, os, _posixsubprocess):
        if getattr(module, name, None) is old:
            setattr(module, name, new)
    for capability in _CAPABILITIES:
        functions = getattr(os, capability)
        if old in functions:
            functions.add(new)
    pathlib = sys.modules.get("pathlib")
    accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10 keeps functions there
    if accessor is not None and getattr(accessor, name, None) is old:
        setattr(accessor, name, staticmethod(new))


def _asking(function: Any, tree: Tree, at_work: AtWork) -> Any:
    """Return a function that touches the path first, and looks the same otherwise."""

    def asking(*args: Any, **options: Any) -> Any:
        if not at_work:
            tree.touch(args[0] if args else options.get("path"), options.get("dir_fd"))
        return function(*args, **options)

    return _looks_like(asking, function)


def _opening(function: Any, tree: Tree) -> Any:
    """Return `open` that knows the folder of a relative path, which its audit event does not."""

    def opening(*args: Any, **options: Any) -> Any:
        if options.get("dir_fd") is not None:
            tree.touch(args[0] if args else options.get("path"), options["dir_fd"])
        return function(*args, **options)

    return _looks_like(opening, function)


def _starting(function: Any, tree: Tree) -> Any:
    """Return what starts processes for `multiprocessing`, which tells no audit event of it."""

    def starting(*args: Any) -> Any:
        if not _is_harmless(args[1][0] if args[1] else "", args[0], tree.root):
            tree.touch_everything()
        return function(*args)

    return _looks_like(starting, function)


def _looks_like(wrapper: Any, function: Any) -> Any:
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(wrapper, name, getattr(function, name))
    wrapper.__text_signature__ = getattr(function, "__text_signature__", None)
    return wrapper
