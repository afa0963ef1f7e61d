"""How invocations went: a table and a bar chart."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table
from rich.text import Text

from hotpack.deploy.invoking import RemoteInvocation
from hotpack.report.format import Bar, ms
from hotpack.sandbox import Invocation


def invocation_document(invocation: Invocation) -> dict[str, Any]:
    """Return an invocation, for `--json`."""
    return {
        "request_id": invocation.request_id,
        "start": invocation.start,
        "init_ms": None if invocation.init_ms is None else round(invocation.init_ms, 2),
        "duration_ms": round(invocation.duration_ms, 2),
        "billed_ms": invocation.billed_ms,
        "memory_mb": invocation.memory_mb,
        "max_memory_mb": invocation.max_memory_mb,
        "status": invocation.status,
        "error_type": invocation.error_type,
        "response": response_of(invocation),
        "log": list(invocation.log),
    }


def remote_document(invocation: RemoteInvocation) -> dict[str, Any]:
    """Return an invocation on AWS, for `--json`: what was not measured is null."""
    measured = invocation.measured()
    if measured is not None:
        return {**invocation_document(measured), "version": invocation.version}
    return {
        "request_id": invocation.request_id,
        **dict.fromkeys(("start", "init_ms", "duration_ms", "billed_ms", "memory_mb")),
        "max_memory_mb": None,
        "status": "success" if invocation.is_success else "error",
        "error_type": None,
        "response": response_of(invocation),
        "log": list(invocation.log),
        "version": invocation.version,
    }


def response_of(invocation: Invocation | RemoteInvocation) -> Any:
    """Return the response, as text where it is no JSON."""
    try:
        return json.loads(invocation.payload)
    except ValueError:
        return invocation.payload.decode("utf-8", "replace")


def invocations_table(invocations: Sequence[Invocation], events: Sequence[str] = ()) -> Table:
    """Return a row an invocation, with a bar: init phase, then invocation.

    `events` are the names of their events; they are only shown where they differ.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right")
    several = len(set(events)) > 1
    if several:
        table.add_column("event", overflow="fold")
    table.add_column("start", no_wrap=True)
    for name in ("init", "duration", "billed", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(Text.assemble(("█ init", "yellow"), " ", ("▒ invocation", "cyan")))
    longest = max((total_ms(item) for item in invocations), default=1.0) or 1.0
    for number, item in enumerate(invocations, 1):
        table.add_row(
            str(number),
            *([events[number - 1]] if several else []),
            item.start if item.status == "success" else f"{item.start} {item.status}",
            ms(item.init_ms),
            f"{item.duration_ms:,.1f} ms",
            ms(item.billed_ms),
            f"{item.max_memory_mb or '-'} MB",
            Bar((item.init_ms or 0.0) / longest, item.duration_ms / longest, width=40),
        )
    return table


def total_ms(invocation: Invocation) -> float:
    """Return what whoever invokes waits for: init phase and invocation."""
    return (invocation.init_ms or 0.0) + invocation.duration_ms


def comparison_table(runs: Mapping[str, Sequence[Invocation]], reference: str) -> Table:
    """Return a row for each way to ship: its cold and warm starts, as a multiple of `reference`'s.

    Medians; a cold start is the init phase and the first invocation.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("cold start", f"vs {reference}", "warm", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    cold = {name: _median(items, "cold") for name, items in runs.items()}
    for name, items in runs.items():
        memory = max((item.max_memory_mb or 0 for item in items), default=0)
        table.add_row(
            name,
            ms(cold[name]),
            f"{cold[name] / cold[reference]:.2f} x",
            f"{_median(items, 'warm'):,.1f} ms",
            f"{memory or '-'} MB",
            Bar(cold[name] / max(cold.values()), width=36),
        )
    return table


def _median(invocations: Sequence[Invocation], start: str) -> float:
    return median(total_ms(item) for item in invocations if item.start == start)
