"""What a sandbox consists of, and how it is opened: what every isolation has to say.

An isolation turns `Rooms` (what a sandbox consists of) into an `Enclosure` (the command that
opens it, and where things are for whoever is inside).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, Self

from hotpack.sandbox.interpreter import Interpreter

GUEST: Final = Path(__file__).parent / "guest"
"""Where the programs are that run inside."""


@dataclass(frozen=True, slots=True)
class Escort:
    """What goes into a sandbox with the function, to look at what it does.

    `{folder}` in a word stands for where the folder is inside.
    """

    folder: Path
    """A folder of this machine that whoever is inside may write to."""

    before: tuple[str, ...] = ()
    """Words before the runtime's command, e.g. of strace."""

    script: tuple[str, ...] = ()
    """Words between Python and the script that it runs: another script, which runs that one."""

    def inside(self, folder: str) -> Self:
        """Return it with the words as they are for whoever has the folder there."""
        before, script = (
            tuple(word.replace("{folder}", folder) for word in words)
            for words in (self.before, self.script)
        )
        return replace(self, before=before, script=script)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What one sandbox consists of, as paths of this machine."""

    task: Path
    """The function's unpacked code."""

    opt: Path
    """The unpacked layers, one over the other."""

    runtime_client: Path
    """A folder that awslambdaric is installed in."""

    interpreter: Interpreter
    own: Path
    """An empty folder for this sandbox alone, removed with it."""

    ephemeral_storage_mb: int
    escort: Escort | None = None


@dataclass(frozen=True, slots=True)
class Enclosure:
    """How to open a sandbox, and where things are in it."""

    command: tuple[str, ...]
    """Prefix of the command for its first process."""

    folder: Path
    """Where to start it."""

    python: str
    guest: str
    """The folder that holds, as the package `guest`, the programs that run inside."""

    task_root: str
    opt: str
    runtime_dir: str
    python_prefix: str
    timezone: str

    temporary: str | None
    """Where /tmp stands in for, None where it is /tmp itself."""

    python_options: tuple[str, ...]

    user: tuple[int, int] | None
    """User and group that the runtime has to become; None where it is what it should be."""

    escort: Escort | None = None
    """With its words as they are inside."""


class Isolation(Protocol):
    """A way to keep sandboxes apart."""

    @property
    def name(self) -> str:
        """What it is called, for people."""

    @property
    def isolated(self) -> bool:
        """Whether paths, the size of /tmp and processes are held as Lambda holds them."""

    @property
    def reason(self) -> str | None:
        """Why there is no better one; None for the best."""

    @property
    def remedy(self) -> str | None:
        """What to do for a better one; None for the best."""

    def enclose(self, rooms: Rooms) -> Enclosure:
        """Return how to open a sandbox of these rooms."""
