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
        self._closing = threading.Lock()
        self._stack = ExitStack()
        self.local = self._stack.enter_context(start(folder))

    def close(self) -> None:
        """End its sandboxes. Returns when they have ended, whoever else is closing it."""
        with self._closing:
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
        self._retired: list[_Generation] = []
        """Older ones that are not closed yet."""

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
        """End all sandboxes, those of older builds too."""
        with self._lock:
            self._closed = True
            generations = [*self._retired, self._generation]
        for generation in generations:
            generation.close()

    @contextmanager
    def _used(self) -> Iterator[LocalLambda]:
        """Yield the newest generation, and close it afterwards if it is that no longer."""
        with self._lock:
            self._replace()
            generation = self._generation
            generation.users += 1
        self._close_idle()
        try:
            yield generation.local
        finally:
            with self._lock:
                generation.users -= 1
            self._close_idle()

    def _replace(self) -> None:
        """Begin a new generation if there is another build."""
        folder = self._current()
        if folder == self._generation.folder or self._closed:
            return
        before, self._generation = self._generation, _Generation(folder, self._start)
        self._retired.append(before)
        self._on_reload(folder)

    def _close_idle(self) -> None:
        """Close the older ones on which nothing runs any more."""
        with self._lock:
            idle = [generation for generation in self._retired if not generation.users]
        for generation in idle:
            generation.close()
        if idle:
            with self._lock:
                self._retired = [each for each in self._retired if each not in idle]
