"""Watches what Python touches, so that it is there: imports, opens, listings, stats, processes.

Most of it Python tells by audit events (PEP 578); the functions that ask without opening are
wrapped. The wrappers go when all is there; a hook cannot be taken away, and does nothing then.
"""

from __future__ import annotations

import _posixsubprocess
import os
import posix
import sys

from hotpack_runtime.folder import OwnPath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from hotpack_runtime.restorer import Restorer
    from hotpack_runtime.tree import Tree

    Handler = Callable[[tuple[Any, ...]], None]

_ASKING = ("access", "lstat", "mkfifo", "mknod", "pathconf", "readlink", "stat", "statvfs")
"""Functions that no audit event tells of."""

_CAPABILITIES = (
    "supports_dir_fd",
    "supports_effective_ids",
    "supports_fd",
    "supports_follow_symlinks",
)
"""Sets of functions in `os`: what is in them by itself must be in them wrapped."""

_HARMLESS = frozenset({"getconf", "ldconfig", "lscpu", "nproc", "sysctl", "uname"})
"""Programs that libraries run to learn of the system, and that open no file of the tree."""

_TELLS_NOTHING = frozenset({"uvloop.loop"})
"""Modules that start processes in C, without an event."""


def install(tree: Tree, restorer: Restorer) -> None:
    """Watch what is touched of the tree, until all of it is there."""
    if tree.is_complete:
        return
    wrapped = _wrap(tree)
    handlers = _handlers(tree)

    def audit(event: str, args: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is not None and type(args[0] if args else None) is not OwnPath:
            handler(args)

    def stop() -> None:
        handlers.clear()
        _unwrap(wrapped)

    restorer.when_complete = stop
    sys.addaudithook(audit)
    os.register_at_fork(
        before=restorer.stop, after_in_parent=restorer.go_on, after_in_child=restorer.forked
    )


def _handlers(tree: Tree) -> dict[str, Handler]:
    """Return what to do before the event happens, by the event's name."""
    processes = dict.fromkeys(
        ("subprocess.Popen", "os.exec", "os.posix_spawn", "pty.spawn"), _processes(tree)
    )
    return {**_paths(tree), **_folders(tree), **_moves(tree), **_imports(tree), **processes,
            **_blind(tree)}  # fmt: skip


def _paths(tree: Tree) -> dict[str, Handler]:
    """Return what to do for events that tell the path of a file."""

    def touch(args: tuple[Any, ...]) -> None:
        tree.touch(args[0])

    def touch_in(args: tuple[Any, ...]) -> None:
        tree.touch(args[0], args[-1])  # the handle of the folder that it is relative to

    def database(args: tuple[Any, ...]) -> None:
        path = args[0]
        if isinstance(path, str) and path.startswith("file:"):
            from urllib.parse import unquote, urlsplit

            path = unquote(urlsplit(path).path)
        tree.touch(path)

    attributes = ("os.getxattr", "os.listxattr", "os.setxattr", "os.removexattr")
    return {
        **dict.fromkeys(("open", "ctypes.dlopen", "os.truncate", "os.chdir", *attributes), touch),
        **dict.fromkeys(("os.chmod", "os.chown", "os.mkdir", "os.remove", "os.utime"), touch_in),
        "sqlite3.connect": database,
    }


def _folders(tree: Tree) -> dict[str, Handler]:
    """Return what to do for events that tell a folder."""

    def list_(args: tuple[Any, ...]) -> None:
        tree.touch_all_in(args[0])

    def remove(args: tuple[Any, ...]) -> None:
        if args[-1] < 0:
            tree.touch_all_in(args[0])
        tree.touch(args[0], args[-1])

    listings = dict.fromkeys(("os.listdir", "os.scandir"), list_)
    return {**listings, "os.rmdir": remove}


def _moves(tree: Tree) -> dict[str, Handler]:
    """Return what to do before there is another way to the same file, which is not watched."""

    def rename(args: tuple[Any, ...]) -> None:
        source, target, source_fd, target_fd = args
        if tree.holds_folder(source, source_fd) or tree.is_below(source, source_fd):
            tree.touch_everything()
        tree.touch(source, source_fd)
        tree.touch(target, target_fd)

    def link(args: tuple[Any, ...]) -> None:
        source, target, source_fd, target_fd = args
        tree.touch(source, source_fd)
        tree.touch(target, target_fd)

    def symlink(args: tuple[Any, ...]) -> None:
        source, target, target_fd = args
        beside = os.path.join(os.path.dirname(os.fsdecode(target)), os.fsdecode(source))
        if tree.holds_folder(beside, target_fd) or tree.is_below(beside, target_fd):
            tree.touch_everything()
        tree.touch(beside, target_fd)
        tree.touch(target, target_fd)

    return {"os.rename": rename, "os.link": link, "os.symlink": symlink}


def _imports(tree: Tree) -> dict[str, Handler]:
    """Return what to do for events that tell of loading libraries."""

    def load(args: tuple[Any, ...]) -> None:
        if len(args) > 1 and args[1] is not None:  # else it is told that a search begins
            tree.load(args[1])
        if args[0] in _TELLS_NOTHING:
            tree.touch_everything()

    def load_for_sqlite(args: tuple[Any, ...]) -> None:
        tree.touch(args[1])
        tree.touch(f"{args[1]}.so")  # it tries that too

    return {"import": load, "sqlite3.load_extension": load_for_sqlite}


def _processes(tree: Tree) -> Handler:
    """Return what to do before another program starts: what it touches is not watched."""

    def start(args: tuple[Any, ...]) -> None:
        program, arguments = args[0], args[1] if len(args) > 1 else ()
        # Popen tells folder and environment too, and looks for the program in that one's PATH.
        folder, environment = args[2:4] if len(args) > 3 else (None, None)
        if not _is_harmless(program, (arguments, folder), tree, environment):
            tree.touch_everything()

    return start


def _blind(tree: Tree) -> dict[str, Handler]:
    """Return what to do where nobody can look on."""

    def touch_everything(_: tuple[Any, ...]) -> None:
        tree.touch_everything()

    # A subinterpreter has no hooks; a shell's command is more than one program.
    return dict.fromkeys(("cpython.PyInterpreterState_New", "os.system"), touch_everything)


def _is_harmless(
    program: object, told: object, tree: Tree, environment: dict[str, str] | None = None
) -> bool:
    """Return whether a program is known to touch nothing of the tree, or does not exist.

    Where that depends on the folder that it is started in, it is not known.
    """
    if not isinstance(program, (str, bytes, os.PathLike)):
        return False
    name = os.fsdecode(program)
    if "/" in name and not os.path.isabs(name):
        return False
    if os.path.basename(name) in _HARMLESS:
        return not any(tree.root in text for text in (name, *_texts(told)))
    return not _may_exist(name, environment)


def _texts(told: object) -> Iterator[str]:
    """Yield the texts in what is told of a process, lists in it included."""
    if isinstance(told, (str, bytes, os.PathLike)):
        yield os.fsdecode(told)
    elif isinstance(told, (list, tuple)):
        for part in told:
            yield from _texts(part)


def _may_exist(program: str, environment: dict[str, str] | None) -> bool:
    """Return whether there may be such a program: libraries ask for some that are seldom there."""
    if os.path.lexists(program):
        return True
    folders = () if os.path.isabs(program) else os.get_exec_path(environment)
    return any(
        not os.path.isabs(folder) or os.path.lexists(os.path.join(folder, program))
        for folder in folders
    )


class _Wrapper:
    """Stands in for a function in C, which is no method of a class that it is put into."""

    def __init__(self, function: Any) -> None:
        self.function = function
        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__text_signature__"):
            setattr(self, name, getattr(function, name, None))

    def __reduce__(self) -> str:
        return str(self.function.__qualname__)

    def __repr__(self) -> str:
        return repr(self.function)


class _Asking(_Wrapper):
    """Touches the path first."""

    def __init__(self, function: Any, tree: Tree) -> None:
        super().__init__(function)
        self._tree = tree

    def __call__(self, *args: Any, **options: Any) -> Any:
        path = args[0] if args else options.get("path")
        self._tree.touch(path, options.get("dir_fd"))
        return self.function(*args, **options)


class _Opening(_Wrapper):
    """Knows the folder of a relative path, which the event of `open` does not tell."""

    def __init__(self, function: Any, tree: Tree) -> None:
        super().__init__(function)
        self._tree = tree

    def __call__(self, *args: Any, **options: Any) -> Any:
        if options.get("dir_fd") is not None:
            self._tree.touch(args[0] if args else options.get("path"), options["dir_fd"])
        return self.function(*args, **options)


class _Starting(_Wrapper):
    """Starts processes for `multiprocessing`, which tells no event of it."""

    def __init__(self, function: Any, tree: Tree) -> None:
        super().__init__(function)
        self._tree = tree

    def __call__(self, *args: Any) -> Any:
        if not all(_is_harmless(program, args[0], self._tree) for program in args[1]):
            self._tree.touch_everything()
        return self.function(*args)


def _wrap(tree: Tree) -> dict[str, _Wrapper]:
    """Wrap what no audit event tells of; return what stands there now, by name."""
    wrapped: dict[str, _Wrapper] = {
        "fork_exec": _Starting(_posixsubprocess.fork_exec, tree),
        "open": _Opening(posix.open, tree),
    }
    for name in _ASKING:
        wrapped[name] = _Asking(getattr(posix, name), tree)
    for name, wrapper in wrapped.items():
        _replace(name, wrapper.function, wrapper)
    return wrapped


def _unwrap(wrapped: dict[str, _Wrapper]) -> None:
    for name, wrapper in wrapped.items():
        _replace(name, wrapper, wrapper.function)


def _replace(name: str, old: Any, new: Any) -> None:
    """Put one function in another's place, where nobody else has put something there since."""
    accessor = getattr(sys.modules.get("pathlib"), "_NormalAccessor", None)  # of Python 3.10
    for holder in (posix, os, _posixsubprocess, accessor):
        if getattr(holder, name, None) is old:
            setattr(holder, name, new)
    for capability in _CAPABILITIES:
        functions = getattr(os, capability)
        if old in functions:
            functions.add(new)
