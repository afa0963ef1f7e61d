"""Announces what Python is about to do with the files below a folder, and runs a script.

    python -S observer.py SAYS SCRIPT ROOT ARGUMENT…

Copied into the sandbox; standard library only, of the target's Python. SAYS is a file to write to,
or `-` where strace looks on: then an announcement is a system call, the question whether
MARK/WAY/PATH exists, so that strace has it in its place among the others. Each is made once a
process. Ways are those of `hotpack.profile`, `scanned` for scandir, whose entries Python may stat
without another word, and `searched` for what only the import system looks at, which looks at every
source and lists every package.

Audit events tell of opened, listed and executed paths, of extension modules and of ctypes; of
stat, lstat, access and readlink there are none, so those functions are wrapped.
"""

import os
import posix
import sys

MARK = "/hotpack-trace"
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_access, _readlink = posix.access, posix.readlink
_announced: "set[tuple[str, str]]" = set()


def observe(say: "Callable[[str, str], None]", roots: "tuple[str, ...]") -> "Callable[..., None]":
    """Announce what is below the roots from now on; return what does it."""

    def note(way: str, path: object, folder: "int | None" = None) -> None:
        # An exception in an audit hook would be one of the function's.
        try:
            relative = _below(roots, path, folder)
            if relative is not None and (way, relative) not in _announced:
                _announced.add((way, relative))
                say(way, relative)
        except (OSError, ValueError, TypeError):
            return

    sys.addaudithook(_hook(note))
    for name, way in _WRAPPED.items():
        _wrap(name, way, note)
    return note


def say_to(file: int) -> "Callable[[str, str], None]":
    """Return what writes announcements to an open file."""

    def say(way: str, path: str) -> None:
        os.write(file, os.fsencode(f"{way} {path!a}\n"))

    return say


def _say_to_strace(way: str, path: str) -> None:
    _access(f"{MARK}/{way}/{path.lstrip('/')}", 0)


def _below(roots: "tuple[str, ...]", path: object, folder: "int | None") -> "str | None":
    """Return the path relative to the root that it is below; None for one that is elsewhere."""
    if path is None:
        path = "."
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None  # an open file
    text = os.fsdecode(path)
    if not text.startswith("/"):
        start = os.getcwd() if folder is None else _readlink(f"/proc/self/fd/{folder}")  # noqa: PTH109
        text = f"{start}/{text}"
    if "//" in text or "/." in text or text.endswith("/"):
        text = os.path.normpath(text)
    for root in roots:
        if text.startswith(f"{root}/"):
            return text[len(root) + 1 :]
        if text == root:
            return "."
    return None


def _hook(note: "Callable[[str, object], None]") -> "Callable[[str, tuple[Any, ...]], None]":
    def hook(event: str, arguments: "tuple[Any, ...]") -> None:
        # The first condition is the cheap one: there are thousands of other events.
        if event in _EVENTS:
            way, position = _EVENTS[event]
            path = arguments[position]
            # None is this folder for listdir; for an import, one without a file.
            if path is not None or way in ("listed", "scanned"):
                note("searched" if way == "listed" and _imports() else way, path)

    return hook


def _imports() -> bool:
    """Return whether it is the import system that calls who calls this."""
    name: str = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001
    return name in ("_frozen_importlib_external", "importlib._bootstrap_external")


_EVENTS = {
    "open": ("opened", 0),
    "import": ("mapped", 1),
    "ctypes.dlopen": ("mapped", 0),
    "os.listdir": ("listed", 0),
    "os.scandir": ("scanned", 0),
    "sqlite3.connect": ("opened", 0),
    "sqlite3.load_extension": ("mapped", 1),
    "os.chdir": ("statted", 0),
    "os.getxattr": ("statted", 0),
    "os.listxattr": ("statted", 0),
    "os.exec": ("executed", 0),
    "os.posix_spawn": ("executed", 0),
    "subprocess.Popen": ("executed", 0),
}
"""Which argument of an audit event is the path."""

_WRAPPED = {
    "access": "accessed",
    "open": "opened",  # its audit event does not know the folder of a relative path
    **dict.fromkeys(("lstat", "pathconf", "readlink", "stat", "statvfs"), "statted"),
}


def _wrap(name: str, way: str, note: "Callable[[str, object, int | None], None]") -> None:
    original = getattr(posix, name)

    def wrapper(*arguments: "Any", **named: "Any") -> "Any":
        path = arguments[0] if arguments else named.get("path")
        note("searched" if way == "statted" and _imports() else way, path, named.get("dir_fd"))
        return original(*arguments, **named)

    for attribute in ("__doc__", "__module__", "__name__", "__qualname__", "__text_signature__"):
        setattr(wrapper, attribute, getattr(original, attribute))
    # The import system asks `posix`, everybody else `os`; what a function can do is in sets of os.
    setattr(posix, name, wrapper)
    setattr(os, name, wrapper)
    abilities = ("supports_dir_fd", "supports_effective_ids", "supports_fd")
    for ability in (*abilities, "supports_follow_symlinks"):
        functions = getattr(os, ability)
        if original in functions:
            functions.add(wrapper)


def main() -> None:
    """Observe, and run the script as if Python had been started with it."""
    says, script, root = sys.argv[1:4]
    is_strace = says == "-"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    say = _say_to_strace if is_strace else say_to(os.open(says, flags, 0o600))
    del sys.argv[:2]
    sys.path[0] = script.rpartition("/")[0]
    with open(script, encoding="utf-8") as file:  # noqa: PTH123
        code = compile(file.read(), script, "exec")
    main_module = type(sys)("__main__")
    main_module.__file__ = script
    sys.modules["__main__"] = main_module
    say("root", root)
    observe(say, (root,))
    exec(code, main_module.__dict__)  # noqa: S102


if __name__ == "__main__":
    main()
