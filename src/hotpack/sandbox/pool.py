"""Which sandboxes stand idle, and until when."""

from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Idle(Generic[S]):
    sandbox: S
    until_s: float


class Pool(Generic[S]):
    """Idle sandboxes, the last used first. Times are seconds of the caller's clock."""

    def __init__(self, idle_life_s: float) -> None:
        self._idle_life_s = idle_life_s
        self._idle: list[_Idle[S]] = []

    def give(self, sandbox: S, now_s: float) -> None:
        """Put a sandbox in."""
        self._idle.append(_Idle(sandbox, now_s + self._idle_life_s))

    def take(self, now_s: float) -> S | None:
        """Take out the sandbox that was used last, None if there is none in time."""
        if self._idle and self._idle[-1].until_s > now_s:
            return self._idle.pop().sandbox
        return None

    def take_expired(self, now_s: float) -> list[S]:
        """Take out what has been idle for too long."""
        expired = [idle.sandbox for idle in self._idle if idle.until_s <= now_s]
        self._idle = [idle for idle in self._idle if idle.until_s > now_s]
        return expired

    def take_all(self) -> list[S]:
        """Take out everything."""
        idle, self._idle = self._idle, []
        return [each.sandbox for each in idle]

    def next_expiry_s(self) -> float | None:
        """Return when the next one will have been idle for too long."""
        return min((idle.until_s for idle in self._idle), default=None)
