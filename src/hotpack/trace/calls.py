"""Reads the lines of strace: which calls touched which paths, in order.

The lines are those of `strace -f -y`: a thread's number first, descriptors with their paths. A call
that another thread's line interrupts is two lines; it counts where it ends.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hotpack.profile import Way

_ESCAPED: Final = r"(?:[^\\{0}]|\\.)*"
_PATH: Final = rf"<({_ESCAPED.format('<>')})>"
_LINE: Final = re.compile(r"(\d+) +(.*)")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>\s?")
_UNFINISHED: Final = "<unfinished ...>"
_CALL: Final = re.compile(r"(\w+)\((.*)")
_RESULT: Final = re.compile(rf"\)\s*= (-?\d+|0x[0-9a-f]+)(?:{_PATH})?(?: (E[A-Z0-9]+) \(.*\))?$")
_NAMED: Final = re.compile(rf'(?:(?:AT_FDCWD|-?\d+)(?:{_PATH})?, )?"({_ESCAPED.format(chr(34))})"')
_DESCRIPTOR: Final = re.compile(rf"\d+{_PATH}")
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a",
                   b"b": b"\b", b"e": b"\x1b"}  # fmt: skip

_OPENING: Final = frozenset({"open", "openat", "openat2", "creat"})
_ACCESSING: Final = frozenset({"access", "faccessat", "faccessat2"})
_EXECUTING: Final = frozenset({"execve", "execveat"})
_LISTING: Final = frozenset({"getdents", "getdents64"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that named a path, or had one open."""

    way: Way
    path: str
    """Absolute, without `.` and `..`."""

    error: str | None = None
    """Its errno, e.g. `ENOENT`; None where it succeeded."""


def read_calls(lines: Iterable[str], folder: str = "/") -> Iterator[Call]:
    """Yield the calls that lines of strace tell of; `folder` is where the first process starts.

    What is no call, or cut off, is passed over. Most calls say which folder they are relative to;
    for one that does not, it is the one that the thread was last known to be in.
    """
    unfinished: dict[str, str] = {}
    folders: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        thread, text = match.groups()
        if text.endswith(_UNFINISHED):
            unfinished[thread] = text.removesuffix(_UNFINISHED)
            continue
        if resumed := _RESUMED.match(text):
            text = unfinished.pop(thread, "") + text[resumed.end() :]
        called, result = _CALL.match(text), _RESULT.search(text)
        if called is None or result is None:
            continue
        name, arguments = called.groups()
        error = result[3]
        if name == "mmap" or name in _LISTING:
            if error is None and (found := _of_descriptor(name, arguments)) is not None:
                yield found
            continue
        named = _NAMED.match(arguments)
        if named is None:
            continue
        if arguments.startswith("AT_FDCWD<"):
            folders[thread] = _text(named[1])
        if not named[2]:
            continue  # of the descriptor itself, which was opened before
        start = _text(named[1]) if named[1] else folders.get(thread, folder)
        path = posixpath.normpath(posixpath.join(start, _text(named[2])))
        if name in _OPENING and result[2]:
            path = _text(result[2])  # where symbolic links on the way have led
        if name == "chdir" and error is None:
            folders[thread] = folder = path
        if not (name in _OPENING and "O_DIRECTORY" in arguments):  # listing it is the touch
            yield Call(_way(name), path, error)


def _of_descriptor(name: str, arguments: str) -> Call | None:
    """Return the call if it lists an open folder, or maps code of an open file."""
    if name == "mmap" and "PROT_EXEC" not in arguments:
        return None
    found = _DESCRIPTOR.search(arguments)
    return found and Call("mapped" if name == "mmap" else "listed", _text(found[1]))


def _way(name: str) -> Way:
    if name in _OPENING:
        return "opened"
    if name in _EXECUTING:
        return "executed"
    return "accessed" if name in _ACCESSING else "statted"


def _text(escaped: str) -> str:
    """Return a path as Python has it, of one that strace wrote."""
    if "\\" not in escaped:
        return escaped
    return _ESCAPE.sub(_unescape, escaped.encode()).decode("utf-8", "surrogateescape")


def _unescape(match: "re.Match[bytes]") -> bytes:
    code = match[1]
    if code[0] in b"01234567":
        return bytes([int(code, 8) & 0xFF])
    if len(code) == 3:
        return bytes([int(code[1:], 16)])
    return _LETTERS.get(code, code)
