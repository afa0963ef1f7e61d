"""Watches one cold start of a way to ship a project: what it spends its time with, and when."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hotpack import local
from hotpack.measure.spans import Span, innermost, together, traced_spans, watched_spans
from hotpack.measure.ways import Shipped
from hotpack.pipeline import Tools
from hotpack.sandbox import Escort, LocalLambda, Settings

_WATCH: Final = Path(__file__).with_name("watch.py")
_LOG: Final = "log"


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One cold start, watched. It is no measurement: who is watched takes a little longer."""

    way: str
    duration_ms: float
    """Init phase and first invocation."""

    parts: tuple[Span, ...]
    """Without overlap within a thread, in the order of time."""


def waterfall(
    way: str,
    shipped: Shipped,
    payload: bytes,
    settings: Settings,
    tools: Tools,
    before: Callable[[LocalLambda], None],
) -> Waterfall | None:
    """Return the waterfall of a cold start; None where it fails.

    `before` makes the page cache what it is to be.
    """
    with tempfile.TemporaryDirectory(prefix="hotpack-watch-") as name:
        folder = Path(name)
        shutil.copyfile(_WATCH, folder / _WATCH.name)
        escort = Escort(folder, script=(f"{{folder}}/{_WATCH.name}", f"{{folder}}/{_LOG}"))
        watched = replace(
            settings,
            escort=escort,
            environment={**settings.environment, "HOTPACK_TRACE": "1"},
        )
        with local.run(
            shipped.function,
            tools,
            release=shipped.release,
            objects=shipped.objects,
            settings=watched,
        ) as running:
            before(running.function)
            invocation = running.function.invoke(shipped.event(payload))
        if invocation.status != "success" or invocation.init_ms is None:
            return None
        noted = (folder / _LOG).read_text(encoding="utf-8").splitlines()
    spans = together(watched_spans(noted), traced_spans(invocation.log))
    return Waterfall(way, invocation.init_ms + invocation.duration_ms, tuple(innermost(spans)))
