"""How stages say what they are doing; only the command line decides how that looks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Unit = Literal["bytes", "files", "lines", "packages", "starts"]
Advance = Callable[[int], None]
"""Called with how many more units are done."""


def mb(size_bytes: float) -> str:
    """Return a size in megabytes: 10^6 bytes, as Lambda's limit is a round number of bytes."""
    return f"{size_bytes / 1e6:,.1f} MB"


class Progress(Protocol):
    """Where a stage reports to."""

    def log(self, message: str) -> None:
        """Say one line."""

    def warn(self, message: str, *, hint: str | None = None) -> None:
        """Say that the result is usable, but not as good as it could be."""

    def task(
        self, description: str, total: int | None, unit: Unit
    ) -> AbstractContextManager[Advance]:
        """Show a long step while the context is open."""


class Silent:
    """Reports nowhere."""

    def log(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str, *, hint: str | None = None) -> None:
        """Say nothing."""

    @contextmanager
    def task(self, description: str, total: int | None, unit: Unit) -> Iterator[Advance]:  # noqa: ARG002
        """Show nothing."""
        yield lambda _: None
