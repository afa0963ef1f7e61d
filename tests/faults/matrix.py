"""What a fault is, and how one is tried: a function runs with it, and then again without."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from .stage import Stage

Kind = Literal["network", "data", "machine", "user"]
Inject = Callable[[Stage], AbstractContextManager[Mapping[str, str] | None]]


@contextmanager
def nothing(_: Stage) -> Iterator[None]:
    """Do nothing: the function itself does what is to be done, see its event or environment."""
    yield


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and what shall come of it."""

    name: str
    kind: Kind
    inject: Inject = nothing
    """What is there while the context is open; it may yield variables that the function needs."""

    error: str = ""
    """A pattern of the error that shall come; none where the response shall be right."""

    placement: Literal["bundled", "remote"] = "bundled"
    at: Literal["init", "touch"] = "init"
    """Whether it is there when the sandbox starts, or comes when all that is hot is restored."""

    do: str = ""
    """What the function does to itself, of function/app.py."""

    look: Literal["hot", "all"] = "all"
    """What the response depends on while the fault is there: hot files alone, or all."""

    memory_mb: int = 512
    on_disk_mb: int | None = None
    """The size of a file system of the test's own that the tree is restored to; None for /tmp."""

    environment: Mapping[str, str] = field(default_factory=dict)
    in_new_sandbox: bool = False
    """Whether the fault can only be gone in another sandbox, on the same disk."""

    is_slow: bool = False
    """Whether it is for the long form alone."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a fault."""

    fault: Fault
    wrong: str
    """What was not as it shall be; empty where all was."""

    said: str
    """The error's words, or the response's."""

    took_s: float


def try_fault(fault: Fault, stage: Stage) -> Tried:
    """Run the function with the fault and without it."""
    began = time.monotonic()
    first, after = _answers(fault, stage)
    took_s = time.monotonic() - began
    wrong = _wrong(fault, first, stage) or _wrong_after(after, stage)
    return Tried(fault, wrong, first, took_s)


def _answers(fault: Fault, stage: Stage) -> tuple[str, str]:
    """Return what the function says with the fault, and what behind it."""
    if fault.at == "touch":
        stage.open(fault.environment, fault.memory_mb)
        before = stage.invoke({"look": "hot"})
        if before != stage.built.hot:
            return f"error before the fault: {before}", ""
    with fault.inject(stage) as variables:
        if fault.at == "init":
            stage.open({**fault.environment, **(variables or {})}, fault.memory_mb)
        first = stage.invoke({"look": fault.look, **({"do": fault.do} if fault.do else {})})
    if fault.in_new_sandbox:
        stage.open({}, fault.memory_mb)
    return first, stage.invoke({"look": "all"})


def _wrong(fault: Fault, said: str, stage: Stage) -> str:
    right = stage.built.hot if fault.look == "hot" else stage.built.all
    if not fault.error:
        return "" if said == right else f"a response was due, and not: {said}"
    if not said.startswith("error: "):
        return f"WRONG RESULT: {said}" if said != right else "an error was due, and not a response"
    if "\n" in said:
        return f"more than one line: {said}"
    return "" if re.search(fault.error, said) else f"another error than {fault.error!r}: {said}"


def _wrong_after(said: str, stage: Stage) -> str:
    return "" if said == stage.built.all else f"with the fault gone: {said}"
