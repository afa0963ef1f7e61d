"""Notes when each import, download and unpacking begins and ends, and runs a script.

    python -S watch.py LOG SCRIPT ROOT ARGUMENT…

Copied into the sandbox; standard library only, of the target's Python. Python's own
`-X importtime` writes a line a module to stderr, which is the function's log, and does not say
when; this wraps the one function that every import of a new module passes, asks the clock twice,
and writes when an outermost import is over. A line of LOG is `NAME START END THREAD DETAIL`, in
nanoseconds of the monotonic clock; the first is when it began.
"""

import os
import sys
from _thread import get_ident
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_WRAPPED = {
    "boto3.s3.transfer": (("S3Transfer", "download_file", "fetch"),),
    "botocore.response": (("StreamingBody", "read", "fetch"),),
    "tarfile": (("TarFile", "extractall", "unpack"),),
    "zipfile": (("ZipFile", "extractall", "unpack"), ("ZipFile", "read", "unpack")),
}
"""What other tools do before the import, by the module that does it: class, method, phase."""


class _Log:
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lines: list[str] = []
        self._depths: dict[int, int] = {}
        self.note("begin", monotonic_ns(), "")
        self.write()

    def note(self, name: str, start: int, detail: str) -> None:
        self._lines.append(f"{name} {start} {monotonic_ns()} {get_ident()} {detail}\n")

    def write(self) -> None:
        lines, self._lines = self._lines, []
        os.write(self._file, "".join(lines).encode())

    def enter(self) -> None:
        thread = get_ident()
        self._depths[thread] = self._depths.get(thread, 0) + 1

    def leave(self) -> None:
        thread = get_ident()
        self._depths[thread] -= 1
        if self._depths[thread] == 0:
            self.write()


def watch(path: str) -> None:
    """Note from now on."""
    log = _Log(path)
    system: Any = sys.modules["_frozen_importlib"]
    find_and_load = system._find_and_load  # noqa: SLF001 - C code looks it up by this name

    def noting(name: str, import_: "Any") -> "Any":
        log.enter()
        start = monotonic_ns()
        try:
            module = find_and_load(name, import_)
        finally:
            log.note("import", start, name)
            log.leave()
        for class_name, method, phase in _WRAPPED.get(name, ()):
            _wrap(getattr(module, class_name, None), method, phase, log)
        return module

    system._find_and_load = noting  # noqa: SLF001


def _wrap(cls: "Any", method: str, phase: str, log: _Log) -> None:
    original: Callable[..., Any] | None = getattr(cls, method, None)
    if original is None:
        return

    def noting(*arguments: "Any", **named: "Any") -> "Any":
        start = monotonic_ns()
        try:
            return original(*arguments, **named)
        finally:
            log.note(phase, start, "")

    setattr(cls, method, noting)


def main() -> None:
    """Watch, and run the script as if Python had been started with it."""
    path, script = sys.argv[1:3]
    del sys.argv[:2]
    sys.path[0] = script.rpartition("/")[0]
    with open(script, encoding="utf-8") as file:  # noqa: PTH123
        code = compile(file.read(), script, "exec")
    main_module = type(sys)("__main__")
    main_module.__file__ = script
    sys.modules["__main__"] = main_module
    watch(path)
    exec(code, main_module.__dict__)  # noqa: S102


if __name__ == "__main__":
    main()
