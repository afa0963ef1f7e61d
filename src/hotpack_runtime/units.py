"""How far each group is restored, and a large file while several threads write it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hotpack_runtime.manifest import Frame, Group
    from hotpack_runtime.packs import Buffer

MISSING, TAKEN, LOADED, THERE = range(4)
"""A group's state. LOADED is for bytecode alone: it is in memory and not in files."""


class Unit:
    """A group, and how far it is restored."""

    __slots__ = ("group", "index", "is_cold", "owner", "parts", "raw", "state", "unread")

    def __init__(self, index: int, group: Group, is_cold: bool) -> None:
        self.index = index
        self.group = group
        self.is_cold = is_cold
        self.state = MISSING
        self.owner = 0
        """The thread that has taken it, whole."""

        self.parts: Parts | None = None
        """Of a large file in the making, which several threads write."""

        self.raw: Buffer | None = None
        """Bytecode in memory."""

        self.unread = 0
        """How many bytes of it were not imported yet."""

    @property
    def is_large(self) -> bool:
        """Whether it is one file of several frames."""
        return len(self.group.frames) > 1

    @property
    def left(self) -> list[Frame]:
        """The frames that no thread has begun to restore."""
        if self.state != TAKEN:
            return self.group.frames
        return self.parts.todo if self.parts is not None else []

    @property
    def frame(self) -> Frame | None:
        """The only frame of one that is not; none where all files are empty."""
        return self.group.frames[0] if self.group.frames else None


class Parts:
    """A large file that is written in parts."""

    def __init__(self, frames: list[Frame]) -> None:
        self.path = ""
        self.handle = -1
        self.missing = {frame.start for frame in frames}
        self.writing = 0
        self.failed = False
        self.todo = list(frames)
