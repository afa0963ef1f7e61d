"""Lets threads wait for each other, and go first, whatever becomes of `threading` meanwhile.

gevent replaces its locks by others, which real threads cannot wait for: what is here was taken
before.
"""

from __future__ import annotations

import os
from _thread import RLock, allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from typing import Final

_new_lock: Final = allocate_lock

PATIENCE_S = 2.0
"""How long to wait for what another thread has begun, while nothing changes, before doing it
alone: it may have been killed, forked away or interrupted."""

FETCHING_PATIENCE_S = 15.0
"""The same for what is on its way from S3: longer than one request is tried again."""

_PATIENT_PRIORITY = 5
"""For what nobody has asked for yet; on Linux each thread has a priority of its own. Not the least:
others may come to wait for what it has begun."""


def let_others_go_first() -> None:
    """Give this thread less of the processor than others have."""
    os.setpriority(os.PRIO_PROCESS, 0, _PATIENT_PRIORITY)


class Signal:
    """Says to whoever waits that something has changed, under the lock that it changes under.

    The lock is one in C: entering and leaving it cannot fail, not even deep in a recursion.
    """

    def __init__(self, lock: RLock | None = None) -> None:
        self.lock = lock or RLock()
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
