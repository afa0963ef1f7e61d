"""A function whose code may change while it is served."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from hotpack.sandbox.closing import Closing
from hotpack.sandbox.function import Function, Settings
from hotpack.sandbox.outcome import Invocation
from hotpack.sandbox.supervisor import LocalLambda

Start = Callable[[Path], AbstractContextManager[LocalLambda]]


class _Generation:
    """One build in the local Lambda, and how many invocations run on it."""

    def __init__(self, folder: Path, start: Start) -> None:
        self.folder = folder
        self.users = 0
        self.retired = False
        self._stack = ExitStack()
        self.local = self._stack.enter_context(start(folder))

    def close(self) -> None:
        """End its sandboxes."""
        self._stack.close()


class Reloading(Closing):
    """Invokes what was built last: a context manager that leaves no process behind.

    Before each invocation it is asked where the build is, so that none gets older code than it
    could; those that run end on the code they began with, and then its sandboxes are closed.
    """

    def __init__(
        self,
        current: Callable[[], Path],
        start: Start,
        on_reload: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """Begin with the build that is there.

        `current` returns its folder, another one for another build. `start` opens the local
        Lambda of a folder; `on_reload` is told of a new one.
        """
        self._current = current
        self._start = start
        self._on_reload = on_reload
        self._lock = threading.Lock()
        self._closed = False
        self._generation = _Generation(current(), start)

    @property
    def function(self) -> Function:
        """What was run last."""
        return self._generation.local.function

    @property
    def settings(self) -> Settings:
        """The local Lambda's own."""
        return self._generation.local.settings

    def log(self, line: str) -> None:
        """Say something where the function's log goes."""
        self._generation.local.log(line)

    def invoke(
        self, payload: bytes, *, client_context: str | None = None, request_id: str | None = None
    ) -> Invocation:
        """Run the function as it was built last. Raises as `LocalLambda.invoke` does."""
        with self._used() as local:
            return local.invoke(payload, client_context=client_context, request_id=request_id)

    def close(self) -> None:
        """End all sandboxes; what ran on older builds ends by itself."""
        with self._lock:
            self._closed = True
        self._generation.close()

    @contextmanager
    def _used(self) -> Iterator[LocalLambda]:
        """Yield the newest generation, and close it afterwards if it is that no longer."""
        with self._lock:
            replaced = self._replace()
            generation = self._generation
            generation.users += 1
        if replaced is not None:
            replaced.close()
        try:
            yield generation.local
        finally:
            with self._lock:
                generation.users -= 1
                ended = generation.retired and not generation.users
            if ended:
                generation.close()

    def _replace(self) -> _Generation | None:
        """Begin a new generation if there is another build; return the old one if it is idle."""
        before, folder = self._generation, self._current()
        if folder == before.folder or self._closed:
            return None
        self._generation = _Generation(folder, self._start)
        self._on_reload(folder)
        before.retired = True
        return None if before.users else before
