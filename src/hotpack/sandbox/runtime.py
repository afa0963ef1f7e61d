"""One start of the runtime: its process, the API that it talks to, and what happens to it."""

import queue
import time
from collections.abc import Callable, Mapping

from hotpack.sandbox.events import Event, Exited
from hotpack.sandbox.process import Processes
from hotpack.sandbox.runtime_api import RuntimeApi
from hotpack.sandbox.runtime_states import Delivery


class StartedRuntime:
    """A runtime client's process, from its start until it is ended.

    `environment` is called with HOST:PORT of the Runtime API. Raises SandboxError if the sandbox
    is gone.
    """

    def __init__(
        self, processes: Processes, environment: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._processes = processes
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._peak_mb: int | None = None
        self._api = RuntimeApi(self._events.put)
        try:
            processes.start(environment(self._api.address), self._events.put)
        except BaseException:
            self._api.close()
            raise

    def wait(self, ends: float) -> Event | None:
        """Return the next thing that happens; None if there is nothing until `ends`.

        Times are those of `time.perf_counter`.
        """
        try:
            event = self._events.get(timeout=max(0.0, ends - time.perf_counter()))
        except queue.Empty:
            return None
        if isinstance(event, Exited):
            self._note(event.peak_memory_mb)
        return event

    def has_ended(self) -> bool:
        """Return whether its process ended while nobody waited for anything."""
        while not self._events.empty():
            if isinstance(self.wait(0), Exited):
                return True
        return False

    def deliver(self, delivery: Delivery) -> None:
        """Hand it an invocation, after it was ready for one."""
        self._api.deliver(delivery)

    def peak_memory_mb(self) -> int | None:
        """Return the most memory that it has used so far, None where it cannot be known."""
        self._note(self._processes.memory.look_mb())
        return self._peak_mb

    def end(self) -> int | None:
        """Kill what runs in the sandbox and stop serving; return the most memory it used."""
        self.peak_memory_mb()
        try:
            self._processes.kill()
        finally:
            self.close()
        self.has_ended()  # for what the process says of its memory
        return self._peak_mb

    def close(self) -> None:
        """Stop serving. What happens is still told: another thread may be waiting for it."""
        self._api.close()

    def _note(self, peak_mb: int | None) -> None:
        if peak_mb is not None:
            self._peak_mb = max(self._peak_mb or 0, peak_mb)
