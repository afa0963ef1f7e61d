"""Kills a start at a random moment, and starts again on what it left."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .stage import Stage

PROGRAM = """
import os, sys
sys.path.insert(0, os.getcwd())
from hotpack_runtime.entry import handler
print(handler({}, None))
"""
"""What Lambda's runtime client does, in one process: init, then an invocation that needs all."""

_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Killed:
    """One start that was killed, perhaps several times, and what the next one said."""

    seed: int
    at_s: tuple[float, ...]
    wrong: str


def start(stage: Stage, root: Path) -> "subprocess.Popen[str]":
    """Start the function on a root, in a process of its own."""
    return subprocess.Popen(
        [stage.built.python, "-B", "-c", PROGRAM],
        cwd=stage.function,
        env={**os.environ, **environment_of(stage), "HOTPACK_ROOT": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def environment_of(stage: Stage) -> Mapping[str, str]:
    """Return what a start needs to find its packs."""
    if stage.bucket is None:
        return {}
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return {"AWS_ENDPOINT_URL_S3": stage.bucket.url, **credentials}


def said(process: "subprocess.Popen[str]") -> str:
    """Return what a start says, or how it failed."""
    try:
        output, _ = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"nothing for {_LONGEST_S} s"
    return output.strip()


def time_of_a_start(stage: Stage) -> float:
    """Return how long a start takes that nobody kills."""
    began = time.monotonic()
    if said(start(stage, stage.disk / "whole")) != stage.built.all:
        raise AssertionError("a start fails without being killed")
    return time.monotonic() - began


def kill(stage: Stage, seed: int, whole_s: float) -> Killed:
    """Kill up to three starts on the same root, one after the other; then let one live."""
    random_ = random.Random(seed)
    root = stage.disk / f"root-{seed}"
    moments = tuple(random_.uniform(0, whole_s) for _ in range(random_.randint(1, 3)))
    for moment_s in moments:
        process = start(stage, root)
        time.sleep(moment_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    answer = said(start(stage, root))
    left = [path.name for path in (root / "partial").iterdir()]
    wrong = "" if answer == stage.built.all else answer
    return Killed(seed, moments, wrong or (f"left behind: {left}" if left else ""))


def at_once(stage: Stage, number: int) -> list[str]:
    """Return what several starts say that restore the same tree at the same time."""
    root = stage.disk / "together"
    return [said(process) for process in [start(stage, root) for _ in range(number)]]
