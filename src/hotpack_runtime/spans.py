"""Notes what restoring does when, with HOTPACK_TRACE=1, and tells it in one line of the log.

It is imported only then, and puts itself around the functions that do the work: without it they are
as they are.
"""

from __future__ import annotations

import json
from _thread import get_ident
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

VERSION = 1

_LEAST_NS = 50_000
"""What is shorter is left out: a line of CloudWatch's ends at 256 KB."""


class Spans:
    """What was done since `began_ns` of the monotonic clock."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._spans: list[tuple[str, int, int, int]] = []
        self._told = False

    def watch(self) -> None:
        """Note from now on what is read, verified, decompressed, written and waited for."""
        from hotpack_runtime import folder, packs, prefetch, restorer, waiting

        work: tuple[tuple[Any, str, str], ...] = (
            (packs.PacksFolder, "read", "fetch"),
            (prefetch.Prefetcher, "_fetch", "fetch"),
            (prefetch.Prefetcher, "_read_now", "fetch"),
            (packs, "_verified", "verify"),
            (restorer, "write_at", "write"),
            (folder, "write_at", "write"),
            (folder.TreeFolder, "copy", "write"),
            (folder.TreeFolder, "move", "write"),
            (waiting.Signal, "wait", "wait"),
        )
        for holder, function, name in work:
            setattr(holder, function, self.around(name, getattr(holder, function)))
        pieces: Any = packs
        pieces.decompress = self._around_pieces("decompress", pieces.decompress)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, each call of which is noted."""

        def noted(*arguments: Any, **named: Any) -> Any:
            start_ns = monotonic_ns()
            try:
                return function(*arguments, **named)
            finally:
                self._note(name, start_ns)

        return noted

    def _around_pieces(
        self, name: str, function: Callable[..., Iterator[bytes]]
    ) -> Callable[..., Iterator[bytes]]:
        """Return the generator, each piece of which is noted."""

        def noted(*arguments: Any) -> Iterator[bytes]:
            advance = self.around(name, function(*arguments).__next__)
            while True:
                try:
                    piece = advance()
                except StopIteration:
                    return
                yield piece

        return noted

    def _note(self, name: str, start_ns: int) -> None:
        end_ns = monotonic_ns()
        if end_ns - start_ns >= _LEAST_NS and not self._told:
            self._spans.append((name, start_ns, end_ns, get_ident()))

    def tell(self) -> None:
        """Print what was noted, in milliseconds since the beginning; nothing is noted any more."""
        self._told = True
        spans = [
            {
                "name": name,
                "start_ms": round((start_ns - self._began_ns) / 1e6, 2),
                "end_ms": round((end_ns - self._began_ns) / 1e6, 2),
                "thread": thread,
            }
            for name, start_ns, end_ns, thread in list(self._spans)
        ]
        document = {"hotpack_trace": {"version": VERSION, "spans": spans}}
        print(json.dumps(document, separators=(",", ":")), flush=True)  # noqa: T201 - to the log
