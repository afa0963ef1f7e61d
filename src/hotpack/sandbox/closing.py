"""What is closed at the end of a `with`."""

from types import TracebackType
from typing import Self


class Closing:
    """A context manager of whatever has `close`, which may be called again."""

    def close(self) -> None:
        """Let go of everything."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
