"""What looks on in the sandbox: strace with a word from Python, or Python alone."""

import ast
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, Protocol

from hotpack.audit import Libraries
from hotpack.errors import SandboxError
from hotpack.profile import Touch
from hotpack.sandbox import Escort
from hotpack.trace import strace
from hotpack.trace.calls import read_calls
from hotpack.trace.recording import (
    Sighting,
    announcement,
    python_touches,
    sightings_of_calls,
    touches,
)

Choice = Literal["auto", "strace", "python"]
_OBSERVER: Final = Path(__file__).with_name("observer.py")
_LOG: Final = "log"


class Witness(Protocol):
    """What a recording relies on."""

    @property
    def name(self) -> str:
        """What a profile calls it."""

    @property
    def blind_spots(self) -> str:
        """What it cannot see, for people."""


class Recorder(Witness, Protocol):
    """Looks at what a function touches in the local Lambda."""

    def escort(self, folder: Path) -> Escort:
        """Return what goes into the sandbox, written into an empty folder."""

    def read(self, folder: Path, files: frozenset[str], libraries: Libraries) -> tuple[Touch, ...]:
        """Return what was recorded there of the tree that has these files."""


class Strace:
    """The kernel's word on every call of every process, and Python's on which are its own."""

    name = "strace"
    blind_spots = (
        "what other events or another processor would touch, nor what is opened by io_uring"
    )

    def __init__(self, executable: Path) -> None:
        self._executable = executable

    def escort(self, folder: Path) -> Escort:
        """Bring strace itself: its path may not exist in the sandbox."""
        shutil.copy(self._executable, folder / "strace")
        shutil.copyfile(_OBSERVER, folder / _OBSERVER.name)
        return Escort(
            folder,
            before=strace.command("{folder}/strace", f"{{folder}}/{_LOG}"),
            script=(f"{{folder}}/{_OBSERVER.name}", "-"),
        )

    def read(self, folder: Path, files: frozenset[str], libraries: Libraries) -> tuple[Touch, ...]:
        """Tell Python's touches from those of C code by what Python said before."""
        with (folder / _LOG).open(encoding="utf-8", errors="surrogateescape") as lines:
            return touches(sightings_of_calls(read_calls(lines)), files, libraries)


class PythonAlone:
    """What Python says of itself: audit events, and a word before it asks whether a file exists."""

    name = "python"
    blind_spots = (
        "what C code and other programs open by themselves (certificates, models that C++ reads, "
        "libraries that a library loads), nor what other events or another processor would touch"
    )

    def escort(self, folder: Path) -> Escort:
        """Bring the observer."""
        shutil.copyfile(_OBSERVER, folder / _OBSERVER.name)
        script = (f"{{folder}}/{_OBSERVER.name}", f"{{folder}}/{_LOG}")
        return Escort(folder, script=script)

    def read(self, folder: Path, files: frozenset[str], libraries: Libraries) -> tuple[Touch, ...]:
        """Take Python at its word."""
        with (folder / _LOG).open(encoding="ascii") as lines:
            return python_touches(announcements(lines), files, libraries)


def choose(choice: Choice) -> tuple[Recorder, str | None]:
    """Return the recorder, and why it is not strace where that was hoped for.

    Raises SandboxError where strace is demanded and cannot be had.
    """
    if choice == "python":
        return PythonAlone(), None
    executable = strace.find_strace()
    reason = "strace is not installed" if executable is None else strace.failure(executable)
    if executable is not None and reason is None:
        return Strace(executable), None
    if choice == "strace":
        raise SandboxError(f"strace cannot look on: {reason}", hint=strace.INSTALL)
    return PythonAlone(), reason


def announcements(lines: Iterable[str]) -> Iterator[Sighting]:
    """Yield what an observer has written to its file."""
    for line in lines:
        way, _, path = line.partition(" ")
        if way != "root":
            yield announcement(way, ast.literal_eval(path))
