"""Lets threads wait for each other, whatever becomes of `threading` meanwhile.

gevent replaces its locks by others, which real threads cannot wait for: what is here was taken
before.
"""

from __future__ import annotations

from _thread import RLock, allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from typing import Final

_new_lock: Final = allocate_lock


class Signal:
    """Says to whoever waits that something has changed, under the lock that it changes under.

    The lock is one in C: entering and leaving it cannot fail, not even deep in a recursion.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._waiting: list[LockType] = []

    def wait(self, timeout_s: float) -> bool:
        """Release the lock until `notify_all`; return whether that came in time."""
        waiter = _new_lock()
        waiter.acquire()
        self._waiting.append(waiter)
        self.lock.release()
        try:
            return waiter.acquire(True, timeout_s)
        finally:
            self.lock.acquire()

    def notify_all(self) -> None:
        """Wake all that wait."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.release()
