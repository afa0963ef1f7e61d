"""Many sandboxes at once, cold and warm, with faults among them: nothing is lost or left."""

import ctypes
import json
import os
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hotpack import local
from hotpack.sandbox import Bucket, LocalLambda, Settings
from hotpack.sandbox.loopback import Handler

from .answers import breaks, refuses, sends, stalls
from .stage import Stage

SANDBOXES = 20
SHARE = 0.05
"""Of invocations, and of requests to the bucket, that something happens to."""

_DUE = {"crash": "exit status 3", "take_memory": "signal: killed"}
"""What a function is told to do to itself, and how that ends."""

_COUNTING = threading.Lock()
_MEMORY_MB = 192
_IDLE_LIFE_S = 0.5
_SAMPLE_S = 1.0
_M_MMAP_THRESHOLD = -3
"""As malloc.h has it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it."""

    invocations: int
    cold: int
    crashes: int
    """Invocations that were to end in an error, and did."""

    bucket_faults: int
    wrong: tuple[str, ...]
    left: tuple[str, ...]
    memory_mb: tuple[float, ...]
    """Of the supervisor, sampled each second."""

    def growth_mb(self) -> float:
        """Return how much more memory the supervisor has in the last quarter than in the second."""
        quarter = len(self.memory_mb) // 4
        if not quarter:
            return 0.0
        second = self.memory_mb[quarter : 2 * quarter]
        return sum(self.memory_mb[-quarter:]) / quarter - sum(second) / quarter


class _Misbehaviour:
    """Misbehaves with a share of the requests, in ways that pass."""

    def __init__(self, seed: int, over: threading.Event) -> None:
        self.faults = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._ways = [
            breaks(over, reset=True),
            breaks(over, reset=False),
            sends(over, content=lambda content: content[:-1]),
            sends(over, shift=1),
            refuses(over, status=500, code="InternalError"),
            refuses(over, status=503, code="SlowDown"),
            stalls(over),
        ]

    def __call__(self, handler: Handler, key: str, path: Path | None) -> bool:
        with self._lock:
            if self._random.random() >= SHARE:
                return False
            self.faults += 1
            way = self._random.choice(self._ways)
        return way(handler, key, path)


def put_load(stage: Stage, seconds: float, seed: int) -> Load:
    """Invoke the function from many threads for so long."""
    if stage.bucket is None:
        raise AssertionError("the function has no packs on S3")
    _give_back_what_is_freed()
    before, over = _what_is_there(), threading.Event()
    memory_mb: list[float] = []
    sampler = threading.Thread(target=_sample, args=(memory_mb, over, stage.bucket))
    misbehaviour = _Misbehaviour(seed, over)
    stage.bucket.fault = misbehaviour
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    with _running(stage) as function:
        marks = {path.name for path in _folders(stage)}
        sampler.start()
        ends = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_invoke, args=(stage, function, ends, seed + n, counts, wrong))
            for n in range(SANDBOXES)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        sampler.join()
    stage.bucket.fault = None
    stage.bucket.close()
    return Load(
        counts["all"],
        counts["cold"],
        counts["due"],
        misbehaviour.faults,
        tuple(wrong),
        tuple(_left(before, stage, marks)),
        tuple(memory_mb),
    )


def _running(stage: Stage) -> LocalLambda:
    function = replace(
        local.function_of(stage.built.release, "f"), code=stage.function, memory_mb=_MEMORY_MB
    )
    url = stage.bucket.url if stage.bucket else ""
    return LocalLambda(
        function,
        interpreter=stage.built.python,
        runtime_client=stage.built.runtime_client,
        state_dir=stage.folder / "state",
        settings=Settings(environment={"AWS_ENDPOINT_URL_S3": url}, idle_life_s=_IDLE_LIFE_S),
    )


def _invoke(
    stage: Stage,
    function: LocalLambda,
    ends: float,
    seed: int,
    counts: Counter[str],
    wrong: list[str],
) -> None:
    random_ = random.Random(seed)
    right = {"hot": stage.built.hot, "all": stage.built.all}
    while time.monotonic() < ends:
        look = random_.choice(("hot", "all"))
        do = random_.choice(tuple(_DUE)) if random_.random() < SHARE else None
        event = {"look": look, **({"do": do} if do else {})}
        invocation = function.invoke(json.dumps(event).encode())
        answer = json.loads(invocation.payload)
        with _COUNTING:
            counts["all"] += 1
            counts["cold"] += invocation.start == "cold"
            counts["due"] += do is not None
        if do is None:
            if answer != right[look]:
                wrong.append(f"{event}: {answer}")
        elif not (isinstance(answer, dict) and _DUE[do] in answer["errorMessage"]):
            wrong.append(f"{event}: {answer}")
        if random_.random() < 0.3:  # now and then longer than a sandbox is kept
            time.sleep(random_.uniform(0, 4 * _IDLE_LIFE_S))


def _give_back_what_is_freed() -> None:
    """Let glibc keep no large blocks: those of the faulty answers would look like the supervisor's.

    By itself it keeps blocks of the size of those that were freed, some for each thread.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


def _sample(memory_mb: list[float], over: threading.Event, bucket: Bucket) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while not over.wait(_SAMPLE_S):
        bucket.new_environment()  # it remembers each request, for tests
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory_mb.append(pages * page / 2**20)


# -- what is left -------------------------------------------------------------------------------


def _what_is_there() -> dict[str, set[str]]:
    return {
        "process": _descendants(os.getpid()),
        "mount": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "thread": {thread.name for thread in threading.enumerate()},
    }


def _left(before: dict[str, set[str]], stage: Stage, marks: set[str]) -> list[str]:
    after = _what_is_there()
    left = [f"{kind}: {each}" for kind, found in after.items() for each in found - before[kind]]
    left += [f"folder: {path}" for path in _folders(stage) if path.exists()]
    groups = Path("/sys/fs/cgroup").glob("**/hotpack-*")
    return left + [f"group: {g}" for g in groups if any(mark in g.name for mark in marks)]


def _folders(stage: Stage) -> list[Path]:
    """Return the folders of supervisors that run now: their sandboxes' groups are named by them."""
    return [path for path in (stage.folder / "state" / "sandboxes").iterdir() if path.is_dir()]


def _descendants(pid: int) -> set[str]:
    """Return the processes below one; threads and processes may end while it looks."""
    found: set[str] = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found |= {child, *_descendants(int(child))}
    return found
